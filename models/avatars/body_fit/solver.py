"""One damped Gauss-Newton step on the unknowns of a fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...geometry.rotation import axis_angle_to_matrix
from .energy import Pulls
from .prior import Leaning
from .rig import Guess, Posed, Rig, derivatives

_MOST_TURN, _MOST_SHIFT, _MOST_SHAPE = 0.35, 0.15, 1.0  # of one step: radians, metres, deviations


@dataclass(frozen=True)
class Freedom:
    """What a stage may change, and how strongly the priors and damping hold.

    joints: [22] bool
    shape:  how many of the first coefficients
    pose_prior, shape_prior: weight of one squared deviation; the surface terms are a mean of squared centimetres
    damping: of a turn in radians, a shift in metres and a deviation of shape alike
    """

    joints: Tensor
    shape: int
    pose_prior: float = 0.02
    shape_prior: float = 0.02
    damping: float = 0.02


def step(rig: Rig, posed: Posed, pulls: Pulls, leaning: Leaning, guess: Guess, freedom: Freedom) -> Guess:
    """Return the guess one step further: the least of all pulls and priors, linear about the present guess."""
    joints, size = freedom.joints.nonzero()[:, 0], min(freedom.shape, rig.shape_size)
    moves = derivatives(rig, posed, joints, size)
    weighted = pulls.matrix @ moves
    hessian = moves.flatten(0, 1).T @ weighted.flatten(0, 1)
    gradient = moves.flatten(0, 1).T @ pulls.force.flatten()
    turning, shaping = slice(3 * len(joints)), slice(len(gradient) - size, None)
    slopes, residuals = leaning.slopes[joints], leaning.residuals[joints]
    hessian[turning, turning] += freedom.pose_prior * torch.block_diag(*(slopes.mT @ slopes))
    gradient[turning] += freedom.pose_prior * (slopes.mT @ residuals[..., None]).flatten()
    hessian[shaping, shaping].diagonal().add_(freedom.shape_prior)
    gradient[shaping] += freedom.shape_prior * guess.shape[:size]
    hessian.diagonal().add_(freedom.damping)
    change = torch.linalg.solve(hessian.double(), -gradient.double()).float().nan_to_num()
    return _moved(guess, change, joints, size)


def prior_cost(leaning: Leaning, guess: Guess, freedom: Freedom) -> float:
    """Return what the priors cost in a guess, on the scale of the pulls."""
    unlikely = leaning.residuals[freedom.joints].square().sum()
    return float(freedom.pose_prior * unlikely + freedom.shape_prior * guess.shape[: freedom.shape].square().sum())


def _moved(guess: Guess, change: Tensor, joints: Tensor, size: int) -> Guess:
    turns, shift, growth = change.split([3 * len(joints), 3, size])
    turns = turns.reshape(-1, 3)
    turns = turns * (_MOST_TURN / turns.norm(dim=1, keepdim=True).clamp_min(_MOST_TURN))
    shift = shift * (_MOST_SHIFT / shift.norm().clamp_min(_MOST_SHIFT))
    rotations, shape = guess.rotations.clone(), guess.shape.clone()
    rotations[joints] = axis_angle_to_matrix(turns) @ rotations[joints]
    shape[:size] += growth.clamp(-_MOST_SHAPE, _MOST_SHAPE)
    return Guess(shape, rotations, guess.translation + shift)
