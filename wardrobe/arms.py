"""Arms: aimed or with the hand at a place, giving way where they would be inside the trunk or a thigh."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from ..models.geometry.rotation import axis_angle_to_matrix
from .bones import bent, frame_of
from .joint_limits import palm_normal
from .noise import smoothstep
from .plans import AimedArm, Arm, Build, PlacedArm

_MIRROR = torch.tensor([-1.0, 1.0, 1.0])
_STEPS = 24  # how often an arm gives way before it stays where it is
_CLOTH = 0.012  # metres between arm and trunk that clothes take
_FLESH = 0.65  # share of the upper arm's radius that is left where it lies against the trunk


def set_arm(local: Tensor, world: Tensor, place: Tensor, thigh: tuple[Tensor, Tensor], build: Build, side: str, arm: Arm) -> None:
    """Set the rotations of shoulder, elbow and wrist in `local` [55, 3, 3].

    The right arm is solved as the mirror image of a left one.

    Args:
        world, place: orientations [J, 3, 3] and positions [J, 3] of the joints up to the shoulders, relative to the pelvis.
        thigh: its two ends [3], relative to the pelvis.
    """
    flip = torch.ones(3) if side == "left" else _MIRROR
    mirrored = torch.outer(flip, flip)

    def orientation(joint: str) -> Tensor:
        return world[JOINT_INDEX[joint]] * mirrored

    def position(joint: str) -> Tensor:
        return place[JOINT_INDEX[joint]] * flip

    frame = orientation(arm.of)
    shoulder = position(f"{side}_shoulder")
    if isinstance(arm, PlacedArm):
        spots = torch.tensor(arm.wrist) + torch.arange(_STEPS)[:, None] * torch.tensor(arm.give)
        targets = (spots - build.joint(arm.of)) @ frame.T + position(arm.of)
        upper, fore = bent(targets - shoulder, frame @ torch.tensor(arm.elbow), *_arm_lengths(build))
    else:
        upper, fore = _giving_way(arm, frame)
    hand = frame @ torch.tensor(arm.fingers) if arm.fingers else None
    points, thickness = _along_arm(shoulder, upper, fore, hand, build, arm.near)
    at_rest = _trunk_coordinates(points, orientation, position, build)
    outside = build.solid.outside(at_rest)
    if isinstance(arm, AimedArm):  # a hand that is placed may lie on the thigh
        outside = outside.minimum(_from_bone(points, *(end * flip for end in thigh)) - build.solid.thigh)
    room = (outside - thickness - _CLOTH).amin(1)
    clear = room >= 0
    best = int(clear.int().argmax()) if clear.any() else int(room.argmax())
    turns = _arm_orientations(upper[best], fore[best], hand, frame @ torch.tensor(arm.palm) if arm.palm else None, build)
    parent = orientation(f"{side}_collar")
    for joint, turned in zip(("shoulder", "elbow", "wrist"), turns, strict=True):
        local[JOINT_INDEX[f"{side}_{joint}"]] = (parent.T @ turned) * mirrored
        parent = turned


def _arm_lengths(build: Build) -> tuple[float, float]:
    return build.length("shoulder", "elbow"), build.length("elbow", "wrist")


def _giving_way(arm: AimedArm, frame: Tensor) -> tuple[Tensor, Tensor]:
    """Return directions of upper arm and forearm [K, 3] that turn outwards, step by step."""
    upper = _outward_turns(2.5) @ torch.nn.functional.normalize(torch.tensor(arm.upper), dim=0)
    fore = _outward_turns(1.4) @ torch.nn.functional.normalize(torch.tensor(arm.fore), dim=0)
    return upper @ frame.T, fore @ frame.T


@cache
def _outward_turns(step: float) -> Tensor:
    """Rotations [K, 3, 3] of a left arm outwards, each `step` degrees farther."""
    return axis_angle_to_matrix(torch.deg2rad(torch.arange(_STEPS) * step)[:, None] * torch.tensor([0.0, 0.0, 1.0]))


def _along_arm(
    shoulder: Tensor, upper: Tensor, fore: Tensor, hand: Tensor | None, build: Build, near: float
) -> tuple[Tensor, Tensor]:
    """Return points [K, P, 3] along arms and how thick the arm is there [P]."""
    first, second = _arm_lengths(build)
    palm = 1.5 * build.length("wrist", "middle1")
    fingers = fore if hand is None else torch.nn.functional.normalize(hand, dim=0).expand_as(fore)
    elbow = shoulder + first * upper
    wrist = elbow + second * fore
    points = [torch.lerp(shoulder, elbow, share) for share in (0.65, 0.8, 0.95)]
    thickness = [_FLESH * build.solid.upper_arm] * 3
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        if share <= near:
            points.append(torch.lerp(elbow, wrist, share))
            thickness.append(build.solid.forearm)
    for share in (0.4, 0.8):
        if 1 + share <= near:
            points.append(wrist + share * palm * fingers)
            thickness.append(0.02)
    return torch.stack(points, 1), torch.tensor(thickness)


def _from_bone(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return the distance [...] of points [..., 3] from the line between two others [3]."""
    bone = end - start
    along = ((points - start) @ bone / (bone @ bone)).clamp(0, 1)
    return (points - start - along[..., None] * bone).norm(dim=-1)


def _trunk_coordinates(
    points: Tensor, orientation: Callable[[str], Tensor], position: Callable[[str], Tensor], build: Build
) -> Tensor:
    """Return where points [..., 3] would be if the trunk were at rest."""
    low, high = ((points - position(joint)) @ orientation(joint) + build.joint(joint) for joint in ("pelvis", "spine3"))
    bottom, top = (float(build.joint(joint)[1]) for joint in ("pelvis", "spine3"))
    return torch.lerp(low, high, smoothstep(bottom, top, (low[..., 1] + high[..., 1]) / 2)[..., None])


def _arm_orientations(upper: Tensor, fore: Tensor, hand: Tensor | None, palm: Tensor | None, build: Build) -> tuple[Tensor, ...]:
    """Return orientations in the world of the left shoulder, elbow and wrist.

    The elbow is a hinge; what the palm asks for is shared by the forearm, which twists, and the wrist.
    """
    rest_upper = build.joint("left_elbow") - build.joint("left_shoulder")
    rest_fore = build.joint("left_wrist") - build.joint("left_elbow")
    rest_hand = build.joint("left_middle1") - build.joint("left_wrist")
    shoulder = frame_of(upper, fore) @ frame_of(rest_upper, rest_fore).T
    elbow = frame_of(fore, upper) @ frame_of(rest_fore, rest_upper).T
    if palm is None and hand is None:
        return shoulder, elbow, elbow
    hand = fore if hand is None else hand
    rest_palm = palm_normal(build.joints)
    palm = elbow @ rest_palm if palm is None else palm
    wrist = frame_of(hand, palm) @ frame_of(rest_hand, rest_palm).T
    axis = torch.nn.functional.normalize(rest_fore, dim=0)
    against = elbow.T @ wrist
    twist = _twist(against, axis)
    return shoulder, elbow @ axis_angle_to_matrix(0.6 * twist * axis), wrist


def _twist(rotation: Tensor, axis: Tensor) -> Tensor:
    """Return how many radians a rotation [3, 3] turns about a unit axis, -pi to pi."""
    skewed = torch.stack([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    # Of the quaternion's parts: vector along the axis, against the real one.
    return 2 * torch.atan2(skewed @ axis, 1 + rotation.trace()) if float(rotation.trace()) > -0.99 else torch.tensor(torch.pi)
