"""Which body part a vertex belongs to, told from its skinning weights."""

from __future__ import annotations

import torch
from torch import Tensor

from .joints import JOINTS, PART_INDEX, PARTS

_TRUNK = {
    **dict.fromkeys(("head", "jaw", "left_eye", "right_eye"), "head"),
    **dict.fromkeys(("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"), "torso"),
    "neck": "neck",
}
_LIMBS = {"shoulder": "upper_arm", "elbow": "lower_arm", "hip": "upper_leg", "knee": "lower_leg", "ankle": "foot", "foot": "foot"}


def part_of_joint(joint: str) -> str:
    """Return the name in PARTS that the joint's own vertices belong to; fingers belong to the hand."""
    if joint in _TRUNK:
        return _TRUNK[joint]
    side, name = joint.split("_", 1)
    return f"{side}_{_LIMBS.get(name, 'hand')}"


def parts_from_weights(weights: Tensor) -> Tensor:
    """Return the part [V] (index into PARTS) whose joints hold most of each vertex, for skinning weights [V, 55]."""
    membership = torch.zeros(len(JOINTS), len(PARTS), dtype=weights.dtype)
    for index, joint in enumerate(JOINTS):
        membership[index, PART_INDEX[part_of_joint(joint)]] = 1
    return (weights @ membership).argmax(dim=1)
