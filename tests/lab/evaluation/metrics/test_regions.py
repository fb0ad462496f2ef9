"""Crops of parts: what is in them, and that place and surroundings do not matter."""

import pytest
import torch

from modiste.lab.evaluation.metrics.regions import CROP, region_crops, region_masks, similarity
from modiste.models.geometry import Mesh
from modiste.models.render import look_at


def red_block(top, left, height, width, around):
    """Return a picture with a red block, and where it is."""
    picture = torch.full((1, 90, 60, 3), around)
    mask = torch.zeros(1, 90, 60, dtype=torch.bool)
    mask[:, top : top + height, left : left + width] = True
    picture[mask] = torch.tensor([1.0, 0.0, 0.0])
    return picture, mask


def test_a_crop_shows_the_part_on_white_with_its_proportions():
    crop = region_crops(*red_block(10, 20, 40, 20, around=0.3))
    assert crop.shape == (1, 3, CROP, CROP)
    white, red = (crop[0] > 0.999).all(0), (crop[0, 0] > 0.999) & (crop[0, 1:] < 0.001).all(0)
    assert (white | red).float().mean() > 0.9  # the rest is the edge between
    rows, columns = (red.any(1 - axis).nonzero()[:, 0] for axis in (0, 1))
    assert len(rows) == pytest.approx(40 / 42 * CROP, abs=8)
    assert len(columns) == pytest.approx(20 / 42 * CROP, abs=8)
    assert rows.float().mean() == pytest.approx(CROP / 2, abs=4) and columns.float().mean() == pytest.approx(CROP / 2, abs=4)


def test_neither_place_nor_surroundings_change_a_crop():
    first = region_crops(*red_block(10, 20, 30, 25, around=0.3))
    assert torch.equal(first, region_crops(*red_block(55, 1, 30, 25, around=0.9)))


def test_a_part_that_is_not_seen_is_white():
    picture, mask = red_block(10, 20, 30, 25, around=0.3)
    assert (region_crops(picture, mask & False) == 1).all()


def test_a_mask_is_what_the_camera_sees_of_the_part():
    def square(z, half):
        return [[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]

    vertices = torch.tensor([*square(0.0, 1.0), *square(0.5, 0.4)])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    camera = look_at(torch.tensor([0.0, 0, 4]), torch.zeros(3), 40, 64, 64)
    behind = region_masks(Mesh(vertices, faces), torch.tensor([True, True, False, False]), [camera])[0]
    # Half a square in pixels is its half side times the focal length over its distance, and the focal length is 32 / tan(20 deg).
    y, x = torch.meshgrid(torch.arange(64) + 0.5 - 32, torch.arange(64) + 0.5 - 32, indexing="ij")
    reach = torch.maximum(x.abs(), y.abs())
    assert torch.equal(behind, (reach < 87.92 / 4) & (reach > 0.4 * 87.92 / 3.5))


def test_similarity_is_the_cosine_of_features():
    first, second = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    first[:, 0], second[0, 0], second[1, :2] = 1.0, 0.5, 1.0
    found = similarity(lambda pictures: pictures.mean((2, 3)), first, second)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.5**0.5]))
