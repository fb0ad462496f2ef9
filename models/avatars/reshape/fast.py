"""Reshaping in seconds: the mesh follows the body's surface where it is near, and the growth of the limbs where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import JOINT_INDEX, PART_INDEX
from ...geometry.mesh import vertex_normals
from ..deform import follow
from ..graph import harmonic_fill, smooth
from ..labels import LABEL_INDEX
from ..repose import require_rig
from ..types import Avatar
from .clearance import Check, check, cleared
from .motion import Beside, beside, blended, body_motion, carried, limb_maps
from .target import target_body

NEAR = 0.03  # metres off the body within which a surface moves as the body below it does
FACING = 0.5  # least cosine between its normal and the body's
SHARED = 0.5  # least share of its skinning weights that it has in common with the body there
CUFF = 0.05  # metres around the wrist over which the arm's shape goes over into the hand, which keeps its own
STRETCH = 3.0  # that no body asks for; slivers in the creases of sleeves show it, and their Gaussians would be needles
_SMOOTHING_STEPS = 10


def reshape(
    avatar: Avatar,
    user: BodyState,
    follow_scales: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Avatar, Check]:
    """Give an avatar the user's body shape, in its own pose.

    Surface near the body and facing as it does keeps its place above it. All else, such as a skirt, moves as the limbs below it
    grow, by the blend of their affine maps, and what is missing to the near surface is filled in harmonically. Hands keep their
    shape and go with the wrist (the paper's hand-aware weights, taken to their end). No barrier keeps layers apart: what entered
    the body is lifted, and the `Check` tells what stayed inside.

    Args:
        follow_scales: False leaves the scales of the Gaussians behind, as the official code does; for comparison only.

    Raises:
        ValueError: if the avatar has no body or no skinning weights, or the two bodies are of different models.
    """
    body, skinning = require_rig(avatar)
    target = target_body(body, user)
    tell = progress or (lambda done, total: None)
    tell(0, 4)
    motion, model, mesh = body_motion(body, target), body.model, avatar.mesh
    where = beside(mesh.vertices, motion.before, model.faces, model.parts, partial(_part_of, tell, 0))
    hands, trusted = _hands(avatar, where.part), _trusted(avatar, where, body) & ~_cuffs(mesh.vertices, body)
    trusted &= ~hands.any(0)
    far = blended(mesh.vertices, limb_maps(motion, model.weights), skinning)
    wanted = torch.where(trusted[:, None], carried(mesh.vertices, where, motion, model.faces), far)
    for side, hand in zip(("left", "right"), hands, strict=True):
        wanted[hand] = mesh.vertices[hand] + motion.joints[JOINT_INDEX[f"{side}_wrist"]]
    known = trusted | hands.any(0)
    missing = harmonic_fill((wanted - far) * known[:, None], known, mesh.vertices, mesh.faces)
    moved = far + smooth(missing, ~known, mesh.faces, _SMOOTHING_STEPS, 0.5)
    inside = (motion.after, model.faces, model.parts)
    outside = ~hands.any(0) & (where.part != PART_INDEX["head"])  # a mouth lies inside its head
    moved, now = cleared(moved, mesh.faces, inside, where.height, outside, partial(_part_of, tell, 2))
    found = check(now, mesh.faces, where.height, outside)
    tell(3, 4)
    reshaped = replace(follow(avatar, moved, follow_scales, STRETCH), body=target)
    tell(4, 4)
    return reshaped, found


def _part_of(tell: Callable[[int, int], None], step: int, done: int, total: int) -> None:
    """Tell that the work is in its step-th quarter; that of the step itself only keeps it stoppable."""
    tell(step, 4)


def _trusted(avatar: Avatar, where: Beside, body: BodyState) -> Tensor:
    """Return which vertices [V] move as the body's surface below them does; a sleeve does not follow the ribs that it touches."""
    facing = (vertex_normals(avatar.mesh.vertices, avatar.mesh.faces) * where.normal).sum(1)
    corners = body.model.faces[where.closest.face]
    below = (where.closest.barycentric[..., None] * body.model.weights[corners]).sum(1)
    shared = torch.minimum(avatar.skinning, below).sum(1)
    return (where.height.abs() < NEAR) & (facing > FACING) & (shared > SHARED)


def _hands(avatar: Avatar, part: Tensor) -> Tensor:
    """Return the vertices of the left and of the right hand: [2, V]; by label where any vertex is labelled so."""
    own = torch.stack([part == PART_INDEX[f"{side}_hand"] for side in ("left", "right")])
    labelled = torch.zeros_like(part, dtype=torch.bool) if avatar.labels is None else avatar.labels == LABEL_INDEX["hands"]
    return own & labelled if labelled.any() else own


def _cuffs(vertices: Tensor, body: BodyState) -> Tensor:
    """Return which vertices [V] lie around a wrist."""
    wrists = body.posed().joints[[JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]]
    return (torch.cdist(vertices, wrists) < CUFF).any(1)
