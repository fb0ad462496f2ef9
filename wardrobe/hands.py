"""What hands do with their fingers."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..models.body import load_modiste_body
from .joint_limits import finger_bone, palm_normal

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")  # in the order of JOINTS
# Degrees that the three joints of a finger bend towards the palm, beyond the rest pose, where they are slightly bent.
# The last row is the thumb's.
HAND_SHAPES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "relaxed": ((8, 12, 6), (12, 18, 8), (20, 24, 12), (16, 22, 10), (4, 6, 8)),
    "open": ((-8, -10, -4), (-8, -10, -4), (-6, -8, -4), (-7, -9, -4), (-8, -6, -6)),
    "flat": ((0, -4, -2), (0, -4, -2), (2, -4, -2), (1, -4, -2), (6, 2, 0)),
    "fist": ((55, 70, 40), (60, 75, 42), (62, 72, 42), (62, 74, 42), (18, 25, 35)),
    "hold": ((28, 32, 14), (30, 36, 16), (34, 38, 18), (32, 37, 17), (10, 12, 14)),
}


def finger_turns(left: str, right: str) -> Tensor:
    """Return axis-angle rotations [30, 3] of all finger joints for a shape of each hand."""
    axes = _curl_axes()

    def turned(shape: str) -> Tensor:
        return torch.deg2rad(torch.tensor(HAND_SHAPES[shape], dtype=torch.float32)).reshape(-1, 1) * axes

    return torch.cat([turned(left), turned(right) * torch.tensor([1.0, -1.0, -1.0])])


@cache
def _curl_axes() -> Tensor:
    """The axes [15, 3] about which the left fingers bend towards the palm."""
    body = load_modiste_body()
    joints = body.shaped(torch.zeros(body.shape_size))[1]
    palm = palm_normal(joints)
    bones = torch.stack([finger_bone(f"{finger}{place}", joints) for finger in _FINGERS for place in (1, 2, 3)])
    return torch.nn.functional.normalize(torch.linalg.cross(bones, palm.expand_as(bones), dim=1), dim=1)
