"""Means and their intervals."""

import pytest
import torch

from modiste.lab.evaluation.intervals import mean_row, set_row, share_row
from modiste.lab.evaluation.metrics.frechet import frechet_distance


def mean_distance(first, second):
    return (first.mean(0) - second.mean(0)).norm().item()


def test_mean_and_interval_of_known_values():
    row = mean_row("ours", "people", "psnr", torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert (row.method, row.split, row.metric, row.n) == ("ours", "people", "psnr", 4)
    assert row.mean == 2.5
    assert row.ci95 == pytest.approx((2.5 - 1.959964 * 0.6454972, 2.5 + 1.959964 * 0.6454972), rel=1e-6)


def test_intervals_cover_the_true_mean_about_nineteen_times_in_twenty():
    draws = torch.rand(1000, 60, generator=torch.Generator().manual_seed(0))
    rows = [mean_row("", "", "", draw) for draw in draws]
    assert 0.93 < sum(row.ci95[0] < 0.5 < row.ci95[1] for row in rows) / len(rows) < 0.97


def test_one_value_has_no_interval():
    with pytest.raises(ValueError, match="raise --count to at least 2"):
        mean_row("ours", "people", "psnr", torch.tensor([3.0]))


def test_shares_have_the_published_interval():
    """16 of 20, an example of Wilson's interval without continuity correction: 0.584 to 0.919."""
    row = share_row("ours", "flats", "text_agreement", torch.tensor([1.0] * 16 + [0.0] * 4))
    assert (row.mean, row.n) == (0.8, 20)
    assert row.ci95 == pytest.approx((0.5840, 0.9193), abs=1e-4)


@pytest.mark.parametrize(("value", "interval"), [(0.0, (0.0, 0.1611)), (1.0, (0.8389, 1.0))])
def test_shares_at_the_ends_have_an_interval_with_a_width(value, interval):
    """1.96^2 / (20 + 1.96^2) from the end."""
    assert share_row("", "", "", torch.full((20,), value)).ci95 == pytest.approx(interval, abs=1e-4)


@pytest.mark.parametrize("values", [torch.tensor([]), torch.tensor([1.0, float("nan")]), torch.tensor([float("inf")])])
@pytest.mark.parametrize("row", [mean_row, share_row])
def test_what_is_not_a_number_never_reaches_a_table(row, values):
    with pytest.raises(ValueError, match="no finite value"):
        row("ours", "people", "psnr", values)


def test_set_intervals_cover_the_true_distance_about_nineteen_times_in_twenty():
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(400):
        first, second = torch.randn(2, 50, 3, generator=generator)
        row = set_row("", "", "", mean_distance, first, second + torch.tensor([4.0, 0.0, 0.0]))
        covered += row.ci95[0] < 4 < row.ci95[1]
    assert 0.91 < covered / 400 < 0.99


def test_spread_of_a_frechet_distance_is_that_of_fresh_draws():
    """The jackknife's interval is about as wide as the distance varies over independent pairs of sets."""
    generator = torch.Generator().manual_seed(1)
    pairs = [torch.randn(2, 200, 4, generator=generator) + torch.tensor([[[0.0]], [[1.0]]]) for _ in range(60)]
    rows = [set_row("", "", "", frechet_distance, *pair) for pair in pairs]
    spread = torch.tensor([row.mean for row in rows]).std().item()
    width = torch.tensor([row.ci95[1] - row.mean for row in rows]).mean().item() / 2.262157
    assert 0.7 < width / spread < 1.4


def test_sets_too_small_for_groups_are_refused():
    with pytest.raises(ValueError, match="needs 20 samples"):
        set_row("", "", "fd_own", frechet_distance, torch.zeros(19, 2), torch.zeros(30, 2))
