"""GSReshape: an avatar takes on another body's shape, in seconds or without a crossing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import Tensor

from ...body.interface import BodyState
from ...geometry.mesh import inside_out
from ..deform import follow
from ..repose import require_rig
from ..types import Avatar, BoundGaussians
from .clearance import Check, check
from .exact import Settings, landed
from .fast import placed
from .motion import beside
from .target import target_body

QUALITIES = ("fast", "exact")
STRETCH = 3.0  # that no body asks for; slivers in the creases of sleeves show it, and their Gaussians would be needles


def reshape(
    avatar: Avatar,
    user: BodyState,
    quality: str = "fast",
    settings: Settings | None = None,
    hand_aware: bool = True,
    follow_scales: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Avatar, Check]:
    """Give an avatar the user's body shape, in its own pose.

    "fast" puts the mesh where it belongs (`fast.placed`) and tells what crosses there; "exact" solves for what would (`exact`).
    Gaussians follow by the deformation of their faces.

    Args:
        settings: of the exact solve.
        hand_aware: False treats hands as all other skin; for comparison only.
        follow_scales: False leaves the scales of the Gaussians behind, as the official code does; for comparison only.

    Raises:
        ValueError: if the avatar has no body or no skinning weights, the two bodies are of different models, or there is no such
            quality.
    """
    if quality not in QUALITIES:
        raise ValueError(f"There is no quality '{quality}' of GSReshape: choose {' or '.join(QUALITIES)}.")
    body, _ = require_rig(avatar)
    target = target_body(body, user)
    if target.parameters.shape.equal(body.parameters.shape):
        return replace(avatar, body=target), Check(0.0, 0.0, 0.0)
    tell = _forwards(progress)
    tell(0, _PARTS)
    to = placed(avatar, target, hand_aware, partial(_stay, tell, 0))
    tell(1, _PARTS)
    vertices, height = to.vertices, to.height
    if quality == "exact":
        vertices = landed(avatar, to, target, settings or Settings(), partial(_part_of, tell))
        posed, model = target.posed(), target.model
        height = beside(vertices, posed.vertices, model.faces, model.parts, partial(_stay, tell, _PARTS - 2)).height
    found = check(height, avatar.mesh.faces, to.ease, to.counted, to.crossing.share(vertices))
    tell(_PARTS - 1, _PARTS)
    followed = follow(avatar, vertices, follow_scales, STRETCH)
    reshaped = replace(followed, gaussians=_sunk(followed, to.hidden * (height - to.ease).clamp_min(0)), body=target)
    tell(_PARTS, _PARTS)
    return reshaped, found


def _sunk(avatar: Avatar, depth: Tensor) -> BoundGaussians:
    """Return the Gaussians sunk below the surface, by as much as `depth` [V] metres says.

    Skin that was tucked in under thin cloth may not stay inside the body, but what it shows must not come nearer to the cloth.
    """
    bound, mesh = avatar.gaussians, avatar.mesh
    inwards = 1.0 if inside_out(mesh.vertices, mesh.faces) else -1.0
    return replace(bound, offset=bound.offset + inwards * (bound.barycentric * depth[mesh.faces[bound.face]]).sum(1))


_PARTS = 20


def _forwards(progress: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """Return what tells progress, never less than before: where something is stuck, the solve takes more than one way."""
    most = 0

    def tell(done: int, total: int) -> None:
        nonlocal most
        most = max(most, done)
        if progress:
            progress(most, total)

    return tell


def _stay(tell: Callable[[int, int], None], step: int, done: int, total: int) -> None:
    """Tell that the work is in a step; that of the step itself only keeps it stoppable."""
    tell(step, _PARTS)


def _part_of(tell: Callable[[int, int], None], done: int, total: int) -> None:
    """Tell how far the solve is, which is most of the work."""
    tell(2 + int((_PARTS - 4) * done / total), _PARTS)
