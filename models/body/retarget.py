"""Carrying a pose from one body to another whose rest pose differs."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.rotation import swing
from .interface import Body, BodyState
from .joints import JOINT_INDEX, JOINTS, PARENTS
from .kinematics import POINTS_TO, bone_direction, pose_from_world, world_rotations

_FEET = ("left_ankle", "right_ankle")


def retarget_pose(source: BodyState, target: Body) -> Tensor:
    """Return the pose [55, 3] in which the target stands like the source.

    The joints are the same 55 for both bodies, so the map between them is the identity; only rest poses differ. On the same model
    the pose is the same. Otherwise limbs and fingers point where the source's point, palms face where its palms face, and trunk,
    head and feet, which look the same way at rest in both, keep their orientation in the world.
    """
    if source.model.name == target.name:
        return source.parameters.pose
    source_rest = source.model.shaped(source.parameters.shape)[1]
    target_rest = target.shaped(target.rest().shape)[1]
    return pose_from_world(world_rotations(source.parameters.pose) @ _rest_alignments(source_rest, target_rest))


def _rest_alignments(source: Tensor, target: Tensor) -> Tensor:
    """Return, for each joint, the rotation [55, 3, 3] that lays the target's rest limb along the source's (rest joints [55, 3])."""
    alignments: list[Tensor] = []
    for joint, parent in zip(JOINTS, PARENTS, strict=True):
        inherited = torch.eye(3) if parent < 0 or joint in _FEET else alignments[parent]
        if joint.endswith("wrist"):
            inherited = _hand_frame(source, joint) @ _hand_frame(target, joint).T
        elif joint in POINTS_TO:
            inherited = swing(inherited @ bone_direction(target, joint), bone_direction(source, joint)) @ inherited
        alignments.append(inherited)
    return torch.stack(alignments)


def _hand_frame(joints: Tensor, wrist: str) -> Tensor:
    """Return the hand's axes [3, 3] as columns: along the middle finger, across the knuckles, out of the back or palm."""
    side = wrist.split("_")[0]
    along = torch.nn.functional.normalize(bone_direction(joints, wrist), dim=0)
    knuckles = joints[JOINT_INDEX[f"{side}_index1"]] - joints[JOINT_INDEX[f"{side}_pinky1"]]
    out = torch.nn.functional.normalize(torch.linalg.cross(along, knuckles), dim=0)
    return torch.stack([along, torch.linalg.cross(out, along), out], dim=1)
