"""Rows with their 95 % intervals: of means over samples, and of distances between sets."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .reports import Row

GROUPS = 10
_NORMAL_975 = 1.959964  # of the standard normal distribution
_STUDENT_975 = 2.262157  # of Student's t with GROUPS - 1 degrees of freedom


def mean_row(method: str, split: str, metric: str, values: Tensor) -> Row:
    """Return the mean of one value a sample, [N], with its normal interval: 1.96 standard errors either way.

    Raises:
        ValueError: if there are fewer than two values, which have no spread, or one is not finite.
    """
    values = _finite(values, method, split, metric)
    if len(values) < 2:
        raise ValueError(f"'{metric}' of '{method}' on {split} has one value, which has no interval: raise --count to at least 2.")
    mean = values.mean().item()
    error = values.std().item() / math.sqrt(len(values))
    return Row(method, split, metric, mean, (mean - _NORMAL_975 * error, mean + _NORMAL_975 * error), len(values))


def median_row(method: str, split: str, metric: str, values: Tensor) -> Row:
    """Return the median of one value a sample, [N], with the interval between two order statistics.

    How many of N values lie below the median is binomial; its normal approximation says which ones bound it with 95 %.

    Raises:
        ValueError: if there are fewer than two values, or one is not finite.
    """
    values = _finite(values, method, split, metric).sort().values
    if len(values) < 2:
        raise ValueError(f"'{metric}' of '{method}' on {split} has one value, which has no interval: raise --count to at least 2.")
    n = len(values)
    reach = _NORMAL_975 * math.sqrt(n) / 2
    low, high = max(0, math.floor(n / 2 - reach) - 1), min(n - 1, math.ceil(n / 2 + reach))
    return Row(method, split, metric, values.quantile(0.5).item(), (values[low].item(), values[high].item()), n)


def share_row(method: str, split: str, metric: str, values: Tensor) -> Row:
    """Return the mean of one share a sample, [N] in 0..1, with Wilson's interval (1927), which never leaves 0..1.

    It is meant for yes and no; shares between vary less, so for them it is rather too wide.

    Raises:
        ValueError: if there is no value, or one is not finite.
    """
    values = _finite(values, method, split, metric)
    n, share, square = len(values), values.mean().item(), _NORMAL_975**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = _NORMAL_975 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Row(method, split, metric, share, (max(0.0, middle - reach), min(1.0, middle + reach)), n)


def set_row(
    method: str,
    split: str,
    metric: str,
    distance: Callable[[Tensor, Tensor], float],
    first: Tensor,  # [N, D]
    second: Tensor,  # [M, D]
) -> Row:
    """Return the distance between two sets of features with the interval of a delete-a-group jackknife.

    Both sets are cut into ten groups; leaving each out in turn says how much the distance would vary between draws of
    this size (Shao and Tu, The Jackknife and Bootstrap, 1995, section 2.3). Bootstrapping would not do: samples drawn twice
    narrow a set, which by itself moves such a distance. n is the size of the smaller set.

    Raises:
        ValueError: if a set has fewer than 20 samples.
    """
    n = min(len(first), len(second))
    if n < 2 * GROUPS:
        raise ValueError(f"A distance between sets needs {2 * GROUPS} samples in each, and here there are {n}: raise --count.")
    value = distance(first, second)
    left_out = [distance(_without(first, group), _without(second, group)) for group in range(GROUPS)]
    spread = torch.tensor(left_out, dtype=torch.float64)
    error = ((GROUPS - 1) / GROUPS * (spread - spread.mean()).square().sum()).sqrt().item()
    return Row(method, split, metric, value, (value - _STUDENT_975 * error, value + _STUDENT_975 * error), n)


def _finite(values: Tensor, method: str, split: str, metric: str) -> Tensor:
    if not len(values) or not values.isfinite().all():
        raise ValueError(f"'{metric}' of '{method}' on {split} has no finite value for every sample.")
    return values.double()


def _without(features: Tensor, group: int) -> Tensor:
    return features[torch.arange(len(features)) % GROUPS != group]
