"""First guesses: which way a person looks and how the limbs go, tried out coarsely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...body.interface import Body, BodyParameters
from ...body.joints import JOINT_INDEX, PARENTS
from ...body.kinematics import POINTS_TO
from ...body.poses import named_pose
from ...geometry.rotation import axis_angle_to_matrix
from .prior import PosePrior
from .rig import Guess, guess_from, world_rotations

Vector = tuple[float, float, float]

# Where thigh and shin, or upper arm and forearm, point; the person faces +Z, the left side is +X. Mirrored for the right side.
ARMS: dict[str, tuple[Vector, Vector]] = {
    "down": ((0.2, -1.0, -0.05), (0.12, -1.0, 0.16)),
    "spread": ((1.0, -1.0, 0.0), (1.0, -1.0, 0.1)),
    "aside": ((1.0, 0.0, 0.0), (1.0, 0.0, 0.05)),
    "up": ((0.35, 1.0, 0.2), (0.1, 1.0, 0.2)),
    "wave": ((0.9, -0.2, 0.2), (0.2, 1.0, 0.25)),
    "ahead": ((0.1, -0.2, 1.0), (0.0, 0.0, 1.0)),
    "bent": ((0.25, -1.0, 0.05), (0.0, -0.1, 1.0)),
    "on hip": ((0.75, -0.65, -0.25), (-0.6, -0.55, 0.45)),
    "across": ((0.25, -0.9, 0.25), (-0.95, 0.1, 0.35)),
    "on thigh": ((0.15, -0.9, 0.2), (0.0, -0.45, 0.9)),
    "back": ((0.2, -0.9, -0.45), (0.12, -1.0, -0.1)),
    "pocket": ((0.4, -0.85, -0.35), (0.0, -0.95, 0.3)),
}
LEGS: dict[str, tuple[Vector, Vector]] = {
    "down": ((0.04, -1.0, 0.0), (0.03, -1.0, -0.05)),
    "out": ((0.25, -1.0, 0.1), (0.15, -1.0, -0.05)),
    "seated": ((0.15, -0.05, 1.0), (0.03, -1.0, 0.0)),
    "ahead": ((0.03, -0.9, 0.4), (0.03, -1.0, 0.05)),
    "behind": ((0.03, -0.95, -0.25), (0.03, -0.85, -0.5)),
}
_STRAIGHT = 0.15  # the sine of the bend below which a limb counts as straight
_WHOLE = (("down", "down"), ("spread", "down"), ("on thigh", "seated"), ("up", "down"))  # arms and legs of whole starts


def starts(model: Body, prior: PosePrior, low: float, high: float, middle: Tensor, headings: Sequence[float]) -> list[Guess]:
    """Return whole starts: every stance with every heading (radians from +Z to +X), feet on the floor, as tall as the surface.

    Args:
        low, high: lowest and highest height of the surface, metres.
        middle: [3] where the trunk is, roughly.
    """
    return [_turned(start, heading) for start in _stances(model, prior, low, high, middle) for heading in headings]


def with_limbs(
    model: Body,
    prior: PosePrior,
    guess: Guess,
    arms: str | None = None,
    legs: str | None = None,
    sides: Sequence[str] = ("left", "right"),
) -> Guess:
    """Return a guess with limbs as named, in the frame of the person's heading; elbows and knees bend as hinges do."""
    joints = model.shaped(guess.shape)[1]
    chosen = [("shoulder", "elbow", ARMS[arms])] if arms else []
    chosen += [("hip", "knee", LEGS[legs])] if legs else []
    for side in sides:
        mirror = torch.tensor([1.0 if side == "left" else -1.0, 1, 1])
        for upper, lower, aims in chosen:
            upper_aim, lower_aim = (heading_of(guess) @ (mirror * torch.tensor(aim)) for aim in aims)
            guess = _bent(prior, joints, guess, (f"{side}_{upper}", f"{side}_{lower}"), upper_aim, lower_aim)
    return guess


def heading_of(guess: Guess) -> Tensor:
    """Return the rotation [3, 3] about Y that the pelvis has: where the person looks."""
    ahead = guess.rotations[0][:, 2]
    return axis_angle_to_matrix(torch.tensor([0.0, math.atan2(float(ahead[0]), float(ahead[2])), 0.0]))


def _bent(
    prior: PosePrior,
    joints: Tensor,  # [55, 3] at rest
    guess: Guess,
    limb: tuple[str, str],  # upper and lower joint
    upper_aim: Tensor,  # [3] where the upper bone points, in the world
    lower_aim: Tensor,  # [3]
) -> Guess:
    """Turn a limb's upper joint so that the hinge below can make the lower bone point where it should, and bend the hinge."""
    upper, lower = (JOINT_INDEX[joint] for joint in limb)
    bones = [joints[JOINT_INDEX[POINTS_TO[joint]]] - joints[JOINT_INDEX[joint]] for joint in limb]
    hinge = prior.axes[lower, 0]
    # A straight limb leaves the hinge open: it then lies as in an arm or leg that bends forwards or backwards.
    open_hinge = heading_of(guess) @ torch.tensor([-1.0 if "elbow" in limb[1] else 1.0, 0, 0])
    bend = torch.linalg.cross(_unit(upper_aim), _unit(lower_aim), dim=0) + _STRAIGHT * open_hinge
    turned = _frame(upper_aim, bend) @ _frame(bones[0], hinge).T
    start, end = bones[1], turned.T @ lower_aim
    angle = torch.atan2(hinge @ torch.linalg.cross(start, end, dim=0), start @ end - (start @ hinge) * (end @ hinge))
    rotations = guess.rotations.clone()
    rotations[upper] = world_rotations(guess.rotations)[PARENTS[upper]].T @ turned
    rotations[lower] = axis_angle_to_matrix(angle * hinge)
    return replace(guess, rotations=rotations)


def _frame(along: Tensor, across: Tensor) -> Tensor:
    """Return a rotation [3, 3] with the columns along, across as far as it is perpendicular, and their cross product."""
    first = _unit(along)
    second = _unit(across - (across @ first) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=0)], dim=1)


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=0)


def _stances(model: Body, prior: PosePrior, low: float, high: float, middle: Tensor) -> list[Guess]:
    quiet = guess_from(BodyParameters(torch.zeros(model.shape_size), named_pose("stand", model), torch.zeros(3)))
    found = []
    for arms, legs in _WHOLE:
        guess = with_limbs(model, prior, quiet, arms, legs)
        guess = replace(guess, shape=_stature(model, guess, high - low))
        posed = model.posed(guess.parameters())
        shift = middle - posed.joints[JOINT_INDEX["spine1"]]
        shift[1] = low - posed.vertices[:, 1].min()
        found.append(replace(guess, translation=guess.translation + shift))
    return found


def _turned(guess: Guess, heading: float) -> Guess:
    """Turn a guess about the upright through its pelvis."""
    turn = axis_angle_to_matrix(torch.tensor([0.0, heading, 0.0]))
    rotations = guess.rotations.clone()
    rotations[0] = turn @ rotations[0]
    return replace(guess, rotations=rotations)


def _stature(model: Body, guess: Guess, height: float) -> Tensor:
    """Return the likeliest shape [S] that is so tall in this pose, within what the first coefficients reasonably give."""

    def tall(shape: Tensor) -> Tensor:
        vertices = model.posed(replace(guess, shape=shape).parameters()).vertices[:, 1]
        return vertices.max() - vertices.min()

    shape = torch.zeros(model.shape_size)
    size = min(model.shape_size, 4)
    now = tall(shape)
    slopes = torch.zeros(model.shape_size)
    for place in range(size):
        slopes[place] = tall(torch.eye(model.shape_size)[place]) - now
    return (slopes * (height - now) / slopes.square().sum().clamp_min(1e-6)).clamp(-3, 3)
