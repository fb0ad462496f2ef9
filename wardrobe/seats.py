"""What a person sits on: a plain round stool."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .fabrics import Color
from .lighting import Lamps, light_plainly

_RADIUS, _COLUMNS = 0.19, 28  # metres
_BEHIND = 0.02  # metres from the hips forwards to the stool's middle
_COLOR: Color = (0.80, 0.76, 0.70)


@dataclass(frozen=True)
class Seat:
    """A seat in world space.

    vertices: [V, 3] metres; each face has its own
    faces:    [F, 3]
    normals:  [V, 3]
    """

    vertices: Tensor
    faces: Tensor
    normals: Tensor

    def light(self, lamps: Lamps) -> Tensor:
        """Return the linear colour [V, 3] of the seat's vertices, a little darker near the floor."""
        high = (self.vertices[:, 1] / self.vertices[:, 1].max()).clamp(0, 1)
        return torch.tensor(_COLOR) ** 2.2 * light_plainly(self.normals, lamps) * (0.75 + 0.25 * high)[:, None]


def stool(hips: Tensor, height: float) -> Seat:
    """Make a stool under the hips [3], its top `height` metres above the floor."""
    angle = torch.arange(_COLUMNS + 1) * (2 * math.pi / _COLUMNS)
    outwards = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], 1)
    middle = torch.tensor([float(hips[0]), 0.0, float(hips[2]) + _BEHIND])
    low = middle + _RADIUS * outwards
    high = low + torch.tensor([0.0, height, 0.0])
    top = middle + torch.tensor([0.0, height, 0.0])
    here, beside = torch.arange(_COLUMNS), torch.arange(1, _COLUMNS + 1)
    count = _COLUMNS + 1
    faces = torch.cat(
        [
            torch.stack([here, beside, count + here], 1),
            torch.stack([beside, count + beside, count + here], 1),
            torch.stack([2 * count + here, 2 * count + beside, torch.full_like(here, 3 * count)], 1),
        ]
    )
    up = torch.tensor([0.0, 1.0, 0.0])
    return Seat(torch.cat([low, high, high, top[None]]), faces, torch.cat([outwards, outwards, up.expand(count + 1, 3)]))
