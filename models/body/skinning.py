"""Linear blend skinning: from a pose to joint transforms, from joint transforms to vertices.

Every joint frame is parallel to the world at rest, as in SMPL, so a pose needs no bone orientations. The rule that carries a
point x with weights w is x' = sum_j w_j T_j x, T_j being the transform of joint j.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..geometry.rotation import axis_angle_to_matrix


def joint_transforms(
    pose: Tensor,  # [J, 3] axis-angle radians, each joint relative to its parent
    joints: Tensor,  # [J, 3] metres, rest positions
    parents: Sequence[int],  # J parents, each before its children; -1 for the root
) -> Tensor:  # [J, 4, 4]
    """Return what each joint does to the points it carries: rest position to posed position.

    Joint j turns by its own rotation about its rest position, then moves with its parent: T_j = T_parent(j) [R_j | p_j - R_j p_j].
    """
    local = rigid(axis_angle_to_matrix(pose), joints)
    chain: list[Tensor] = []
    for transform, parent in zip(local, parents, strict=True):
        chain.append(transform if parent < 0 else chain[parent] @ transform)
    return torch.stack(chain)


def rigid(
    rotations: Tensor,  # [..., 3, 3]
    centres: Tensor,  # [..., 3]
) -> Tensor:  # [..., 4, 4]
    """Return the transforms that rotate about the given centres."""
    transforms = rotations.new_zeros(*rotations.shape[:-2], 4, 4)
    transforms[..., :3, :3] = rotations
    transforms[..., :3, 3] = centres - (rotations @ centres[..., None])[..., 0]
    transforms[..., 3, 3] = 1
    return transforms


def translated(
    transforms: Tensor,  # [..., 4, 4]
    translation: Tensor,  # [3]
) -> Tensor:  # [..., 4, 4]
    """Return the transforms followed by a translation."""
    moved = transforms.clone()
    moved[..., :3, 3] += translation
    return moved


def blend_transforms(
    weights: Tensor,  # [V, J], rows sum to 1
    transforms: Tensor,  # [J, 4, 4]
) -> Tensor:  # [V, 4, 4]
    """Return the weighted mean of the joint transforms for every vertex."""
    return (weights @ transforms.reshape(-1, 16)).reshape(-1, 4, 4)


def apply_transforms(
    transforms: Tensor,  # [N, 4, 4], or [4, 4] for all points
    points: Tensor,  # [N, 3]
) -> Tensor:  # [N, 3]
    """Move each point by its own transform."""
    return (transforms[..., :3, :3] @ points[..., None])[..., 0] + transforms[..., :3, 3]
