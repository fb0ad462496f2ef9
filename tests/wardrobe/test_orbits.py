"""What an orbit promises: one person who holds still before cameras all round."""

import math
import random

import pytest
import torch

from modiste.wardrobe.dressing import posed
from modiste.wardrobe.framing import draw_shot
from modiste.wardrobe.orbits import orbit_sample
from modiste.wardrobe.samples import dressed

SEED, VIEWS, SIZE = 5, 4, (96, 128)


@pytest.fixture(scope="module")
def orbit():
    return orbit_sample(SEED, 0, VIEWS, *SIZE)


def test_cameras_stand_evenly_round_the_person(orbit):
    middle = torch.stack([camera.position for camera in orbit.cameras]).mean(0)
    angles = [math.degrees(math.atan2(*(camera.position - middle)[[0, 2]].tolist())) for camera in orbit.cameras]
    turns = [(angle - view * 360 / VIEWS + 180) % 360 - 180 for view, angle in enumerate(angles)]
    assert max(map(abs, turns)) < 0.1


def test_the_whole_person_is_in_every_picture(orbit):
    assert orbit.images.shape == (VIEWS, SIZE[1], SIZE[0], 3)
    for mask in orbit.masks:
        assert 0.03 < mask.float().mean() < 0.6
        assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
    assert torch.equal(orbit.masks, orbit.depth > 0)


def test_every_views_depth_is_one_body_in_one_world(orbit):
    """Points of all views, carried to world space by their cameras, lie on the person's mesh."""
    person = dressed(SEED, 0)
    shot = draw_shot(random.Random(f"orbit:{SEED}:0"), person, seats=False)
    vertices = posed(person, shot.pose.rotations).vertices
    for camera, depth in zip(orbit.cameras, orbit.depth, strict=True):
        row, column = (depth > 0).nonzero()[::40].unbind(1)
        world = unprojected(camera, depth, row, column)
        assert torch.cdist(world, vertices).amin(1).quantile(0.95) < 0.02


def test_light_stays_where_it_is():
    """A spot of the surface has one colour in views from an eighth of a turn apart."""
    close = orbit_sample(SEED, 0, 8, *SIZE)
    differences = []
    for view in range(7):
        first, second = close.cameras[view], close.cameras[view + 1]
        row, column = close.masks[view].nonzero().unbind(1)
        world = unprojected(first, close.depth[view], row, column)
        seen = world @ second.view[:3, :3].T + second.view[:3, 3]
        x, y = ((seen @ second.intrinsics.T)[:, :2] / seen[:, 2:]).long().unbind(1)
        shown = (seen[:, 2] - close.depth[view + 1][y, x]).abs() < 0.004
        colors = close.images[view][row, column].float(), close.images[view + 1][y, x].float()
        differences.append((colors[0] - colors[1]).mean(1)[shown].abs())
    assert torch.cat(differences).median() < 4


def unprojected(camera, depth, row, column):
    """Return the world positions [N, 3] of pixels."""
    pixel = torch.stack([column + 0.5, row + 0.5, torch.ones(len(row))], 1)
    seen = pixel @ torch.linalg.inv(camera.intrinsics).T * depth[row, column, None]
    return (seen - camera.view[:3, 3]) @ camera.view[:3, :3]


def test_caption_says_what_the_front_shows(orbit):
    assert orbit.caption.startswith(("a woman wearing", "a man wearing"))
    assert "seen from" not in orbit.caption


@pytest.mark.parametrize(("index", "views", "reason"), [(-1, 4, "count from 0"), (0, 0, "at least 1")])
def test_impossible_orbits_are_refused(index, views, reason):
    with pytest.raises(ValueError, match=reason):
        orbit_sample(SEED, index, views)
