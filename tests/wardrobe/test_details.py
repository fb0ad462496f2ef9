"""Sewn details lie where they are put, and nowhere else."""

import pytest
import torch

from modiste.wardrobe import details
from modiste.wardrobe.details import Place
from modiste.wardrobe.pieces import Paint

GREY = 0.5
SEWN = {
    "button": lambda paint, place: details.button(paint, place),
    "button row": lambda paint, place: details.button_row(paint, place, 0.08),
    "zip": lambda paint, place: details.zip_fastener(paint, place, 0.12),
    "patch pocket": lambda paint, place: details.patch_pocket(paint, place, 0.12, 0.13),
    "flapped pocket": lambda paint, place: details.patch_pocket(paint, place, 0.12, 0.13, flap=0.05),
    "slit pocket": lambda paint, place: details.slit_pocket(paint, place, 0.12, 0.3),
    "pouch": lambda paint, place: details.pouch_pocket(paint, place, 0.2, 0.12),
    "drawstrings": lambda paint, place: details.drawstrings(paint, place, 0.12),
    "belt loops": lambda paint, place: details.belt_loops(paint, place, 0.1),
}


def spots(step=0.002, reach=0.15):
    line = torch.arange(-reach, reach, step) + step / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    return x.flatten(), y.flatten()


def cloth(count):
    return Paint(torch.full((count, 3), GREY))


@pytest.mark.parametrize("name", SEWN)
@pytest.mark.parametrize("footprint", [0.0, 0.003, 0.008])
def test_details_show_only_where_they_may(name, footprint):
    x, y = spots()
    shown = SEWN[name](cloth(len(x)), Place(x, y, (x > 0).float(), footprint))
    changed = (shown.color - GREY).abs().amax(1) > 0.02
    assert changed.any() and (x[changed] > 0).all()
    assert shown.color.isfinite().all() and shown.color.min() >= 0 and shown.color.max() <= 1
    assert shown.relief.isfinite().all() and shown.relief.abs().max() < 0.01


def test_a_button_is_a_disc_of_its_colour():
    x, y = spots(0.0005, 0.02)
    color = (0.9, 0.8, 0.1)
    shown = details.button(cloth(len(x)), Place(x, y, torch.ones(len(x))), 0.008, color).color
    is_button = (shown - torch.tensor(color)).abs().amax(1) < 0.02
    area = float(is_button.sum()) * 0.0005**2
    assert 0.75 * 3.1416 * 0.008**2 < area <= 1.02 * 3.1416 * 0.008**2  # without its holes and rim
    assert torch.hypot(x, y)[is_button].max() < 0.0085


def test_moved_details_move_and_mirrored_ones_appear_twice():
    x, y = spots()
    place = Place(x, y, torch.ones(len(x))).both_sides().moved(x=0.08, y=0.05)
    shown = details.button(cloth(len(x)), place, 0.01, (1.0, 0.0, 0.0)).color[:, 0] > 0.9
    left, right = shown & (x > 0), shown & (x < 0)
    for side, sign in ((left, 1), (right, -1)):
        assert abs(float(x[side].mean()) - sign * 0.08) < 0.002 and abs(float(y[side].mean()) - 0.05) < 0.002


def test_a_thin_line_never_vanishes_from_afar():
    for offset in torch.linspace(0, 0.008, 9).tolist():
        across = torch.arange(-5, 6) * 0.008 + offset
        assert details.line(across, 0.0013, 0.008).max() > 0.15


def test_cuffs_are_ribbed_to_their_depth():
    to_edge = torch.linspace(0, 0.2, 2001)
    shown = details.ribbed(cloth(2001), torch.full((2001,), 0.001), to_edge, 0.05).color[:, 0]
    assert (shown[to_edge > 0.06] == GREY).all()
    assert (shown[to_edge < 0.045] != GREY).all()
