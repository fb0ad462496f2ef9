"""Gaussians that follow their mesh: deformations in general, and exact similarities."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import torch
from torch import Tensor

from ..body.interface import BodyParameters, BodyState
from ..geometry.mesh import face_normals
from ..geometry.rotation import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    polar_rotation,
    quaternion_to_matrix,
)
from ..geometry.spherical_harmonics import rotate_sh
from .binding import face_frames
from .types import Avatar

_DEGENERATE = 1e-10  # square metres of twice the area, below which a face says nothing about the deformation
LARGEST_STRETCH = 20.0


def follow(avatar: Avatar, vertices: Tensor, follow_scales: bool = True, largest_stretch: float = LARGEST_STRETCH) -> Avatar:
    """Move the mesh to new vertices [V, 3] and let the Gaussians follow in position, shape and colour direction.

    Each face gives the deformation gradient F = [e1' e2' n'] [e1 e2 n]^-1 with unit normals, so thickness is kept. A Gaussian
    R S becomes the SVD of F R S: its covariance is exactly F Sigma F^T. Where a face has no area, or F has an entry of
    `largest_stretch` or more (slivers, torn faces), F is the turn of the face alone and the covariance keeps its size. Spherical
    harmonics turn with the polar rotation of F. F is taken per face, not blended: it is exact for every affine piece, and
    positions, which bind to interpolated normals, are continuous anyway.

    Args:
        follow_scales: False turns the Gaussians with their faces but leaves their scales, as the official code of AvatarMix
            does; for comparison only.

    Labels, skinning and body stay as they are; a caller that changes the pose sets the body.

    Raises:
        ValueError: if the number of vertices differs or a new vertex is not finite.
    """
    old = avatar.mesh.vertices
    if vertices.shape != old.shape:
        raise ValueError(
            f"The deformed mesh has {len(vertices)} vertices and the avatar's mesh {len(old)}; "
            "a deformation must keep the avatar's own vertices in their order."
        )
    if not vertices.isfinite().all():
        raise ValueError("The deformed mesh has a vertex that is not a finite number; check the deformation that made it.")
    bound, faces = avatar.gaussians, avatar.mesh.faces
    mesh = replace(avatar.mesh, vertices=vertices)
    old_frames, new_frames = face_frames(old, faces), face_frames(vertices, faces)
    gradient = deformation_gradients(old, vertices, faces, largest_stretch)[bound.face]
    sh = rotate_sh(bound.sh, polar_rotation(gradient)) if bound.sh.shape[1] > 1 else bound.sh
    if not follow_scales:
        return replace(avatar, mesh=mesh, gaussians=replace(bound, sh=sh))
    axes = old_frames[bound.face] @ quaternion_to_matrix(bound.rotation)
    rotation, scale = deform_covariance(gradient, axes, bound.scale)
    local = matrix_to_quaternion(new_frames[bound.face].mT @ rotation)
    return replace(avatar, mesh=mesh, gaussians=replace(bound, rotation=local, scale=scale, sh=sh))


def deformation_gradients(old: Tensor, new: Tensor, faces: Tensor, largest_stretch: float = LARGEST_STRETCH) -> Tensor:
    """Return F [F, 3, 3] per face from old to new vertices.

    A face without area, before or after, or with an entry of `largest_stretch` or more, turns only as its frame does.
    """
    before, after = _edge_frames(old, faces), _edge_frames(new, faces)
    turn = face_frames(new, faces) @ face_frames(old, faces).mT
    flat = (torch.linalg.det(before).abs() < _DEGENERATE) | (torch.linalg.det(after).abs() < _DEGENERATE)
    before = torch.where(flat[:, None, None], torch.eye(3, dtype=before.dtype), before)
    gradient = torch.linalg.solve(before, after, left=False)
    flat |= ~(gradient.abs().amax((1, 2)) < largest_stretch)
    return torch.where(flat[:, None, None], turn, gradient.to(old.dtype))


def deform_covariance(
    gradient: Tensor,  # [N, 3, 3] F
    rotation: Tensor,  # [N, 3, 3] R
    scale: Tensor,  # [N, 3] diagonal of S
) -> tuple[Tensor, Tensor]:
    """Return R' [N, 3, 3] (proper) and S' [N, 3] with R' S'^2 R'^T = F R S^2 R^T F^T, by SVD of F R S.

    Axes keep their order: of all ways to match singular vectors with the carried axes, the best is taken, so that a disc's normal
    stays its third axis and repeated deformations do not flip.
    """
    u, scales, _ = torch.linalg.svd(gradient @ rotation * scale[:, None, :])
    carried = polar_rotation(gradient) @ rotation
    agreement = carried.mT @ u  # [N, 3, 3] carried axis, singular vector
    orders = torch.tensor(list(permutations(range(3))))
    score = agreement.abs()[:, torch.arange(3), orders].sum(-1)  # [N, 6]
    order = orders[score.argmax(1)]  # [N, 3] singular vector of each axis
    axes = u.gather(2, order[:, None, :].expand(-1, 3, -1))
    matched = agreement.gather(2, order[:, None, :].expand(-1, 3, -1)).diagonal(dim1=1, dim2=2)
    axes = axes * torch.where(matched < 0, -1.0, 1.0)[:, None, :]
    mirrored = torch.linalg.det(axes) < 0
    weakest = torch.nn.functional.one_hot(matched.abs().argmin(1), 3).bool()
    axes = torch.where((mirrored[:, None] & weakest)[:, None, :], -axes, axes)
    return axes, scales.gather(1, order).clamp_min(1e-7)


def transform(
    avatar: Avatar,
    scale: float = 1.0,
    rotation: Tensor | None = None,  # [3, 3], identity by default
    translation: Tensor | None = None,  # [3] metres
) -> Avatar:
    """Apply the similarity x' = scale * rotation @ x + translation to an avatar, exactly.

    The body inside goes along through its root rotation and translation. A body has no size of its own to change, so an avatar
    that is scaled loses its body (load one that fits its new size).

    Raises:
        ValueError: if the scale is not positive.
    """
    if not scale > 0:
        raise ValueError(f"The scale is {scale}; it must be greater than 0.")
    rotation = torch.eye(3) if rotation is None else rotation
    translation = torch.zeros(3) if translation is None else translation
    bound = avatar.gaussians
    return replace(
        avatar,
        mesh=replace(avatar.mesh, vertices=scale * avatar.mesh.vertices @ rotation.T + translation),
        gaussians=replace(bound, offset=scale * bound.offset, scale=scale * bound.scale, sh=rotate_sh(bound.sh, rotation)),
        body=None if avatar.body is None or scale != 1.0 else move_body(avatar.body, rotation, translation),
    )


def move_body(body: BodyState, rotation: Tensor, translation: Tensor) -> BodyState:
    """Turn and move a body as x' = rotation @ x + translation, by its root joint's rotation and its translation."""
    parameters = body.parameters
    _, joints = body.model.shaped(parameters.shape)
    root = rotation @ axis_angle_to_matrix(parameters.pose[0])
    pose = torch.cat([matrix_to_axis_angle(root)[None], parameters.pose[1:]])
    moved = rotation @ (joints[0] + parameters.translation) + translation - joints[0]
    return BodyState(body.model, BodyParameters(parameters.shape, pose, moved))


def _edge_frames(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return [F, 3, 3] float64 with the columns first edge, second edge, unit normal."""
    vertices = vertices.double()
    a, b, c = vertices[faces].unbind(1)
    return torch.stack([b - a, c - a, face_normals(vertices, faces)], dim=-1)
