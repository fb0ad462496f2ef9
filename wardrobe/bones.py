"""Pairs of bones: bending them so that they reach, and the frames that they turn in."""

from __future__ import annotations

import torch
from torch import Tensor


def bent(target: Tensor, pole: Tensor, first: float, second: float) -> tuple[Tensor, Tensor]:
    """Return directions [K, 3] of two bones that reach targets [K, 3] from the origin, bent towards the pole [3]."""
    distance = target.norm(dim=-1, keepdim=True)
    reached = distance.clamp(abs(first - second) * 1.02, (first + second) * 0.999)
    direction = target / distance
    cosine = (first**2 + reached**2 - second**2) / (2 * first * reached)
    aside = torch.nn.functional.normalize(pole - (direction @ pole)[:, None] * direction, dim=-1)
    upper = cosine * direction + (1 - cosine**2).clamp_min(0).sqrt() * aside
    return upper, torch.nn.functional.normalize(reached * direction - first * upper, dim=-1)


def frame_of(along: Tensor, beside: Tensor) -> Tensor:
    """Return the rotation [3, 3] whose columns are a direction, another one made upright to it, and theirs."""
    first = torch.nn.functional.normalize(along, dim=0)
    second = torch.nn.functional.normalize(beside - (beside @ first) * first, dim=0)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=0)], 1)
