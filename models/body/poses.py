"""Named poses, described by where limbs point and how trunk and feet are turned, and so the same for every body."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..geometry.rotation import axis_angle_to_matrix, swing
from .interface import Body, BodyParameters
from .joints import JOINTS, PARENTS
from .kinematics import bone_direction, pose_from_world

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Stance:
    """A pose in words of the world (Y up, the person faces +Z, the left side is +X).

    aim:  limb joint -> direction its bone points to
    turn: joint -> axis-angle orientation of the joint in the world; feet not named stay level
    Everything else moves along with its parent.
    """

    aim: dict[str, Vector] = field(default_factory=dict)
    turn: dict[str, Vector] = field(default_factory=dict)


def _mirrored(left: dict[str, Vector]) -> dict[str, Vector]:
    """Return the aims of the left limbs together with their mirror images for the right ones."""
    return left | {joint.replace("left", "right"): (-x, y, z) for joint, (x, y, z) in left.items()}


_LEGS_DOWN = _mirrored({"left_hip": (0.04, -1, 0.0), "left_knee": (0.02, -1, -0.04)})
_ARMS_DOWN = _mirrored({"left_shoulder": (0.2, -1, -0.06), "left_elbow": (0.12, -1, 0.16)})

STANCES = {
    "a_pose": Stance(_LEGS_DOWN | _mirrored({"left_shoulder": (1, -1, 0.0), "left_elbow": (1, -1, 0.06)})),
    "t_pose": Stance(_LEGS_DOWN | _mirrored({"left_shoulder": (1, 0, 0.0), "left_elbow": (1, 0, 0.04)})),
    "stand": Stance(_LEGS_DOWN | _ARMS_DOWN),
    "walk": Stance(
        {
            "left_hip": (0.02, -1, 0.36), "left_knee": (0.0, -1, 0.26),
            "right_hip": (-0.03, -1, -0.16), "right_knee": (0.0, -1, -0.9),
            "left_shoulder": (0.2, -1, -0.35), "left_elbow": (0.1, -1, -0.02),
            "right_shoulder": (-0.2, -1, 0.2), "right_elbow": (-0.05, -1, 0.6),
        },
        {
            "pelvis": (0.03, -0.1, 0), "spine3": (0.05, 0.1, 0), "head": (0, 0, 0),
            "left_ankle": (-0.2, 0, 0), "right_ankle": (0.55, 0, 0), "right_foot": (0.3, 0, 0),
        },
    ),
    "hand_on_hip": Stance(
        _LEGS_DOWN | _ARMS_DOWN
        | {"right_shoulder": (-0.72, -0.68, -0.15), "right_elbow": (0.2, -0.19, 0.1), "right_wrist": (0.3, -0.5, 0.6)},
    ),
    "contrapposto": Stance(
        _ARMS_DOWN
        | {
            "left_hip": (-0.02, -1, 0.0), "left_knee": (-0.03, -1, -0.03),
            "right_hip": (-0.14, -1, 0.25), "right_knee": (-0.02, -1, -0.2),
            "right_elbow": (-0.05, -1, 0.3),
        },
        {
            "pelvis": (0, -0.1, 0.09), "spine1": (0, -0.06, 0.04), "spine2": (0, 0, -0.02), "spine3": (0, 0.05, -0.06),
            "head": (0, 0.2, 0.03), "right_ankle": (0, -0.35, 0),
        },
    ),
}  # fmt: skip

POSES = ("rest", *STANCES)


def named_pose(name: str, body: Body) -> Tensor:
    """Return the pose [55, 3] of that name for the mean shape of a body; "rest" is the body's own rest pose.

    Raises:
        ValueError: if there is no such pose; the sentence lists the names.
    """
    if name == "rest":
        return body.rest().pose
    if name not in STANCES:
        raise ValueError(f"There is no pose '{name}': choose one of {', '.join(POSES)}.")
    return _take(STANCES[name], body.shaped(body.rest().shape)[1])


def grounded(body: Body, parameters: BodyParameters) -> BodyParameters:
    """Return the parameters moved up or down so that the lowest vertex is at y = 0."""
    lowest = body.posed(parameters).vertices[:, 1].min()
    return replace(parameters, translation=parameters.translation - lowest * torch.tensor([0.0, 1, 0]))


def _take(stance: Stance, joints: Tensor) -> Tensor:
    """Return the pose [55, 3] in which a body with rest joints [55, 3] takes a stance."""
    turn = {"left_ankle": (0.0, 0.0, 0.0), "right_ankle": (0.0, 0.0, 0.0)} | stance.turn
    world: list[Tensor] = []
    for joint, parent in zip(JOINTS, PARENTS, strict=True):
        rotation = torch.eye(3) if parent < 0 else world[parent]
        if joint in turn:
            rotation = axis_angle_to_matrix(torch.tensor(turn[joint], dtype=torch.float32))
        if joint in stance.aim:
            direction = torch.tensor(stance.aim[joint], dtype=torch.float32)
            rotation = swing(rotation @ bone_direction(joints, joint), direction) @ rotation
        world.append(rotation)
    return pose_from_world(torch.stack(world))
