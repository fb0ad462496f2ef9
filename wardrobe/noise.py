"""Smooth noise, fast to look up at millions of spots, the same on every machine."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_PERIOD = 32  # units after which the noise repeats
_FINE = 4  # samples a unit


def noise(points: Tensor, seed: int = 0) -> Tensor:
    """Return smooth noise in about -1..1 at points [N, D], D up to 3, with features about one unit large."""
    shift = torch.rand(3, generator=torch.Generator().manual_seed(seed)) * _PERIOD
    full = torch.zeros(len(points), 3)
    full[:, : points.shape[1]] = points
    place = ((full + shift) / _PERIOD) % 1
    volume = _volume()
    # The volume carries one extra sample at its end, equal to its first.
    grid = (2 * place - 1).view(1, 1, 1, -1, 3)
    return torch.nn.functional.grid_sample(volume, grid, align_corners=True)[0, 0, 0, 0]


def layered(points: Tensor, octaves: int, seed: int = 0) -> Tensor:
    """Return noise of several scales, each half as large and half as strong as the last; about -1..1."""
    return sum(0.5**level * noise(points * 2.0**level, seed + level) for level in range(octaves)) / (2 - 0.5 ** (octaves - 1))


def scatter_values(cells: Tensor, seed: int) -> Tensor:
    """Return a pseudo-random value in 0..1 for each integer cell [N, 2]."""
    table = torch.rand(64 * 64, generator=torch.Generator().manual_seed(seed))
    return table[(cells[:, 0] % 64) * 64 + cells[:, 1] % 64]


def smoothstep(low: float, high: float, value: Tensor) -> Tensor:
    """Rise smoothly from 0 at `low` to 1 at `high`; falls where `low` is the larger."""
    amount = ((value - low) / (high - low)).clamp(0, 1)
    return amount * amount * (3 - 2 * amount)


def ridge(value: Tensor, width: float | Tensor) -> Tensor:
    """Return 1 where the value is 0, falling softly to both sides over about `width`."""
    return torch.exp(-((value / width) ** 2))


@cache
def _volume() -> Tensor:
    """A periodic block of random lattice values [1, 1, S, S, S], smoothly interpolated between them."""
    values = 2 * torch.rand(_PERIOD, _PERIOD, _PERIOD, generator=torch.Generator().manual_seed(7)) - 1
    step = torch.arange(_FINE) / _FINE
    step = step * step * (3 - 2 * step)
    for axis in range(3):
        following = values.roll(-1, axis)
        values = torch.stack([torch.lerp(values, following, amount) for amount in step], axis + 1).flatten(axis, axis + 1)
        values = values.contiguous()
    for axis in range(3):
        values = torch.cat([values, values.narrow(axis, 0, 1)], axis)
    return values[None, None]
