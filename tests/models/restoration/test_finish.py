"""The white ground of restored garments."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.restoration.finish import finished

NEARLY_WHITE = 0.97


def garment(height=60, width=50, ground=NEARLY_WHITE):
    """Return a picture of a square of random dark colours, rows 20..40 and columns 10..35, and where it is."""
    generator = torch.Generator().manual_seed(0)
    image = ground + 0.01 * torch.rand(height, width, 3, generator=generator)
    image[20:40, 10:35] = 0.8 * torch.rand(20, 25, 3, generator=generator)
    where = torch.zeros(height, width, dtype=torch.bool)
    where[20:40, 10:35] = True
    return image, where


def test_the_ground_becomes_white_and_the_garment_stays_as_it_is():
    image, where = garment()
    pictures, masks = finished(image[None], feather=0)
    assert torch.equal(masks[0], where.float())
    assert torch.equal(pictures[0][~where], torch.ones(int((~where).sum()), 3))
    assert torch.equal(pictures[0][where], image[where])


def test_a_feather_fades_the_outline_and_nothing_else():
    image, where = garment()
    pictures, masks = finished(image[None], feather=2)
    inner, outer = torch.zeros_like(where), torch.ones_like(where)
    inner[22:38, 12:33] = True
    outer[18:42, 8:37] = False
    assert torch.equal(masks[0][inner], torch.ones(int(inner.sum())))
    assert torch.equal(masks[0][outer], torch.zeros(int(outer.sum())))
    across = masks[0][30, 7:15]  # over the left side, between columns 9 and 10
    torch.testing.assert_close(across, torch.tensor([0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1]), rtol=0, atol=1e-6)
    assert torch.equal(pictures[0][inner], image[inner]) and torch.equal(pictures[0][outer], torch.ones(int(outer.sum()), 3))
    torch.testing.assert_close(pictures[0], 1 + (image - 1) * masks[0][..., None], rtol=0, atol=1e-6)


def test_a_white_patch_inside_a_garment_stays():
    image, where = garment()
    image[25:30, 15:20] = 0.96
    pictures, masks = finished(image[None], feather=0)
    assert torch.equal(masks[0], where.float())
    assert torch.equal(pictures[0][where], image[where])


def test_a_gap_that_opens_to_the_ground_is_ground():
    image, where = garment()
    image[20:30, 20:24] = 1.0  # a neckline
    where[20:30, 20:24] = False
    assert torch.equal(finished(image[None], feather=0)[1][0], where.float())


def test_specks_vanish_and_pieces_stay():
    image, where = garment()
    image[5:7, 40:42] = 0.2  # 4 of 3000 pixels
    image[50:54, 40:44] = 0.2  # 16 of them
    where[50:54, 40:44] = True
    pictures, masks = finished(image[None], feather=0)
    assert torch.equal(masks[0], where.float())
    assert torch.equal(pictures[0][5:7, 40:42], torch.ones(2, 2, 3))


def test_a_garment_that_the_picture_cuts_off_is_found():
    image = torch.full((60, 50, 3), NEARLY_WHITE)
    image[30:, :] = 0.3  # white ground above, and none beside or below
    image[45:50, 20:30] = 1.0
    _, masks = finished(image[None], feather=0)
    assert torch.equal(masks[0], (torch.arange(60) >= 30).float()[:, None].expand(-1, 50))


@pytest.mark.parametrize("feather", [0, 1, 5])
def test_a_white_picture_has_an_empty_mask(feather):
    pictures, masks = finished(torch.full((1, 40, 30, 3), NEARLY_WHITE), feather=feather)
    assert torch.equal(masks, torch.zeros(1, 40, 30))
    assert torch.equal(pictures, torch.ones(1, 40, 30, 3))


@pytest.mark.parametrize("feather", [0, 1, 5])
def test_a_picture_without_ground_is_all_garment(feather):
    image = torch.full((1, 40, 30, 3), 0.5)
    pictures, masks = finished(image, feather=feather)
    torch.testing.assert_close(masks, torch.ones(1, 40, 30))
    torch.testing.assert_close(pictures, image)


@pytest.mark.parametrize(("tolerance", "is_ground"), [(0.05, False), (0.15, True)])
def test_the_tolerance_counts_in_each_channel(tolerance, is_ground):
    image, _ = garment(ground=0.99)
    image[..., 2] = torch.where(image[..., 2] > 0.9, torch.tensor(0.9), image[..., 2])  # a yellowish ground
    _, masks = finished(image[None], tolerance, feather=0)
    assert bool(masks[0, 0, 0] == 0) is is_ground


def test_pictures_of_a_batch_are_finished_alone_and_counted():
    image, _ = garment()
    batch, counted = torch.stack([image, image.flip(0), torch.ones_like(image)]), []
    pictures, masks = finished(batch, progress=lambda done, total: counted.append((done, total)))
    assert counted == [(1, 3), (2, 3), (3, 3)]
    for row in range(3):
        alone, mask = finished(batch[row : row + 1])
        assert torch.equal(pictures[row], alone[0]) and torch.equal(masks[row], mask[0])


@given(st.integers(0, 1000), st.integers(0, 3))
def test_whatever_the_picture_it_lies_between_it_and_white(seed, feather):
    blocks = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(seed)) * 1.6
    images = torch.nn.functional.interpolate(blocks, scale_factor=5)[0].movedim(0, -1)[None].clamp(0, 1)
    pictures, masks = finished(images, feather=feather)
    assert bool((masks >= 0).all()) and bool((masks <= 1).all())
    assert (pictures >= images - 1e-6).all() and (pictures <= 1 + 1e-6).all()
    dark = images.amin(-1) < 0.94
    if feather == 0:  # specks of under 0.2 % do not occur
        assert (masks[dark] == 1).all()
