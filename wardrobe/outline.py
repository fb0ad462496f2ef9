"""A figure's trunk and limbs as simple solids: what arms must stay outside of, and where its weight is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..models.body import PART_INDEX, Body
from .anatomy import Figure

_ROWS = 28


@dataclass(frozen=True)
class Outline:
    """The trunk at rest as a stack of ellipses, and how thick the limbs are; metres.

    bottom, top: heights of the lowest and the highest ellipse, at the crotch and at the base of the neck
    ellipses:    [R, 3] from the bottom up: half width, front (z), back (z)
    upper_arm, forearm, thigh: radii
    """

    bottom: float
    top: float
    ellipses: Tensor
    upper_arm: float
    forearm: float
    thigh: float

    def at(self, height: Tensor) -> Tensor:
        """Return half width, front and back [..., 3] at heights [...]; beyond the ends they stay."""
        place = ((height - self.bottom) / (self.top - self.bottom) * (_ROWS - 1)).clamp(0, _ROWS - 1.001)
        low = place.long()
        return torch.lerp(self.ellipses[low], self.ellipses[low + 1], (place - low)[..., None])

    def outside(self, points: Tensor) -> Tensor:
        """Return how far points [..., 3] in rest coordinates are outside of the trunk [...], metres, negative inside."""
        width, front, back = self.at(points[..., 1]).unbind(-1)
        across, depth = points[..., 0], points[..., 2] - (front + back) / 2
        share = torch.hypot(across / width, depth / ((front - back) / 2)).clamp_min(1e-3)
        return torch.hypot(across, depth) * (1 - 1 / share)

    def centroid(self) -> Tensor:
        """Return the middle of the trunk's volume [3]."""
        width, front, back = self.ellipses.unbind(1)
        area = width * (front - back)
        height = torch.linspace(self.bottom, self.top, _ROWS)
        return torch.stack([torch.zeros(()), (area * height).sum(), (area * (front + back) / 2).sum()]) / area.sum()


def outline(figure: Figure) -> Outline:
    """Measure a figure at rest."""
    trunk, limbs = _sorted_vertices(figure.body)
    points = figure.sheet.position[trunk]
    bottom, top = figure.crotch, float(figure.joint("neck")[1]) - 0.03
    row = ((points[:, 1] - bottom) / (top - bottom) * (_ROWS - 1)).round().long()
    inside = (row >= 0) & (row < _ROWS)
    row, points = row[inside], points[inside]
    extremes = torch.stack([points[:, 0].abs(), points[:, 2], -points[:, 2]], 1)
    table = torch.full((_ROWS, 3), -torch.inf).scatter_reduce_(0, row[:, None].expand(-1, 3), extremes, "amax")
    for index in range(1, _ROWS):  # a row between two rings of vertices is as the one below
        table[index] = torch.where(table[index].isfinite(), table[index], table[index - 1])
    radii = [_radius(figure, limb, *ends) for limb, ends in zip(limbs, _BONES, strict=True)]
    return Outline(bottom, top, table * torch.tensor([1.0, 1.0, -1.0]), *radii)


_BONES = (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("left_hip", "left_knee"))


@cache
def _sorted_vertices(body: Body) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The vertices of the trunk, thighs' tops included, and those of the left upper arm, forearm and thigh."""
    joints = [index for index, part in enumerate(body.parts.tolist()) if part in (PART_INDEX["torso"], *_THIGHS)]
    trunk = torch.tensor(joints)
    arms = body.weights[:, 16:].sum(1) - body.weights[:, 22:25].sum(1)  # shoulders and on, without jaw and eyes
    trunk = trunk[arms[trunk] < 0.25]
    limbs = ("left_upper_arm", "left_lower_arm", "left_upper_leg")
    return trunk, tuple((body.parts == PART_INDEX[limb]).nonzero()[:, 0] for limb in limbs)


_THIGHS = (PART_INDEX["left_upper_leg"], PART_INDEX["right_upper_leg"])


def _radius(figure: Figure, vertices: Tensor, start: str, end: str) -> float:
    """Return the radius that holds nine of ten vertices of the middle of a limb."""
    first, bone = figure.joint(start), figure.joint(end) - figure.joint(start)
    offset = figure.sheet.position[vertices] - first
    along = offset @ bone / (bone @ bone)
    middle = (along > 0.3) & (along < 0.9)
    distance = (offset - along[:, None] * bone).norm(dim=1)
    return float(distance[middle].quantile(0.9))
