"""Fabrics have the colours they are given, and patterns of the size they state."""

import pytest
import torch

from modiste.wardrobe.fabrics import PATTERNS, Fabric, weave

GROUND, MARK, HEART = (0.8, 0.2, 0.2), (0.1, 0.2, 0.6), (0.9, 0.8, 0.2)


def cloth(width=0.4, step=0.001):
    line = torch.arange(0, width, step)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)


def nearest(colors, choices):
    return torch.cdist(colors, torch.tensor(choices)).argmin(1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_finite_deterministic_and_colourful(pattern):
    fabric = Fabric(pattern, (GROUND, MARK, HEART))
    first, second = weave(fabric, cloth(), 5), weave(fabric, cloth(), 5)
    assert torch.equal(first.color, second.color)
    assert first.color.isfinite().all() and first.color.shape == (len(cloth()), 3)
    assert first.color.min() > -0.1 and first.color.max() < 1.2


@pytest.mark.parametrize(
    "pattern, share", [("stripes", 0.35), ("dots", None), ("blocks", None), ("pinstripes", None)]
)
def test_ground_and_mark_are_the_given_colours(pattern, share):
    colors = weave(Fabric(pattern, (GROUND, MARK)), cloth(), 0).color
    marked = nearest(colors, (GROUND, MARK)).float().mean()
    assert 0.02 < marked < 0.7
    if share:
        assert abs(float(marked) - share) < 0.02
    plain = colors[nearest(colors, (GROUND, MARK)) == 0].median(0).values
    torch.testing.assert_close(plain, torch.tensor(GROUND), atol=0.03, rtol=0)


def test_stripes_run_across_and_repeat_every_forty_millimetres():
    up = torch.stack([torch.zeros(2000), torch.linspace(0, 0.4, 2000)], 1)
    crossings = nearest(weave(Fabric("stripes", (GROUND, MARK)), up, 0).color, (GROUND, MARK)).diff().ne(0).sum()
    assert abs(int(crossings) - 2 * 10) <= 1
    across = torch.stack([torch.linspace(0, 0.4, 500), torch.full((500,), 0.02)], 1)
    assert nearest(weave(Fabric("stripes", (GROUND, MARK)), across, 0).color, (GROUND, MARK)).unique().numel() == 1


def test_scale_enlarges_the_pattern():
    up = torch.stack([torch.zeros(2000), torch.linspace(0, 0.4, 2000)], 1)
    crossings = nearest(weave(Fabric("stripes", (GROUND, MARK), 2.0), up, 0).color, (GROUND, MARK)).diff().ne(0).sum()
    assert abs(int(crossings) - 2 * 5) <= 1


def test_gradient_goes_from_the_first_colour_at_the_top_to_the_second_below():
    ends = torch.tensor([[0.0, 0.4], [0.0, -0.5]])
    colors = weave(Fabric("gradient", (GROUND, MARK)), ends, 0).color
    assert nearest(colors, (GROUND, MARK)).tolist() == [0, 1]


def test_an_unknown_pattern_and_missing_colours_are_told():
    with pytest.raises(ValueError, match="no fabric pattern 'tweed'"):
        weave(Fabric("tweed", (GROUND,)), cloth(0.01), 0)
    with pytest.raises(ValueError, match="needs 2 colours"):
        weave(Fabric("stripes", (GROUND,)), cloth(0.01), 0)
