"""Fabrics have the colours they are given, and patterns of the size they state."""

import pytest
import torch

from modiste.wardrobe.fabrics import PATTERN_WORDS, PATTERNS, Fabric, weave

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


@pytest.mark.parametrize("pattern, share", [("stripes", 0.35), ("dots", None), ("blocks", None), ("pinstripes", None)])
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


# Metres after which a pattern repeats, across and up; None where it does not change that way.
PERIODS = {
    "stripes": (None, 0.040),
    "wide stripes": (None, 0.090),
    "vertical stripes": (0.042, None),
    "pinstripes": (0.028, None),
    "blocks": (None, 0.22),
    "checks": (0.084, 0.084),
    "gingham": (0.036, 0.036),
    "windowpane": (0.070, 0.070),
    "tartan": (0.090, 0.090),
    "houndstooth": (0.048, 0.048),
    "zigzag": (0.060, 0.072),
    "argyle": (0.060, 0.090),
    "dots": (0.042, 2 * 0.042 * 0.866),
    "large dots": (0.080, 2 * 0.080 * 0.866),
    "stars": (0.060, 2 * 0.060 * 0.866),
    "hearts": (0.056, 2 * 0.056 * 0.866),
    "herringbone": (0.072, 0.018),
    "knit": (0.0375, 0.006),
    "cable": (0.060, 0.24),
    "corduroy": (0.011, None),
}


@pytest.mark.parametrize("pattern", PERIODS)
def test_patterns_repeat_as_documented(pattern):
    fabric = Fabric(pattern, (GROUND, MARK))
    place = cloth(0.1, 0.0031)
    colors = weave(fabric, place, 0).color
    for axis, period in enumerate(PERIODS[pattern]):
        moved = place.clone()
        moved[:, axis] += 0.0371 if period is None else period
        # Dye and nap vary by a few parts in a hundred; edges may fall on the other side of a spot.
        off = (weave(fabric, moved, 0).color - colors).abs().amax(1)
        assert (off > 0.12).float().mean() < 0.02, axis


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if PATTERNS[name][1] > 1])
def test_patterns_of_several_colours_are_seen_at_the_size_of_small_pictures(pattern):
    """A metre is about 130 pixels there; what is drawn must not blur into one tone."""
    dark, light = (0.1, 0.12, 0.25), (0.95, 0.93, 0.85)
    colors = weave(Fabric(pattern, (dark, light, (0.8, 0.3, 0.2))), cloth(0.6, 0.0077), 0, 0.0077).color
    assert colors.std(0).mean() > 0.05


@pytest.mark.parametrize("pattern", ["stripes", "vertical stripes", "pinstripes", "checks", "gingham", "windowpane"])
def test_a_coarse_spot_is_the_mean_of_the_fine_ones_it_stands_for(pattern):
    fabric = Fabric(pattern, (GROUND, MARK))
    size, parts = 0.008, 8
    spots = cloth(0.12, size)
    inside = (cloth(1.0, 1 / parts) + 0.5 / parts - 0.5) * size
    fine = weave(fabric, (spots[:, None] + inside).reshape(-1, 2), 0).color.view(len(spots), -1, 3).mean(1)
    coarse = weave(fabric, spots, 0, size).color
    assert (fine - coarse).abs().mean() < 0.02


def test_one_footprint_for_all_and_one_for_each_agree():
    spots = cloth(0.2, 0.004)
    for pattern in PATTERNS:
        fabric = Fabric(pattern, (GROUND, MARK, HEART))
        each = weave(fabric, spots, 1, torch.full((len(spots),), 0.004)).color
        torch.testing.assert_close(weave(fabric, spots, 1, 0.004).color, each, atol=1e-4, rtol=0)


def test_every_pattern_has_a_word_and_no_two_the_same():
    assert {*PATTERN_WORDS} == {*PATTERNS} and len({*PATTERN_WORDS.values()}) == len(PATTERNS)


def test_flowers_have_the_colours_they_are_given():
    petals, heart = (0.95, 0.2, 0.3), (0.95, 0.9, 0.2)
    for pattern in ("floral", "ditsy", "daisies"):
        colors = weave(Fabric(pattern, ((0.1, 0.1, 0.3), petals, heart)), cloth(0.5, 0.002), 0).color
        for color, share in ((petals, 0.02), (heart, 0.003)):
            assert ((colors - torch.tensor(color)).abs().amax(1) < 0.12).float().mean() > share, pattern
