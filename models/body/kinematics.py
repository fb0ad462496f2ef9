"""Orientations of joints in the world, and which way limbs point."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from .joints import JOINT_INDEX, PARENTS

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

# The joint that each limb bone points to. Trunk, head and feet are not here: they have a front, not one direction.
POINTS_TO = {
    f"{side}_{joint}": f"{side}_{child}"
    for side in ("left", "right")
    for joint, child in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "middle1"), ("hip", "knee"), ("knee", "ankle"),
        *((f"{finger}{knuckle}", f"{finger}{knuckle + 1}") for finger in _FINGERS for knuckle in (1, 2)),
    )
}  # fmt: skip


def bone_direction(joints: Tensor, joint: str) -> Tensor:
    """Return the vector [3] from a joint to the one it points to (POINTS_TO), for joint positions [55, 3]."""
    return joints[JOINT_INDEX[POINTS_TO[joint]]] - joints[JOINT_INDEX[joint]]


def world_rotations(pose: Tensor) -> Tensor:
    """Return the orientation [55, 3, 3] of each joint in the world, relative to rest, for a pose [55, 3]."""
    local = axis_angle_to_matrix(pose)
    world: list[Tensor] = []
    for rotation, parent in zip(local, PARENTS, strict=True):
        world.append(rotation if parent < 0 else world[parent] @ rotation)
    return torch.stack(world)


def pose_from_world(rotations: Tensor) -> Tensor:
    """Return the pose [55, 3] in which the joints have the orientations [55, 3, 3] in the world: undoes `world_rotations`."""
    parents = torch.cat([torch.eye(3).to(rotations)[None], rotations[list(PARENTS[1:])]])
    return matrix_to_axis_angle(parents.transpose(1, 2) @ rotations)
