"""Carrying out a planned pose on a figure: feet planted, weight over them, arms outside of the trunk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, PARENTS
from ..models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from .hands import finger_turns
from .joint_limits import clamp_to_limits, palm_normal
from .noise import smoothstep
from .outline import Outline

Vector = tuple[float, float, float]

_MIRROR = torch.tensor([-1.0, 1.0, 1.0])
_STEPS = 24  # how often an arm gives way before it stays where it is
_CLOTH = 0.012  # metres between arm and trunk that clothes take
_FLESH = 0.65  # share of the upper arm's radius that is left where it lies against the trunk
# Shares of the body's mass, and where along the segment its centre lies (de Leva 1996, table 4, means of women and men).
_SEGMENTS = (
    ("shoulder", "elbow", 0.026, 0.58), ("elbow", "wrist", 0.015, 0.46), ("wrist", "middle1", 0.006, 0.80),
    ("hip", "knee", 0.145, 0.39), ("knee", "ankle", 0.046, 0.44), ("ankle", "foot", 0.013, 0.45),
)  # fmt: skip
_HEAD_MASS, _TRUNK_MASS = 0.068, 0.430


@dataclass(frozen=True)
class Build:
    """What a pose needs to know of a figure at rest: joints [55, 3], height of the floor, solid outline."""

    joints: Tensor
    floor: float
    solid: Outline

    def joint(self, name: str) -> Tensor:
        return self.joints[JOINT_INDEX[name]]

    def length(self, start: str, end: str) -> float:
        """Return metres between two joints of the left side."""
        return float((self.joint(f"left_{end}") - self.joint(f"left_{start}")).norm())


@dataclass(frozen=True)
class Foot:
    """Where a foot stands.

    out:   sideways from the middle, in hip half widths
    ahead: forwards, in leg lengths
    toes:  degrees that the toes point outwards
    heel:  degrees that the heel is lifted; the ball of the foot stays down
    """

    out: float = 1.0
    ahead: float = 0.0
    toes: float = 8.0
    heel: float = 0.0


@dataclass(frozen=True)
class Arm:
    """How an arm is held, told for the left one (x outwards) in the frame of the joint `of`; see the two kinds below.

    fingers: where the fingers point, or None: on from the forearm
    palm:    where the palm looks, or None: as the forearm happens to turn
    near:    how much of the forearm, from the elbow, stays clear of the trunk; more than 1 is the hand too
    shape:   a name in HAND_SHAPES
    """

    of: str = "spine3"
    fingers: Vector | None = None
    palm: Vector | None = None
    near: float = 2.0
    shape: str = "relaxed"


@dataclass(frozen=True)
class AimedArm(Arm):
    """Upper arm and forearm point somewhere; while they would be inside the trunk, they give way outwards."""

    upper: Vector = (0.2, -0.98, 0.0)
    fore: Vector = (0.1, -0.95, 0.25)


@dataclass(frozen=True)
class PlacedArm(Arm):
    """The wrist is at a place in metres, in rest coordinates; while the arm would be inside the trunk, the wrist gives way.

    elbow: where the elbow points
    give:  metres that the wrist moves, step by step
    """

    wrist: Vector = (0.3, 1.0, 0.2)
    elbow: Vector = (0.5, -0.7, -0.5)
    give: Vector = (0.008, 0.0, 0.0)


@dataclass(frozen=True)
class Plan:
    """A pose before it meets a figure.

    turns:   joint -> degrees forwards (about x), to the left (y) and to the right (z), against its parent
    feet, arms: left, right
    weight:  share of the weight on the left foot
    stretch: how far the more stretched leg is, of its full length
    seat:    height of the pelvis above the floor in metres, if the figure sits
    """

    turns: dict[str, Vector] = field(default_factory=dict)
    feet: tuple[Foot, Foot] = (Foot(), Foot())
    arms: tuple[Arm, Arm] = (AimedArm(), AimedArm())
    weight: float = 0.5
    stretch: float = 0.995
    seat: float | None = None

    def mirrored(self) -> Plan:
        """Return the plan with left and right exchanged."""
        turns = {_other_side(joint): (x, -y, -z) for joint, (x, y, z) in self.turns.items()}
        return replace(self, turns=turns, feet=self.feet[::-1], arms=self.arms[::-1], weight=1 - self.weight)


def take_pose(plan: Plan, build: Build) -> Tensor:
    """Return the axis-angle rotations [55, 3] in which a figure carries out a plan, within LIMITS."""
    turns = torch.zeros(len(JOINTS), 3)
    for joint, degrees in plan.turns.items():
        turns[JOINT_INDEX[joint]] = torch.deg2rad(torch.tensor(degrees))
    turns[25:] = finger_turns(plan.arms[0].shape, plan.arms[1].shape)
    local = axis_angle_to_matrix(turns)
    world, place = _carried(local, build.joints)
    for side, arm in zip(("left", "right"), plan.arms, strict=True):
        _set_arm(local, world, place, build, side, arm)
    world, place = _carried(local, build.joints)
    _set_legs(local, world, place, build, plan)
    return clamp_to_limits(matrix_to_axis_angle(local))


def _carried(local: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Return orientations [55, 3, 3] and positions [55, 3] of joints, with the pelvis at the origin."""
    offset = joints - joints[[max(parent, 0) for parent in PARENTS]]
    world, place = [local[0]], [torch.zeros(3)]
    for index in range(1, len(JOINTS)):
        parent = PARENTS[index]
        world.append(world[parent] @ local[index])
        place.append(place[parent] + world[parent] @ offset[index])
    return torch.stack(world), torch.stack(place)


def _set_arm(local: Tensor, world: Tensor, place: Tensor, build: Build, side: str, arm: Arm) -> None:
    """Set the rotations of shoulder, elbow and wrist; the right arm is solved as the mirror image of a left one."""
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
        upper, fore = _bent(targets - shoulder, frame @ torch.tensor(arm.elbow), *_arm_lengths(build))
    else:
        upper, fore = _giving_way(arm, frame)
    hand = frame @ torch.tensor(arm.fingers) if arm.fingers else None
    points, thickness = _along_arm(shoulder, upper, fore, hand, build, arm.near)
    at_rest = _trunk_coordinates(points, orientation, position, build)
    room = (build.solid.outside(at_rest) - thickness - _CLOTH).amin(1)
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
    """Return directions of upper arm and forearm [K, 3] that turn outwards, step by step, until both are level."""
    degrees = torch.deg2rad(torch.arange(_STEPS) * 2.5)[:, None] * torch.tensor([0.0, 0.0, 1.0])
    upper = axis_angle_to_matrix(degrees) @ torch.nn.functional.normalize(torch.tensor(arm.upper), dim=0)
    fore = axis_angle_to_matrix(0.55 * degrees) @ torch.nn.functional.normalize(torch.tensor(arm.fore), dim=0)
    return upper @ frame.T, fore @ frame.T


def _bent(target: Tensor, pole: Tensor, first: float, second: float) -> tuple[Tensor, Tensor]:
    """Return directions [K, 3] of two bones that reach targets [K, 3] from the origin, bent towards the pole [3]."""
    distance = target.norm(dim=-1, keepdim=True)
    reached = distance.clamp(abs(first - second) * 1.02, (first + second) * 0.999)
    direction = target / distance
    cosine = (first**2 + reached**2 - second**2) / (2 * first * reached)
    aside = torch.nn.functional.normalize(pole - (direction @ pole)[:, None] * direction, dim=-1)
    upper = cosine * direction + (1 - cosine**2).clamp_min(0).sqrt() * aside
    return upper, torch.nn.functional.normalize(reached * direction - first * upper, dim=-1)


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


def _trunk_coordinates(points: Tensor, orientation, position, build: Build) -> Tensor:  # noqa: ANN001 - functions of a joint's name
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
    shoulder = _frame(upper, fore) @ _frame(rest_upper, rest_fore).T
    elbow = _frame(fore, upper) @ _frame(rest_fore, rest_upper).T
    if palm is None and hand is None:
        return shoulder, elbow, elbow
    hand = fore if hand is None else hand
    rest_palm = palm_normal(build.joints)
    palm = elbow @ rest_palm if palm is None else palm
    wrist = _frame(hand, palm) @ _frame(rest_hand, rest_palm).T
    axis = torch.nn.functional.normalize(rest_fore, dim=0)
    against = elbow.T @ wrist
    twist = _twist(against, axis)
    return shoulder, elbow @ axis_angle_to_matrix(0.6 * twist * axis), wrist


def _twist(rotation: Tensor, axis: Tensor) -> Tensor:
    """Return how many radians a rotation [3, 3] turns about a unit axis, -pi to pi."""
    skewed = torch.stack([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    # Of the quaternion's parts: vector along the axis, against the real one.
    return 2 * torch.atan2(skewed @ axis, 1 + rotation.trace()) if float(rotation.trace()) > -0.99 else torch.tensor(torch.pi)


def _frame(along: Tensor, beside: Tensor) -> Tensor:
    """Return the rotation [3, 3] whose columns are a direction, another one made upright to it, and theirs."""
    first = torch.nn.functional.normalize(along, dim=0)
    second = torch.nn.functional.normalize(beside - (beside @ first) * first, dim=0)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=0)], 1)


def _set_legs(local: Tensor, world: Tensor, place: Tensor, build: Build, plan: Plan) -> None:
    """Plant the feet, and bring the pelvis to where the weight rests on them, or onto the seat."""
    legs = [_Leg(build, world[0], side, foot) for side, foot in zip(("left", "right"), plan.feet, strict=True)]
    origin = torch.tensor([0.0, plan.seat, 0.0]) if plan.seat is not None else _balanced(legs, world, place, build, plan)
    for leg in legs:
        leg.turn(local, world[0], origin)


def _balanced(legs: list[_Leg], world: Tensor, place: Tensor, build: Build, plan: Plan) -> Tensor:
    """Return where the pelvis [3] has the centre of mass above the feet, one leg stretched as planned."""
    support = torch.lerp(legs[1].support, legs[0].support, plan.weight)
    level = torch.tensor([1.0, 0.0, 1.0])
    origin = support * level
    for _ in range(3):
        height = torch.stack([leg.reach_up(origin, plan.stretch) for leg in legs]).amin()
        origin = origin * level + height * (1 - level)
        origin = origin + (support - _center_of_mass(place, legs, origin, world, build)) * level
    height = torch.stack([leg.reach_up(origin, plan.stretch) for leg in legs]).amin()
    return origin * level + height * (1 - level)


class _Leg:
    """One leg between a pelvis somewhere and a foot that is planted."""

    def __init__(self, build: Build, pelvis: Tensor, side: str, foot: Foot) -> None:
        self.side, self._build = side, build
        sign = 1.0 if side == "left" else -1.0
        self._rest = [build.joint(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "foot")]
        hip, knee, ankle, ball = self._rest
        self.thigh, self.shin = float((knee - hip).norm()), float((ankle - knee).norm())
        floor = build.floor
        yaw = torch.deg2rad(torch.tensor(sign * foot.toes))
        heading = axis_angle_to_matrix(torch.tensor([0.0, 1.0, 0.0]) * yaw)
        self._lift = torch.deg2rad(torch.tensor(foot.heel))
        self.orientation = heading @ axis_angle_to_matrix(torch.tensor([1.0, 0.0, 0.0]) * self._lift)
        flat = torch.tensor([foot.out * float(hip[0]), float(ankle[1]) - floor, foot.ahead * (self.thigh + self.shin)])
        self.ball = flat + heading @ (ball - ankle)
        self.ankle = self.ball - self.orientation @ (ball - ankle)
        self.support = torch.lerp(self.ankle, self.ball, 0.4 + 0.5 * min(foot.heel / 30, 1.0))
        knees = torch.deg2rad(torch.tensor(sign * 0.8 * foot.toes))
        self._pole = torch.stack([knees.sin(), torch.zeros(()), knees.cos()])
        self._hip = pelvis @ (hip - build.joint("pelvis"))

    def reach_up(self, origin: Tensor, stretch: float) -> Tensor:
        """Return how high the pelvis is above (x, z) of the origin when this leg is stretched so far."""
        aside = (origin + self._hip - self.ankle)[[0, 2]]
        up = ((stretch * (self.thigh + self.shin)) ** 2 - aside @ aside).clamp_min(0).sqrt()
        return self.ankle[1] - self._hip[1] + up

    def bones(self, origin: Tensor) -> tuple[Tensor, Tensor]:
        """Return where thigh and shin point when the pelvis is at the origin."""
        upper, lower = _bent((self.ankle - origin - self._hip)[None], self._pole, self.thigh, self.shin)
        return upper[0], lower[0]

    def points(self, origin: Tensor) -> dict[str, Tensor]:
        """Return where the joints are when the pelvis is at the origin."""
        hip = origin + self._hip
        knee = hip + self.thigh * self.bones(origin)[0]
        return {"hip": hip, "knee": knee, "ankle": self.ankle, "foot": self.ball}

    def turn(self, local: Tensor, pelvis: Tensor, origin: Tensor) -> None:
        """Set the rotations of hip, knee, ankle and toes; the knee is a hinge."""
        hip, knee, ankle, _ = self._rest
        upper, lower = self.bones(origin)
        hinge = torch.linalg.cross(self.ankle - origin - self._hip, self._pole, dim=0)
        rest_hinge = torch.linalg.cross(ankle - hip, torch.tensor([0.0, 0.0, 1.0]), dim=0)
        thigh = _frame(upper, hinge) @ _frame(knee - hip, rest_hinge).T
        shin = _frame(lower, hinge) @ _frame(ankle - knee, rest_hinge).T
        toes = axis_angle_to_matrix(torch.tensor([-1.0, 0.0, 0.0]) * self._lift)
        turns = (pelvis.T @ thigh, thigh.T @ shin, shin.T @ self.orientation, toes)
        for joint, turned in zip(("hip", "knee", "ankle", "foot"), turns, strict=True):
            local[JOINT_INDEX[f"{self.side}_{joint}"]] = turned


def _center_of_mass(place: Tensor, legs: list[_Leg], origin: Tensor, world: Tensor, build: Build) -> Tensor:
    """Return the centre of mass [3] of a figure whose pelvis is at the origin [3]; `place` [55, 3] is relative to the pelvis."""
    middle = build.solid.centroid() - build.joint("spine1")
    total = _TRUNK_MASS * (place[JOINT_INDEX["spine1"]] + world[JOINT_INDEX["spine1"]] @ middle)
    total = total + _HEAD_MASS * place[JOINT_INDEX["head"]] + (_TRUNK_MASS + _HEAD_MASS) * origin
    for leg in legs:
        points = {joint: place[JOINT_INDEX[f"{leg.side}_{joint}"]] + origin for joint in ("shoulder", "elbow", "wrist", "middle1")}
        points |= leg.points(origin)
        for start, end, mass, share in _SEGMENTS:
            total = total + mass * torch.lerp(points[start], points[end], share)
    return total / (_TRUNK_MASS + _HEAD_MASS + 2 * sum(segment[2] for segment in _SEGMENTS))


def _other_side(joint: str) -> str:
    side, _, rest = joint.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}" if side in ("left", "right") else joint
