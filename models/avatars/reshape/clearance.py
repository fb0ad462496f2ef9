"""Keeping a mesh out of a body, and telling what is left inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..graph import smooth
from .motion import beside

GAP = 0.003  # metres that cloth keeps from the body where it had as much before
_ROUNDS, _SMOOTHING_STEPS = 4, 3
_INSIDE = 0.0005  # metres below the surface from which a vertex counts as inside


@dataclass(frozen=True)
class Check:
    """What a reshape has left inside the target body, hands and head aside.

    inside:  share of the faces with a corner inside that was not inside the old body before
    deepest: metres that the worst of them is below the surface
    """

    inside: float
    deepest: float

    def __str__(self) -> str:
        if not self.inside:
            return "No part of the avatar enters the body."
        share = "Less than 0.01%" if self.inside < 1e-4 else f"{self.inside:.2%}"
        return f"{share} of the faces enter the body, the deepest by {1000 * self.deepest:.1f} mm."


def cleared(
    vertices: Tensor,  # [V, 3] of the mesh
    faces: Tensor,  # [F, 3]
    body: tuple[Tensor, Tensor, Tensor],  # vertices [B, 3], faces and parts of the target body
    height: Tensor,  # [V] metres above the old body
    movable: Tensor,  # [V] bool
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Lift movable vertices that came closer to the body than they were, or than GAP; neighbours follow a little.

    Returns:
        the vertices, and how far above the target body they are now [V] (metres).
    """
    wanted = height.clamp_max(GAP)
    near = beside(vertices, *body, progress)
    now, normal = near.height, near.normal
    for _ in range(_ROUNDS):
        lift = (wanted - now).clamp_min(0) * movable
        if not (lift > _INSIDE / 2).any():
            break
        move = smooth(lift[:, None] * normal, movable & (lift == 0), faces, _SMOOTHING_STEPS, 0.5)
        moved = move.any(1)
        vertices = vertices + move
        near = beside(vertices[moved], *body, progress)
        now, normal = now.clone(), normal.clone()
        now[moved], normal[moved] = near.height, near.normal
    return vertices, now


def check(now: Tensor, faces: Tensor, height: Tensor, counted: Tensor) -> Check:
    """Tell which faces, all of whose corners are `counted` [V], have entered the body.

    now, height: [V] metres above the target body, and above the old body before
    """
    entered = counted & (now < -_INSIDE) & (height >= -_INSIDE)
    faces = faces[counted[faces].all(1)]
    hit = entered[faces].any(1)
    if not hit.any():
        return Check(0.0, 0.0)
    deepest = (-now * entered)[faces[hit]].max()
    return Check(float(hit.float().mean()), float(deepest))
