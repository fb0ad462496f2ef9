"""Legs between a pelvis and planted feet, and where the pelvis must be for the body to be in balance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from .bones import bent, frame_of
from .plans import Build, Foot, Plan

# Shares of the body's mass, and where along the segment its centre lies (de Leva 1996, table 4, means of women and men).
# A forearm has its hand's mass too.
_ARM_SEGMENTS = (("shoulder", "elbow", 0.026, 0.58), ("elbow", "wrist", 0.021, 0.68))
_LEG_SEGMENTS = (("hip", "knee", 0.145, 0.39), ("knee", "ankle", 0.046, 0.44), ("ankle", "foot", 0.013, 0.45))
_HEAD_MASS, _TRUNK_MASS = 0.068, 0.430


class Leg:
    """One leg between a pelvis somewhere and a foot that is planted."""

    def __init__(self, build: Build, pelvis: Tensor, side: str, foot: Foot) -> None:
        self.side, self._build = side, build
        sign = 1.0 if side == "left" else -1.0
        self._rest = [build.joint(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot")]
        hip, knee, ankle, ball = self._rest
        self.thigh, self.shin = float((knee - hip).norm()), float((ankle - knee).norm())
        floor = build.floor
        self._lift = foot.heel
        heading = _turned("y", sign * foot.toes)
        self.orientation = heading @ _turned("x", foot.heel)
        flat = torch.tensor([foot.out * float(hip[0]), float(ankle[1]) - floor, foot.ahead * (self.thigh + self.shin)])
        self.ball = flat + heading @ (ball - ankle)
        self.ankle = self.ball - self.orientation @ (ball - ankle)
        self.support = torch.lerp(self.ankle, self.ball, 0.4 + 0.5 * min(foot.heel / 30, 1.0))
        self._pole = _turned("y", sign * 0.8 * foot.toes)[:, 2]
        self._hip = pelvis @ (hip - build.joint("pelvis"))

    def reach_up(self, origin: Tensor, stretch: float) -> Tensor:
        """Return how high the pelvis is above (x, z) of the origin when this leg is stretched so far."""
        aside = (origin + self._hip - self.ankle)[[0, 2]]
        up = ((stretch * (self.thigh + self.shin)) ** 2 - aside @ aside).clamp_min(0).sqrt()
        return self.ankle[1] - self._hip[1] + up

    def bones(self, origin: Tensor) -> tuple[Tensor, Tensor]:
        """Return where thigh and shin point when the pelvis is at the origin."""
        upper, lower = bent((self.ankle - origin - self._hip)[None], self._pole, self.thigh, self.shin)
        return upper[0], lower[0]

    def thigh_ends(self, origin: Tensor) -> tuple[Tensor, Tensor]:
        """Return hip and knee [3], relative to the pelvis, when that is at the origin."""
        return self._hip, self._hip + self.thigh * self.bones(origin)[0]

    def moment(self, origin: Tensor) -> Tensor:
        """Return the sum of mass times place [3] over the leg, for a body of mass 1 with the pelvis at the origin."""
        hip = origin + self._hip
        places = {"hip": hip, "knee": hip + self.thigh * self.bones(origin)[0], "ankle": self.ankle, "foot": self.ball}
        return _moment(_LEG_SEGMENTS, places)

    def turn(self, local: Tensor, pelvis: Tensor, origin: Tensor) -> None:
        """Set the rotations of hip, knee, ankle and toes; the knee is a hinge."""
        hip, knee, ankle, _ = self._rest
        upper, lower = self.bones(origin)
        hinge = torch.linalg.cross(self.ankle - origin - self._hip, self._pole, dim=0)
        rest_hinge = torch.linalg.cross(ankle - hip, torch.tensor([0.0, 0.0, 1.0]), dim=0)
        thigh = frame_of(upper, hinge) @ frame_of(knee - hip, rest_hinge).T
        shin = frame_of(lower, hinge) @ frame_of(ankle - knee, rest_hinge).T
        turns = (pelvis.T @ thigh, thigh.T @ shin, shin.T @ self.orientation, _turned("x", -self._lift))
        for joint, turned in zip(("hip", "knee", "ankle", "foot"), turns, strict=True):
            local[JOINT_INDEX[f"{self.side}_{joint}"]] = turned


def resting(legs: list[Leg], world: Tensor, place: Tensor, build: Build, plan: Plan) -> Tensor:
    """Return where the pelvis [3] has the centre of mass above the feet, one leg stretched as planned, or is on its seat.

    Args:
        world, place: orientations [J, 3, 3] and positions [J, 3] of the joints above, relative to the pelvis.
    """
    if plan.seat is not None:
        return torch.tensor([0.0, plan.seat, 0.0])
    support = torch.lerp(legs[1].support, legs[0].support, plan.weight)
    level = torch.tensor([1.0, 0.0, 1.0])
    origin = support * level
    upper, mass = _upper_moment(world, place, build)
    for _ in range(3):
        height = torch.stack([leg.reach_up(origin, plan.stretch) for leg in legs]).amin()
        origin = origin * level + height * (1 - level)
        center = upper + mass * origin + sum(leg.moment(origin) for leg in legs)
        origin = origin + (support - center) * level
    height = torch.stack([leg.reach_up(origin, plan.stretch) for leg in legs]).amin()
    return origin * level + height * (1 - level)


def _upper_moment(world: Tensor, place: Tensor, build: Build) -> tuple[Tensor, float]:
    """Return the sum of mass times place [3] over trunk, head and arms, relative to the pelvis, and their mass."""
    spine = JOINT_INDEX["spine1"]
    trunk = place[spine] + world[spine] @ (build.solid.centroid() - build.joint("spine1"))
    total = _TRUNK_MASS * trunk + _HEAD_MASS * place[JOINT_INDEX["head"]]
    for side in ("left", "right"):
        total = total + _moment(
            _ARM_SEGMENTS, {name: place[JOINT_INDEX[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist")}
        )
    return total, _TRUNK_MASS + _HEAD_MASS + 2 * sum(segment[2] for segment in _ARM_SEGMENTS)


def _moment(segments: tuple[tuple[str, str, float, float], ...], places: dict[str, Tensor]) -> Tensor:
    return sum(mass * torch.lerp(places[start], places[end], share) for start, end, mass, share in segments)


def _turned(axis: str, degrees: float) -> Tensor:
    """Return the rotation [3, 3] about the upright axis y or the one to the left, x."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]] if axis == "y" else [[1.0, 0, 0], [0, c, -s], [0, s, c]])
