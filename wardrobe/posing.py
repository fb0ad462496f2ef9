"""Carrying out a planned pose on a figure: feet planted, weight over them, arms outside of the trunk."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, PARENTS
from ..models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from .arms import set_arm
from .hands import finger_turns
from .joint_limits import clamp_to_limits
from .legs import Leg, resting
from .plans import Build, Plan

_SIDES = ("left", "right")
_CARRIED = 25  # of the joints, all but the fingers


def take_pose(plan: Plan, build: Build) -> Tensor:
    """Return the axis-angle rotations [55, 3] in which a figure carries out a plan, within LIMITS."""
    turns = torch.zeros(len(JOINTS), 3)
    for joint, degrees in plan.turns.items():
        turns[JOINT_INDEX[joint]] = torch.deg2rad(torch.tensor(degrees))
    turns[_CARRIED:] = finger_turns(plan.arms[0].shape, plan.arms[1].shape)
    local = axis_angle_to_matrix(turns)
    world, place = _carried(local, build.joints)
    legs = [Leg(build, world[0], side, foot) for side, foot in zip(_SIDES, plan.feet, strict=True)]
    # Where thighs are depends a little on how arms weigh, and arms on where thighs are: first as if they were held symmetrically.
    origin = resting(legs, world, place, build, plan)
    for leg, side, arm in zip(legs, _SIDES, plan.arms, strict=True):
        set_arm(local, world, place, leg.thigh_ends(origin), build, side, arm)
    origin = resting(legs, *_carried(local, build.joints), build, plan)
    for leg in legs:
        leg.turn(local, world[0], origin)
    return clamp_to_limits(matrix_to_axis_angle(local))


def _carried(local: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Return orientations [25, 3, 3] and positions [25, 3] of all joints but fingers, with the pelvis at the origin."""
    offset = joints - joints[[max(parent, 0) for parent in PARENTS]]
    world, place = [local[0]], [torch.zeros(3)]
    for index in range(1, _CARRIED):
        parent = PARENTS[index]
        world.append(world[parent] @ local[index])
        place.append(place[parent] + world[parent] @ offset[index])
    return torch.stack(world), torch.stack(place)
