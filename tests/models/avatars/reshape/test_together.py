"""Layers that would newly cross move as one."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.lab.evaluation.metrics.crossings import newly_crossing
from modiste.models.avatars.reshape.together import CORE, REACH, together


def sheets(gap=0.002, side=21, size=0.1):
    """Two square sheets, one a little above the other, as one mesh."""
    line = torch.linspace(0, size, side, dtype=torch.float64)
    x, y = (grid.flatten() for grid in torch.meshgrid(line, line, indexing="ij"))
    corner = (torch.arange(side - 1)[:, None] * side + torch.arange(side - 1)).flatten()
    square = torch.stack([corner, corner + 1, corner + side, corner + 1, corner + side + 1, corner + side], 1).view(-1, 3)
    sheet = torch.stack([x, y, torch.zeros_like(x)], 1)
    above = sheet + torch.tensor([0.0007, 0.0013, gap], dtype=torch.float64)
    return torch.cat([sheet, above]), torch.cat([square, square + len(sheet)])


def test_layers_that_sink_through_each_other_no_longer_do():
    rest, faces = sheets()
    half = len(rest) // 2
    bump = 0.004 * torch.exp(-((rest[:, :2] - 0.05) / 0.006).square().sum(1))
    moved = 1.1 * rest + 0.2
    moved[:half, 2] += bump[:half]
    crossing = newly_crossing(rest, moved, faces)
    crossed = torch.zeros(len(rest), dtype=torch.bool)
    crossed[faces[crossing].flatten()] = True
    assert crossing.sum() > 8
    mended = together(rest, moved, crossed, torch.ones_like(crossed))
    assert not newly_crossing(rest, mended, faces).any()
    far = torch.cdist(rest, rest[crossed]).amin(1) > REACH
    assert far.any() and mended[far].equal(moved[far])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_an_affine_motion_stays_as_it_is(seed):
    rest, _ = sheets(gap=0.02, side=9)
    draw = torch.Generator().manual_seed(seed)
    linear = torch.eye(3, dtype=torch.float64) + 0.3 * torch.randn(3, 3, generator=draw, dtype=torch.float64)
    moved = rest @ linear + torch.randn(3, generator=draw, dtype=torch.float64)
    crossed = torch.rand(len(rest), generator=draw) < 0.1
    mended = together(rest, moved, crossed, torch.ones_like(crossed))
    assert float((mended - moved).abs().max()) < 1e-3


def test_around_what_crosses_everything_goes_by_one_map():
    rest, _ = sheets()
    draw = torch.Generator().manual_seed(0)
    moved = rest + 0.001 * torch.randn(rest.shape, generator=draw, dtype=torch.float64)
    crossed = torch.zeros(len(rest), dtype=torch.bool)
    crossed[10 * 21 + 10] = True
    mended = together(rest, moved, crossed, torch.ones_like(crossed))
    core = (rest - rest[10 * 21 + 10]).norm(dim=1) < 0.99 * CORE
    one = torch.cat([rest, torch.ones(len(rest), 1, dtype=torch.float64)], 1)[core]
    assert core.sum() > 12
    assert float((one @ torch.linalg.lstsq(one, mended[core]).solution - mended[core]).abs().max()) < 1e-9


def test_what_may_not_move_stays_and_nothing_crossed_changes_nothing():
    rest, _ = sheets()
    moved = rest + 0.01 * torch.rand(rest.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    crossed, none = torch.ones(len(rest), dtype=torch.bool), torch.zeros(len(rest), dtype=torch.bool)
    assert together(rest, moved, crossed, none).equal(moved)
    assert together(rest, moved, none, crossed).equal(moved)
    loose = torch.arange(len(rest)) < len(rest) // 2
    assert together(rest, moved, crossed, loose)[~loose].equal(moved[~loose])
