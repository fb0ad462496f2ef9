"""Skinning weights carried from the body inside to the avatar's mesh."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from ..body.interface import BodyState
from ..body.joints import PART_INDEX
from ..geometry import Mesh
from ..geometry.mesh import vertex_normals
from .closest import closest_points, nearest_corners
from .graph import harmonic_fill, smooth
from .labels import LABEL_INDEX
from .types import Avatar

MAX_DISTANCE, MAX_ANGLE = 0.05, 30.0  # metres, degrees
_SMOOTHING_STEPS, _SMOOTHING_STRENGTH = 10, 0.2
_HEAD = PART_INDEX["head"]
_HANDS = (PART_INDEX["left_hand"], PART_INDEX["right_hand"])


def rig(
    avatar: Avatar,
    body: BodyState | None = None,
    method: Literal["robust", "nearest"] = "robust",
    max_distance: float = MAX_DISTANCE,
    max_angle_degrees: float = MAX_ANGLE,
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Return the avatar with a body inside (its own where none is given) and the skinning weights carried over from it.

    Raises:
        ValueError: if there is no body, or it stands far away from the avatar.
    """
    body = body or avatar.body
    if body is None:
        raise ValueError("The avatar has no body inside to take skinning weights from; connect Load Body.")
    skinning = transfer_skinning(avatar.mesh, body, avatar.labels, method, max_distance, max_angle_degrees, progress)
    return replace(avatar, skinning=skinning, body=body)


def transfer_skinning(
    mesh: Mesh,
    body: BodyState,
    labels: Tensor | None = None,
    method: Literal["robust", "nearest"] = "robust",
    max_distance: float = MAX_DISTANCE,
    max_angle_degrees: float = MAX_ANGLE,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return skinning weights [V, 55] for a mesh that stands where its body stands.

    "robust" (Robust Skin Weights Transfer, as the official AvatarMix code): a vertex takes the weights of the closest body point if
    that is near and faces the same way; the others are filled in over the mesh and smoothed, so that a skirt hangs from the hips
    rather than from the hand beside it. Pieces of mesh without any such vertex take the closest body point.
    "nearest" (the paper's text): every vertex takes the weights of the closest body vertex.

    Args:
        labels: [V] index into LABELS; hair then takes weights from the head alone, and clothes none from hands, which
            they touch but do not follow.
        max_distance: metres; clothes stand 1 to 5 cm off the body, a scan of tight clothes allows 0.01.
        max_angle_degrees: largest angle between the normals.

    Raises:
        ValueError: if the body stands elsewhere, more than its own height away from the mesh.
    """
    posed = body.posed().vertices
    faces = body.model.faces
    reach = (posed.amax(0) - posed.amin(0)).norm()
    if (posed.mean(0) - mesh.vertices.mean(0)).norm() > reach:
        raise ValueError("The body stands far away from the avatar; load the body parameters that were fitted to this avatar.")
    if method == "nearest":
        from scipy.spatial import cKDTree

        return body.model.weights[torch.from_numpy(cKDTree(posed.numpy()).query(mesh.vertices.numpy())[1])]
    limits = (max_distance, math.cos(math.radians(max_angle_degrees)))
    values, accepted, part = _closest_weights(mesh, body, posed, faces, limits, progress)
    if labels is not None:
        accepted &= ~((labels == LABEL_INDEX["clothes"]) & torch.isin(part, torch.tensor(_HANDS)))
        hair = labels == LABEL_INDEX["hair"]
        own = (body.model.parts == _HEAD)[faces].all(1)
        if hair.any() and own.any():
            of_head, trusted, _ = _closest_weights(mesh, body, posed, faces[own], limits, progress)
            values, accepted = torch.where(hair[:, None], of_head, values), torch.where(hair, trusted, accepted)
    filled = harmonic_fill(values, accepted, mesh.vertices, mesh.faces)
    filled = smooth(filled, ~accepted, mesh.faces, _SMOOTHING_STEPS, _SMOOTHING_STRENGTH)
    return filled / filled.sum(1, keepdim=True)


def _closest_weights(
    mesh: Mesh,
    body: BodyState,
    posed: Tensor,
    faces: Tensor,
    limits: tuple[float, float],  # largest distance, smallest cosine between normals
    progress: Callable[[int, int], None] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Ask some faces of the posed body for weights.

    Returns:
        the weights [V, 55] of the closest points; whether each vertex [V] may trust them; the body part [V] they lie on.
    """
    closest = closest_points(mesh.vertices, posed, faces, progress)
    corners, share = faces[closest.face], closest.barycentric[:, :, None]
    normals = (share * vertex_normals(posed, faces)[corners]).sum(1)
    cosine = torch.nn.functional.cosine_similarity(normals, vertex_normals(mesh.vertices, mesh.faces), dim=-1)
    trusted = (closest.distance <= limits[0]) & (cosine >= limits[1])
    part = body.model.parts[nearest_corners(closest, faces)]
    return (share * body.model.weights[corners]).sum(1), trusted, part
