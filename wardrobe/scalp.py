"""The scalp: the paths that strands of hair take over any figure's head, from where they part to the hairline.

Paths are found once on the template; a figure's own head moves each spot as it moves the vertices around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..models.body import PART_INDEX, Body
from .anatomy import Figure, canonical_points
from .faces import above_hairline
from .noise import smoothstep

COLUMNS, ROWS = 120, 26
_NEIGHBOURS = 8


@dataclass(frozen=True)
class Combing:
    """Paths of strands: ROWS spots each, COLUMNS of them; spots run row by row from the pole on, N = ROWS * COLUMNS.

    azimuth: [C] radians round the pole; column 0 looks at the back, where a flat panel's cut goes unnoticed
    share:   [R] of the way from the pole to the end, 0..1
    limit:   [C] radians from the pole to the end
    fringe:  [C] 0..1, how far a strand goes on over the forehead
    spots:   [N, 3] on the template's skin
    index, weight: [N, 8] the body's vertices around each spot
    top:     vertices that bound the skull
    """

    azimuth: Tensor
    share: Tensor
    limit: Tensor
    fringe: Tensor
    spots: Tensor
    index: Tensor
    weight: Tensor
    top: Tensor


@dataclass(frozen=True)
class Scalp:
    """The paths on a figure.

    middle: [3] of the skull
    points: [N, 3] spots on the skin
    outwards: [N, 3] unit, from the middle
    """

    middle: Tensor
    points: Tensor
    outwards: Tensor


def scalp(figure: Figure, paths: Combing) -> Scalp:
    """Lay paths over a figure's head."""
    position = figure.sheet.position
    moved = (position - figure.body.template)[paths.index]
    points = paths.spots + (moved * paths.weight[..., None]).sum(1)
    middle = _middle(position[paths.top])
    return Scalp(middle, points, torch.nn.functional.normalize(points - middle, dim=1))


@cache
def combing(
    body: Body,
    pole: tuple[float, float, float],
    fringe: float,
) -> Combing:
    """Comb hair from a pole, a direction from the middle of the skull; in front it may fall `fringe` metres over the forehead."""
    skull = _Skull(body)
    azimuth = torch.arange(COLUMNS) * (2 * math.pi / COLUMNS) + math.pi
    up, ahead, aside = frame(pole)
    outwards = azimuth.sin()[:, None] * aside + azimuth.cos()[:, None] * ahead
    limit, edge = _hairline(skull, up, outwards)
    over_face = smoothstep(0.066, 0.052, edge[:, 0].abs()) * (edge[:, 2] > -0.05)
    if fringe:
        limit = limit + over_face * fringe / 0.1
    share = torch.linspace(0, 1, ROWS) ** 0.9
    angle = share[:, None] * limit
    directions = (angle.cos()[..., None] * up + angle.sin()[..., None] * outwards).reshape(-1, 3)
    index, weight = skull.around(directions)
    radius = ((body.template[index] - skull.middle).norm(dim=-1) * weight).sum(1, keepdim=True)
    spots = skull.middle + radius * directions
    return Combing(azimuth, share, limit, over_face if fringe else torch.zeros(COLUMNS), spots, index, weight, skull.top)


def frame(pole: tuple[float, float, float]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit directions of the pole, of the strands that run towards the face, and of those to the person's left."""
    up = torch.nn.functional.normalize(torch.tensor(pole), dim=0)
    front = torch.tensor([0.0, -0.15, 1.0])
    ahead = torch.nn.functional.normalize(front - (front @ up) * up, dim=0)
    return up, ahead, torch.linalg.cross(up, ahead, dim=0)


class _Skull:
    """The template's head without ears, looked up by direction from its middle."""

    def __init__(self, body: Body) -> None:
        from scipy.spatial import cKDTree

        self.canonical = canonical_points(body)
        x, y, z = self.canonical[:, 0].abs(), self.canonical[:, 1], self.canonical[:, 2]
        ear = (x > 0.0735) & (z < -0.055) & (z > -0.105) & (y < 0.012) & (y > -0.065)
        inside_mouth = (z > -0.05) & (y < -0.02) & (x < 0.03)
        on_head = torch.isin(body.parts, torch.tensor([PART_INDEX["head"], PART_INDEX["neck"]]))
        keep = on_head & ~ear & ~inside_mouth
        self.top = (keep & (y > 0.02)).nonzero()[:, 0]
        self._kept = keep.nonzero()[:, 0]
        self.middle = _middle(body.template[self.top])
        directions = body.template[self._kept] - self.middle
        self._tree = cKDTree(torch.nn.functional.normalize(directions, dim=1).numpy())

    def around(self, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vertices around unit directions [N, 3] and their weights, [N, 8] each."""
        distance, index = self._tree.query(directions.numpy(), k=_NEIGHBOURS)
        weight = 1 / (torch.from_numpy(distance).float() + 0.02) ** 3
        return self._kept[torch.from_numpy(index)], weight / weight.sum(1, keepdim=True)


def _hairline(skull: _Skull, pole: Tensor, outwards: Tensor) -> tuple[Tensor, Tensor]:
    """Return the angle from the pole [C] at which strands in each direction [C, 3] meet the hairline, and the canonical point."""
    angles = torch.linspace(0.25, 2.7, 120)
    directions = angles.cos()[:, None, None] * pole + angles.sin()[:, None, None] * outwards
    index, weight = skull.around(directions.reshape(-1, 3))
    canonical = (skull.canonical[index] * weight[..., None]).sum(1)
    outside = (above_hairline(canonical) < 0).reshape(len(angles), -1)
    place = torch.where(outside.any(0), outside.int().argmax(0), len(angles) - 1)
    padded = torch.nn.functional.pad(angles[place][None, None], (2, 2), mode="circular")
    edge = canonical.reshape(len(angles), -1, 3)[place, torch.arange(len(outwards))]
    return torch.nn.functional.avg_pool1d(padded, 5, 1)[0, 0], edge


def _middle(top: Tensor) -> Tensor:
    low, high = top.amin(0), top.amax(0)
    return torch.stack([torch.zeros(()), 0.75 * low[1] + 0.25 * high[1], (low[2] + high[2]) / 2])
