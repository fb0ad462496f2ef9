"""Keeping a mesh out of a body, and telling what is left inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..graph import smooth
from .motion import beside

GAP = 0.003  # metres that cloth keeps from the body where it had as much before
LEAST_GAP = 0.0015  # metres that everything keeps, skin too: it would cross the body's own faces here and there
HIDDEN_GAP = 0.0003  # the same of skin right under cloth, which may be thin there
_ROUNDS, _SMOOTHING_STEPS = 6, 3
INSIDE = 0.0005  # metres below the surface from which a vertex counts as inside


@dataclass(frozen=True)
class Check:
    """What a reshape has left in the way of each other; head, hands and wrists aside.

    crossing: share of the faces that cross the target body, or each other where they did not before
    inside:   share of the faces with a corner inside that was not inside the old body before
    deepest:  metres that the worst of them is below the surface
    """

    crossing: float
    inside: float
    deepest: float

    def __str__(self) -> str:
        if not self.crossing and not self.inside:
            return "Nothing enters the body or crosses anew."
        deepest = f", the deepest by {1000 * self.deepest:.1f} mm" if self.inside else ""
        return f"{_share(self.crossing)} of the faces cross the body or newly each other; {_share(self.inside)} enter it{deepest}."


def _share(share: float) -> str:
    return "none" if not share else "less than 0.01%" if share < 1e-4 else f"{share:.2%}"


class Below:
    """Where a mesh's vertices lie above a body, looked up anew only for those that have moved since the last time.

    body: vertices [B, 3], faces and parts
    """

    def __init__(self, body: tuple[Tensor, Tensor, Tensor], progress: Callable[[int, int], None] | None = None) -> None:
        self.body, self.progress = body, progress
        self.points: Tensor | None = None
        self.height = self.normal = torch.empty(0)

    def at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the heights [V] of points [V, 3], metres, and the body's normals below them [V, 3]."""
        if self.points is None:
            near = beside(points, *self.body, self.progress)
            self.height, self.normal = near.height, near.normal
        elif (moved := (points != self.points).any(1)).any():
            near = beside(points[moved], *self.body, self.progress)
            self.height, self.normal = self.height.clone(), self.normal.clone()
            self.height[moved], self.normal[moved] = near.height, near.normal
        self.points = points
        return self.height, self.normal


def cleared(
    vertices: Tensor,  # [V, 3] of the mesh
    faces: Tensor,  # [F, 3]
    below: Below,  # the target body
    wanted: Tensor,  # [V] metres above it, at least
    movable: Tensor,  # [V] bool
) -> tuple[Tensor, Tensor]:
    """Lift movable vertices that came closer to the body than wanted; neighbours follow a little.

    Returns:
        the vertices, and how far above the target body they are now [V] (metres).
    """
    for _ in range(_ROUNDS):
        height, normal = below.at(vertices)
        lift = (wanted - height).clamp_min(0) * movable
        if not (lift > INSIDE / 2).any():
            break
        vertices = vertices + smooth(lift[:, None] * normal, movable & (lift == 0), faces, _SMOOTHING_STEPS, 0.5)
    return vertices, below.at(vertices)[0]


def wanted_height(height: Tensor, least: Tensor | float = LEAST_GAP) -> Tensor:
    """Return how far above the new body to keep what stood at heights [V] above the old one.

    Always outside, and in the same order where `least`, one for all or [V], is the same, so that no layer is lifted through
    another: from `least` on the skin to GAP and no more.
    """
    slope = 1 - least / GAP
    outside = least + slope * height.clamp(0, GAP)
    return torch.where(height < 0, least * torch.exp(slope * height.clamp_max(0) / least), outside)


def check(now: Tensor, faces: Tensor, height: Tensor, counted: Tensor, crossing: float) -> Check:
    """Tell which faces, all of whose corners are `counted` [V], have entered the body, beside the share that crosses.

    now, height: [V] metres above the target body, and above the old body before
    """
    entered = counted & (now < -INSIDE) & (height >= -INSIDE)
    faces = faces[counted[faces].all(1)]
    hit = entered[faces].any(1)
    if not hit.any():
        return Check(crossing, 0.0, 0.0)
    deepest = (-now * entered)[faces[hit]].max()
    return Check(crossing, float(hit.float().mean()), float(deepest))
