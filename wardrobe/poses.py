"""Named poses of the Modiste body, told by where its limbs point."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, PARENTS, load_modiste_body
from ..models.body.skinning import apply_transforms, joint_transforms
from ..models.geometry.rotation import axis_angle_to_matrix

Vector = tuple[float, float, float]

# The bone that a joint turns ends at this joint.
_ENDS = {"shoulder": "elbow", "elbow": "wrist", "wrist": "middle1", "hip": "knee", "knee": "ankle", "ankle": "foot"}


@dataclass(frozen=True)
class Pose:
    """A pose. A name without a side means both sides, mirrored.

    aims:  joint -> direction in which the bone from it points, for a figure that faces +Z with its left at +X
    turns: joint -> degrees about x (forwards is +), y (to the left is +) and z, for joints of the trunk
    """

    aims: dict[str, Vector] = field(default_factory=dict)
    turns: dict[str, Vector] = field(default_factory=dict)


_FOOT = (0.10, -0.31, 0.95)
_LEGS: dict[str, Vector] = {"hip": (0.02, -1.0, 0.03), "knee": (0.03, -1.0, -0.05), "ankle": _FOOT}
_ARMS: dict[str, Vector] = {"shoulder": (0.34, -0.94, -0.03), "elbow": (0.16, -0.96, 0.17), "wrist": (0.02, -0.98, 0.16)}

POSES = {
    "rest": Pose(),
    "stand": Pose({**_LEGS, **_ARMS}),
    "relaxed": Pose(
        {
            **_LEGS, **_ARMS, "left_hip": (0.12, -1.0, 0.12), "left_knee": (0.13, -1.0, -0.10), "left_ankle": (0.30, -0.31, 0.92),
            "left_elbow": (0.10, -0.92, 0.36), "left_wrist": (-0.08, -0.93, 0.36), "right_elbow": (-0.14, -0.95, 0.26),
        },
        {"pelvis": (0, 4, 2), "spine2": (0, -3, -3), "neck": (0, -3, 0), "head": (2, -4, 2)},
    ),
    "walk": Pose(
        {
            "left_hip": (0.05, -0.92, 0.38), "left_knee": (0.04, -1.0, 0.06), "left_ankle": (0.06, -0.12, 0.99),
            "right_hip": (-0.05, -0.97, -0.22), "right_knee": (-0.04, -0.86, -0.50), "right_ankle": (-0.06, -0.74, 0.67),
            "left_shoulder": (0.28, -0.90, -0.34), "left_elbow": (0.16, -0.98, -0.10), "left_wrist": (0.06, -0.99, 0.02),
            "right_shoulder": (-0.26, -0.93, 0.22), "right_elbow": (-0.10, -0.82, 0.56), "right_wrist": (0.02, -0.82, 0.56),
        },
        {"pelvis": (0, -4, 0), "spine2": (1, 6, 0), "head": (0, -2, 0)},
    ),
    "hand on hip": Pose(
        {
            **_LEGS, **_ARMS, "left_shoulder": (0.72, -0.66, -0.20), "left_elbow": (-0.60, -0.66, 0.42),
            "left_wrist": (-0.78, -0.60, 0.10), "right_hip": (-0.14, -1.0, 0.10), "right_knee": (-0.13, -1.0, -0.08),
        },
        {"pelvis": (0, 0, 3), "spine2": (0, 0, -4), "head": (0, 5, 2)},
    ),
    "wave": Pose(
        {
            **_LEGS, **_ARMS, "right_shoulder": (-0.80, -0.50, 0.10), "right_elbow": (-0.30, 0.90, 0.30),
            "right_wrist": (-0.15, 0.98, 0.05),
        },
        {"spine2": (0, 0, 2), "head": (0, -5, -3)},
    ),
}  # fmt: skip


def pose_of(pose: str | tuple[Vector, ...], joints: Tensor) -> Tensor:
    """Return axis-angle radians [55, 3] of a pose in POSES for a figure with rest joints [55, 3], or of the 55 rotations given.

    Raises:
        ValueError: if there is no pose of that name, or not 55 rotations.
    """
    if isinstance(pose, str):
        if pose not in POSES:
            raise ValueError(f"There is no pose '{pose}'; use one of {', '.join(POSES)}.")
        return _strike(POSES[pose], joints)
    rotations = torch.tensor(pose, dtype=torch.float32)
    if rotations.shape != (len(JOINTS), 3):
        raise ValueError(f"The pose has shape {tuple(rotations.shape)}; give 55 rotations of 3 numbers.")
    return rotations


def pose_distance(first: Tensor, second: Tensor) -> float:
    """Return how far two poses [55, 3] are apart: metres between the same joints of trunk and limbs, on average.

    Both are taken by the template's skeleton, with their pelvises in the same place and orientation.
    """
    joints = load_modiste_body().shaped(torch.zeros(load_modiste_body().shape_size))[1]
    places = []
    for pose in (first, second):
        transforms = joint_transforms(pose.index_fill(0, torch.tensor([0]), 0.0), joints, PARENTS)
        places.append(apply_transforms(transforms, joints)[: JOINT_INDEX["jaw"]])
    return float((places[0] - places[1]).norm(dim=1).mean())


def _strike(pose: Pose, joints: Tensor) -> Tensor:
    """Turn joint after joint, parents first, by the smallest rotation that makes its bone point where it should."""
    rotations = torch.zeros(len(JOINTS), 3)
    world: list[Tensor] = []
    for index, joint in enumerate(JOINTS):
        before = world[PARENTS[index]] if index else torch.eye(3)
        side, _, bare = joint.rpartition("_")
        mirror = -1.0 if side == "right" else 1.0
        aim = pose.aims.get(joint) or (_mirrored(pose.aims.get(bare), mirror) if side else None)
        if aim:
            bone = joints[JOINT_INDEX[f"{side}_{_ENDS[bare]}"]] - joints[index]
            rotations[index] = _smallest_turn(bone, before.T @ torch.tensor(aim))
        elif joint in pose.turns:
            rotations[index] = torch.deg2rad(torch.tensor(pose.turns[joint], dtype=torch.float32))
        world.append(before @ axis_angle_to_matrix(rotations[index]))
    return rotations


def _mirrored(aim: Vector | None, mirror: float) -> Vector | None:
    return aim and (aim[0] * mirror, aim[1], aim[2])


def _smallest_turn(start: Tensor, end: Tensor) -> Tensor:
    """Return the axis-angle [3] of the smallest rotation that takes one direction to another."""
    axis = torch.linalg.cross(start, end, dim=0)
    return torch.nn.functional.normalize(axis, dim=0) * torch.atan2(axis.norm(), start @ end)
