import random
from types import SimpleNamespace

import pytest
import torch

from modiste.wardrobe.backgrounds import KINDS, Background, GroundShadow, draw_background, paint_background
from modiste.wardrobe.framing import framed

FEET = 0.3 * (torch.rand(3000, 3, generator=torch.Generator().manual_seed(1)) - torch.tensor([0.5, 0.0, 0.5]))
SHADOW = GroundShadow(FEET, (0.5, 0.75, 0.75))


def points(width=0.5):
    generator = torch.Generator().manual_seed(2)
    return torch.rand(500, 3, generator=generator) * torch.tensor([width, 1.8, 0.3]) - torch.tensor([width / 2, 0.0, 0.15])


@pytest.mark.parametrize("azimuth", [0.0, 45.0, -100.0, 180.0])
@pytest.mark.parametrize("elevation", [-4.0, 14.0])
def test_what_is_framed_fills_the_picture_but_for_its_margin(azimuth, elevation):
    camera = framed(points(), azimuth, elevation, 20.0, 0.05, (0.0, 0.0), 192, 256)
    seen = points() @ camera.view[:3, :3].T + camera.view[:3, 3]
    pixels = (seen @ camera.intrinsics.T)[:, :2] / seen[:, 2:]
    share = pixels / torch.tensor([192.0, 256.0])
    assert share.min() > 0.04 and share.max() < 0.96
    assert (share.amax(0) - share.amin(0)).max() > 0.86


def test_azimuth_90_sees_the_left_side():
    camera = framed(points(), 90.0, 0.0, 20.0, 0.05, (0.0, 0.0), 192, 256)
    assert camera.position[0] > 1.0 and abs(float(camera.position[2])) < 0.2


def test_a_shift_moves_the_person_in_the_picture():
    camera, moved = (framed(points(), 0.0, 0.0, 20.0, 0.05, shift, 200, 300) for shift in ((0.0, 0.0), (0.1, -0.05)))
    torch.testing.assert_close(moved.intrinsics - camera.intrinsics, torch.tensor([[0, 0, 20.0], [0, 0, -15.0], [0, 0, 0]]))


def camera():
    return framed(points(), 30.0, 5.0, 20.0, 0.05, (0.0, 0.0), 48, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_turn_with_the_camera(kind):
    background = Background(kind, "grey", (0.5, 0.5, 0.5), (0.4, 0.3, 0.2), 5)
    pictures = []
    for azimuth in (0.0, 130.0):
        view = framed(points(0.0) * torch.tensor([1.0, 1.0, 0.0]), azimuth, 5.0, 20.0, 0.05, (0.0, 0.0), 48, 64)
        pictures.append(paint_background(background, view, azimuth, SimpleNamespace(at=lambda floor: torch.zeros(len(floor)))))
    assert pictures[0].shape == (64, 48, 3)
    assert pictures[0].min() >= 0 and pictures[0].max() <= 1
    torch.testing.assert_close(*pictures, atol=0.02, rtol=0)


def test_paper_has_the_colour_of_its_word():
    background = Background("paper", "teal", (0.05, 0.45, 0.46), (0.5, 0.5, 0.5), 0)
    painted = paint_background(background, camera(), 30.0, SHADOW)
    torch.testing.assert_close(painted[:16].mean((0, 1)), torch.tensor(background.color), atol=0.05, rtol=0)


def test_floor_is_darker_under_a_person_than_far_from_it():
    under, far = SHADOW.at(torch.tensor([[0.0, 0.0], [2.2, -2.2]]))
    assert under > 0.3 and far < 0.02


def test_captions_words_of_backgrounds():
    drawn = [draw_background(random.Random(index)) for index in range(200)]
    assert {background.kind for background in drawn} == set(KINDS)
    assert Background("paper", "orange", (1, 0.5, 0), (0, 0, 0), 0).words == "against an orange background"
    assert Background("wall", "grey", (0.5, 0.5, 0.5), (0, 0, 0), 0).words == "against a grey wall"
    assert Background("street", "", (0.5, 0.5, 0.5), (0, 0, 0), 0).words == "on a street"
