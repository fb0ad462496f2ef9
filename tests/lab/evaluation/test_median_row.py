"""Medians with the interval between two order statistics, whose coverage is a matter of counting."""

import math

import pytest
import torch

from modiste.lab.evaluation.intervals import median_row


def row_of(values):
    return median_row("ours", "paired", "delta_e", torch.as_tensor(values, dtype=torch.float32))


def coverage(count, low, high):
    """Return how often the median of a distribution lies between the order statistics with these places, counted from 0."""
    return sum(math.comb(count, below) for below in range(low + 1, high + 1)) / 2**count


def test_the_median_of_few_values_lies_between_the_smallest_and_the_largest():
    """By hand: of 6 values all lie on one side of the median once in 32 times, of 7 once in 64."""
    row = row_of([3.0, 9.0, 1.0, 7.0, 2.0, 4.0])
    assert (row.method, row.split, row.metric, row.n) == ("ours", "paired", "delta_e", 6)
    assert (row.mean, row.ci95) == (3.5, (1.0, 9.0))
    row = row_of([3.0, 9.0, 1.0, 7.0, 2.0, 4.0, 8.0])
    assert (row.mean, row.ci95) == (4.0, (1.0, 9.0))


@pytest.mark.parametrize("count", [*range(6, 60), 100, 250, 500])
def test_the_interval_is_between_order_statistics_that_hold_the_median_19_times_in_20(count):
    low, high = row_of(torch.arange(count).flip(0)).ci95
    assert low == int(low) and high == int(high)  # the values are their own places
    assert coverage(count, int(low), int(high)) > 0.95
    if count >= 100:  # and it is no wider than it has to be
        assert coverage(count, int(low), int(high)) < 0.97


def test_intervals_cover_the_true_median_about_nineteen_times_in_twenty():
    draws = torch.rand(1000, 51, generator=torch.Generator().manual_seed(0)).exp()  # lopsided; their median is exp(1/2)
    rows = [row_of(draw) for draw in draws]
    assert 0.93 < sum(row.ci95[0] < math.exp(0.5) < row.ci95[1] for row in rows) / len(rows) < 0.985


def test_one_picture_that_went_wrong_moves_nothing():
    values = list(range(1, 40))
    assert row_of([*values[:-1], 1e6]) == row_of(values)


def test_one_value_has_no_interval():
    with pytest.raises(ValueError, match="raise --count to at least 2"):
        row_of([3.0])


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf, 1.0]])
def test_what_is_not_a_number_never_reaches_a_table(values):
    with pytest.raises(ValueError, match="'delta_e' of 'ours' on paired has no finite value"):
        row_of(values)
