"""What poses are likely: how far each joint usually turns from a quiet stance, about axes of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ...body.interface import Body
from ...body.joints import JOINT_INDEX, JOINTS
from ...body.poses import named_pose
from ...geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle, skew
from .rig import TURNED

_QUIET = "stand"
# Degrees about (bend, side, twist) that are as likely as one deviation of a bell curve; the pelvis is free.
_SPREADS: dict[str, tuple[float, float, float]] = {
    "spine1": (10, 7, 7), "spine2": (9, 7, 8), "spine3": (9, 7, 8), "neck": (12, 9, 15), "head": (12, 9, 18),
    "collar": (10, 10, 8), "shoulder": (50, 50, 35), "elbow": (50, 4, 40), "wrist": (25, 15, 12),
    "hip": (45, 18, 18), "knee": (45, 3, 6), "ankle": (20, 10, 10), "foot": (12, 4, 4),
}  # fmt: skip
# The least degrees of bend from the quiet stance, where a joint does not bend backwards.
_LEAST_BEND = {"elbow": -25.0, "knee": -6.0}
_STOP_SPREAD = 3.0  # degrees beyond it that cost one deviation
_TWISTED = {"shoulder": "elbow", "elbow": "wrist", "wrist": "middle1", "hip": "knee", "knee": "ankle", "ankle": "foot"}


@dataclass(frozen=True)
class PosePrior:
    """A bell curve over the turns of 21 joints from a quiet stance.

    quiet:  [22, 3, 3] rotations of the first 22 joints in the quiet stance
    axes:   [22, 3, 3] rows bend, side, twist in the joint's rest frame
    spread: [22, 3] radians, infinite for the pelvis
    least:  [22] radians of bend, minus infinity where there is no stop
    """

    quiet: Tensor
    axes: Tensor
    spread: Tensor
    least: Tensor


def pose_prior(model: Body) -> PosePrior:
    """Make the prior for a body."""
    joints = model.shaped(model.rest().shape)[1]
    quiet = axis_angle_to_matrix(named_pose(_QUIET, model))[:TURNED]
    names = [joint.removeprefix("left_").removeprefix("right_") for joint in JOINTS[:TURNED]]
    spread = torch.deg2rad(torch.tensor([_SPREADS.get(name, (math.inf,) * 3) for name in names]))
    least = torch.deg2rad(torch.tensor([_LEAST_BEND.get(name, -math.inf) for name in names]))
    return PosePrior(quiet, torch.stack([_axes(joint, joints) for joint in JOINTS[:TURNED]]), spread, least)


class Leaning(NamedTuple):
    """How far joints are from their likely turns: residuals [22, 4] in deviations, and slopes [22, 4, 3] by a turn of each joint.

    The first three are bend, side and twist; the fourth is how far bend is beyond its stop.
    """

    residuals: Tensor
    slopes: Tensor


def prior_rows(prior: PosePrior, rotations: Tensor) -> Leaning:
    """Say how likely rotations [55, 3, 3] are, and how that changes.

    A turn is axis-angle in the parent's frame, applied after the rotation: with R = Q exp(r) it changes r by J(r)^-1 Q^T times
    itself, J being the left Jacobian of the rotation group.
    """
    turn = matrix_to_axis_angle(prior.quiet.transpose(1, 2) @ rotations[:TURNED])
    angles = (prior.axes @ turn[..., None])[..., 0]
    slopes = prior.axes @ _inverse_left_jacobian(turn) @ prior.quiet.transpose(1, 2)
    beyond = (prior.least - angles[:, 0]).clamp_min(0) / math.radians(_STOP_SPREAD)
    stop = -slopes[:, :1] / math.radians(_STOP_SPREAD) * (beyond > 0)[:, None, None]
    residuals = torch.cat([angles / prior.spread, beyond[:, None]], dim=1)
    return Leaning(residuals, torch.cat([slopes / prior.spread[..., None], stop], dim=1))


def _inverse_left_jacobian(turn: Tensor) -> Tensor:
    """Return the inverse left Jacobian [..., 3, 3] of rotations by axis-angles [..., 3]."""
    angle = turn.norm(dim=-1)[..., None, None]
    small = angle < 1e-3
    safe = torch.where(small, 1.0, angle)
    factor = torch.where(small, 1 / 12, 1 / safe.square() - (1 + safe.cos()) / (2 * safe * safe.sin().clamp_min(1e-4)))
    cross = skew(turn)
    return torch.eye(3) - 0.5 * cross + factor * cross @ cross


def _axes(joint: str, joints: Tensor) -> Tensor:
    """Return bend, side and twist axes [3, 3] of a joint at rest (joints [55, 3]): bend forwards, or as the hinge goes."""
    side, _, name = joint.rpartition("_")
    bend, twist = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0])
    if name in _TWISTED:
        twist = joints[JOINT_INDEX[f"{side}_{_TWISTED[name]}"]] - joints[JOINT_INDEX[joint]]
    if name == "collar":
        twist = joints[JOINT_INDEX[f"{side}_shoulder"]] - joints[JOINT_INDEX[joint]]
        bend = torch.tensor([0.0, 0, 1])
    if name in ("shoulder", "elbow", "wrist"):  # forwards, whichever way the arm hangs at rest
        bend = torch.linalg.cross(twist, torch.tensor([0.0, 0, 1]), dim=0)
    twist = torch.nn.functional.normalize(twist, dim=0)
    bend = torch.nn.functional.normalize(bend - (bend @ twist) * twist, dim=0)
    return torch.stack([bend, torch.linalg.cross(twist, bend, dim=0), twist])
