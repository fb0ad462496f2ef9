"""The 55 joints that every body here has, in SMPL-X order, and the body parts that vertices are labelled with."""

from __future__ import annotations

_FINGERS = tuple(f"{finger}{knuckle}" for finger in ("index", "middle", "pinky", "ring", "thumb") for knuckle in (1, 2, 3))

JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3",
    "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "jaw", "left_eye", "right_eye",
    *(f"left_{finger}" for finger in _FINGERS),
    *(f"right_{finger}" for finger in _FINGERS),
)  # fmt: skip

PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15,
    *(parent for first in range(25, 40, 3) for parent in (20, first, first + 1)),
    *(parent for first in range(40, 55, 3) for parent in (21, first, first + 1)),
)  # fmt: skip

JOINT_INDEX = {name: index for index, name in enumerate(JOINTS)}

PARTS = (
    "head", "neck", "torso", "left_upper_arm", "right_upper_arm", "left_lower_arm", "right_lower_arm", "left_hand", "right_hand",
    "left_upper_leg", "right_upper_leg", "left_lower_leg", "right_lower_leg", "left_foot", "right_foot",
)  # fmt: skip

PART_INDEX = {name: index for index, name in enumerate(PARTS)}
