"""How far joints turn: a table of degrees, and what keeps poses inside it.

Every joint has three axes of its own, from the body at rest. Its rotation is split into a twist about its bone and a swing that
moves the bone (swing after twist); the swing has two parts, bend and side. The tables say how far each goes from the rest pose, an
A-pose with elbows bent by about 45 degrees and legs apart by about 5. Ranges of motion follow the usual clinical tables (for
instance Luttgens and Hamilton 1997), counted from that rest pose and widened by what neighbours that are no joints here add: a
shoulder blade to the shoulder, the lower back to the hip.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, load_modiste_body
from ..models.geometry.rotation import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_multiply,
    quaternion_to_matrix,
)

Range = tuple[float, float]
Vector = tuple[float, float, float]

# Degrees (bend, side, twist) for joints of the trunk and of the left side; the right side mirrors it.
#             bend               side               twist
LIMITS: dict[str, tuple[Range, Range, Range]] = {
    "pelvis": ((-30.0, 50.0), (-20.0, 20.0), (-180.0, 180.0)),  # bend: forwards; side: to the right; twist: to the left
    "spine1": ((-15.0, 35.0), (-15.0, 15.0), (-15.0, 15.0)),
    "spine2": ((-12.0, 30.0), (-15.0, 15.0), (-20.0, 20.0)),
    "spine3": ((-12.0, 25.0), (-15.0, 15.0), (-25.0, 25.0)),
    "neck": ((-25.0, 25.0), (-20.0, 20.0), (-40.0, 40.0)),
    "head": ((-25.0, 25.0), (-20.0, 20.0), (-45.0, 45.0)),
    "jaw": ((0.0, 25.0), (-3.0, 3.0), (-5.0, 5.0)),
    "eye": ((-25.0, 25.0), (-3.0, 3.0), (-30.0, 30.0)),
    "collar": ((-12.0, 35.0), (-25.0, 20.0), (-25.0, 25.0)),  # bend: shrug; side: backwards
    "shoulder": ((-75.0, 160.0), (-60.0, 150.0), (-95.0, 95.0)),  # bend: arm forwards; side: arm outwards and up; twist: inwards
    "elbow": ((-48.0, 105.0), (-6.0, 6.0), (-95.0, 95.0)),  # bend: flexion; twist: of the forearm
    "wrist": ((-70.0, 80.0), (-35.0, 35.0), (-55.0, 55.0)),  # bend: towards the palm; side: towards the thumb
    "hip": ((-30.0, 125.0), (-30.0, 45.0), (-50.0, 50.0)),  # bend: thigh forwards; side: outwards
    "knee": ((-8.0, 145.0), (-10.0, 10.0), (-25.0, 25.0)),  # bend: heel backwards
    "ankle": ((-50.0, 35.0), (-25.0, 25.0), (-35.0, 35.0)),  # bend: toes up; twist: toes out
    "foot": ((-30.0, 60.0), (-8.0, 8.0), (-8.0, 8.0)),
    "finger1": ((-20.0, 90.0), (-15.0, 15.0), (-10.0, 10.0)),  # bend: towards the palm
    "finger2": ((-25.0, 105.0), (-5.0, 5.0), (-5.0, 5.0)),
    "finger3": ((-20.0, 80.0), (-5.0, 5.0), (-5.0, 5.0)),
    "thumb1": ((-25.0, 45.0), (-40.0, 40.0), (-40.0, 40.0)),
    "thumb2": ((-20.0, 60.0), (-30.0, 30.0), (-20.0, 20.0)),
    "thumb3": ((-20.0, 80.0), (-30.0, 30.0), (-20.0, 20.0)),
}

# Axes that do not depend on where bones point: joint -> (bend, twist).
_UPRIGHT: tuple[Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
_SET_AXES: dict[str, tuple[Vector, Vector]] = {
    **dict.fromkeys(("pelvis", "spine1", "spine2", "spine3", "neck", "head", "jaw", "eye"), _UPRIGHT),
    "collar": ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    "ankle": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "foot": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
}


def within_limits(rotations: Tensor, tolerance: float = 0.5) -> Tensor:
    """Return which joints [..., 55] of poses [..., 55, 3] (axis-angle radians) keep to LIMITS, give or take `tolerance` degrees."""
    angles = joint_angles(rotations)
    low, high = _bounds()
    return ((angles >= low - tolerance) & (angles <= high + tolerance)).all(-1)


def clamp_to_limits(rotations: Tensor) -> Tensor:
    """Return poses [..., 55, 3] with every joint that goes beyond LIMITS brought back to them; the others keep their bits."""
    angles = joint_angles(rotations)
    clamped = angles.clamp(*_bounds())
    beyond = (clamped - angles).abs().amax(-1, keepdim=True) > 1e-3
    return torch.where(beyond, _from_angles(clamped), rotations)


def joint_angles(rotations: Tensor) -> Tensor:
    """Return degrees (bend, side, twist) [..., 55, 3] of poses [..., 55, 3], as LIMITS counts them."""
    quaternion = matrix_to_quaternion(axis_angle_to_matrix(rotations * _mirror()))
    bend, side, twist = _axes().unbind(-2)
    real, vector = quaternion[..., :1], quaternion[..., 1:]
    about_bone = torch.cat([real, (vector * twist).sum(-1, keepdim=True) * twist], -1)
    about_bone = torch.nn.functional.normalize(about_bone, dim=-1)
    inverse = about_bone * torch.tensor([1.0, -1.0, -1.0, -1.0])
    swing = matrix_to_axis_angle(quaternion_to_matrix(quaternion_multiply(quaternion, inverse)))
    turned = 2 * torch.atan2((about_bone[..., 1:] * twist).sum(-1), about_bone[..., 0])
    turned = torch.remainder(turned + torch.pi, 2 * torch.pi) - torch.pi
    return torch.rad2deg(torch.stack([(swing * bend).sum(-1), (swing * side).sum(-1), turned], -1))


def _from_angles(degrees: Tensor) -> Tensor:
    """Undo `joint_angles`."""
    bend, side, twist = _axes().unbind(-2)
    radians = torch.deg2rad(degrees)
    swing = axis_angle_to_matrix(radians[..., :1] * bend + radians[..., 1:2] * side)
    return matrix_to_axis_angle(swing @ axis_angle_to_matrix(radians[..., 2:] * twist)) * _mirror()


def limit_name(joint: str) -> str:
    """Return the row of LIMITS that a joint goes by."""
    bare = joint.removeprefix("left_").removeprefix("right_")
    if bare[:-1] in ("index", "middle", "pinky", "ring"):
        return f"finger{bare[-1]}"
    return bare


@cache
def _bounds() -> tuple[Tensor, Tensor]:
    """The lowest and the highest degrees, [55, 3] each."""
    table = torch.tensor([LIMITS[limit_name(joint)] for joint in JOINTS])
    return table[..., 0], table[..., 1]


@cache
def _mirror() -> Tensor:
    """What axis-angle vectors [55, 3] of the right side are multiplied with to be those of the left."""
    return torch.tensor([(1.0, -1.0, -1.0) if joint.startswith("right") else (1.0, 1.0, 1.0) for joint in JOINTS])


@cache
def _axes() -> Tensor:
    """Unit axes [55, 3 (bend, side, twist), 3] of the template's joints, those of the right side mirrored to the left."""
    joints = load_modiste_body().shaped(torch.zeros(load_modiste_body().shape_size))[1]
    return torch.stack([_axes_of(joint.replace("right_", "left_"), joints) for joint in JOINTS])


def _axes_of(joint: str, joints: Tensor) -> Tensor:
    bare = joint.removeprefix("left_")

    def bone(start: str, end: str) -> Tensor:
        return joints[JOINT_INDEX[f"left_{end}"]] - joints[JOINT_INDEX[f"left_{start}"]]

    if bare in _SET_AXES:
        bend, twist = (torch.tensor(axis) for axis in _SET_AXES[bare])
    elif bare == "shoulder":
        twist = bone("shoulder", "elbow")
        bend = torch.linalg.cross(twist, torch.tensor([0.0, 0.0, 1.0]), dim=0)
    elif bare == "elbow":
        twist = bone("elbow", "wrist")
        bend = torch.linalg.cross(bone("shoulder", "elbow"), twist, dim=0)
    elif bare == "hip":
        twist, bend = bone("hip", "knee"), torch.tensor([-1.0, 0.0, 0.0])
    elif bare == "knee":
        twist, bend = bone("knee", "ankle"), torch.tensor([1.0, 0.0, 0.0])
    else:
        twist = bone("wrist", "middle1") if bare == "wrist" else finger_bone(bare, joints)
        bend = torch.linalg.cross(twist, palm_normal(joints), dim=0)
    twist = torch.nn.functional.normalize(twist, dim=0)
    bend = torch.nn.functional.normalize(bend - (bend @ twist) * twist, dim=0)
    return torch.stack([bend, torch.linalg.cross(bend, twist, dim=0), twist])


def finger_bone(knuckle: str, joints: Tensor) -> Tensor:
    """Return the left bone [3] that a knuckle such as "index2" turns; the last one goes on as the one before."""
    finger, place = knuckle[:-1], int(knuckle[-1])
    start = min(place, 2)
    return joints[JOINT_INDEX[f"left_{finger}{start + 1}"]] - joints[JOINT_INDEX[f"left_{finger}{start}"]]


def palm_normal(joints: Tensor) -> Tensor:
    """Return the direction [3] that the left palm looks in, for joints [55, 3]."""
    fingers = joints[JOINT_INDEX["left_middle1"]] - joints[JOINT_INDEX["left_wrist"]]
    to_thumb = joints[JOINT_INDEX["left_index1"]] - joints[JOINT_INDEX["left_pinky1"]]
    return torch.nn.functional.normalize(torch.linalg.cross(fingers, to_thumb, dim=0), dim=0)
