"""Named poses of the Modiste body, from its A-shaped rest."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS

Turns = dict[str, tuple[float, float, float]]

# Degrees about x (forwards is +), y (to the person's left is +) and z. "arm" and the like mean both sides, mirrored.
_HANGING: Turns = {"collar": (0, 0, -3), "shoulder": (0, 0, -31), "elbow": (-6, 0, -5), "hip": (0, 0, -5), "wrist": (0, 0, -4)}
POSES: dict[str, Turns] = {
    "rest": {},
    "stand": _HANGING,
    "relaxed": {
        **_HANGING, "pelvis": (0, 4, 1.5), "spine2": (0, -3, -2), "head": (2, -5, 1), "left_hip": (-7, 0, -3), "left_knee": (9, 0, 0),
        "left_ankle": (-2, 0, 0), "left_elbow": (-16, 0, -5), "right_elbow": (-12, 0, 5),
    },
    "walk": {
        **_HANGING, "left_hip": (-24, 0, -4), "left_knee": (12, 0, 0), "left_ankle": (8, 0, 0), "right_hip": (16, 0, 4),
        "right_knee": (22, 0, 0), "right_ankle": (14, 0, 0), "left_shoulder": (20, 0, -33), "right_shoulder": (-22, 0, 33),
        "left_elbow": (-14, 0, 0), "right_elbow": (-26, 0, 0), "pelvis": (0, -5, 0), "spine2": (2, 6, 0),
    },
    "hand on hip": {
        **_HANGING, "pelvis": (0, 0, 3), "spine2": (0, 0, -4), "head": (0, 6, 2), "left_shoulder": (14, -28, -14), "left_elbow": (-20, -78, -40),
        "left_wrist": (0, 10, -18), "right_hip": (-6, 0, 5), "right_knee": (10, 0, 0),
    },
    "wave": {
        **_HANGING, "right_shoulder": (0, -20, -28), "right_elbow": (-30, 30, -85), "right_wrist": (0, 0, -8), "head": (0, -6, -3),
        "left_elbow": (-12, 0, -5),
    },
}  # fmt: skip

_MIRROR = torch.tensor([1.0, -1.0, -1.0])


def pose_of(pose: str | tuple[tuple[float, float, float], ...]) -> Tensor:
    """Return axis-angle radians [55, 3] of a pose in POSES, or of the 55 rotations given.

    Raises:
        ValueError: if there is no pose of that name, or not 55 rotations.
    """
    if isinstance(pose, str):
        if pose not in POSES:
            raise ValueError(f"There is no pose '{pose}'; use one of {', '.join(POSES)}.")
        return _turned(POSES[pose])
    rotations = torch.tensor(pose, dtype=torch.float32)
    if rotations.shape != (len(JOINTS), 3):
        raise ValueError(f"The pose has shape {tuple(rotations.shape)}; give 55 rotations of 3 numbers.")
    return rotations


def _turned(turns: Turns) -> Tensor:
    rotations = torch.zeros(len(JOINTS), 3)
    for name, degrees in turns.items():
        turn = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
        if name in JOINT_INDEX:
            rotations[JOINT_INDEX[name]] = turn
        else:
            rotations[JOINT_INDEX[f"left_{name}"]] = turn
            rotations[JOINT_INDEX[f"right_{name}"]] = turn * _MIRROR
    return rotations
