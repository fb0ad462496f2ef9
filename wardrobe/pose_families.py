"""Families of poses: everyday ways to stand, walk, hold arms and sit, each drawn anew within what joints and balance allow.

Every family is a function of the chance and of the figure's build to a `Plan`; it draws the left-handed version, and a coin decides
whether that is mirrored.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure
from .outline import outline
from .plans import AimedArm, Arm, Build, Foot, PlacedArm, Plan, Vector
from .posing import take_pose


@dataclass(frozen=True)
class DrawnPose:
    """A pose drawn from a family.

    rotations:   [55, 3] axis-angle radians, each joint against its parent
    seat_height: metres from the floor to what the figure sits on, or None
    """

    family: str
    rotations: Tensor
    seat_height: float | None = None


def random_pose(draw: random.Random, figure: Figure, family: str | None = None) -> DrawnPose:
    """Draw a pose of a family, or of any, for a figure: within the joints' limits, feet on the floor, arms outside of the trunk.

    Raises:
        ValueError: if there is no such family.
    """
    family = family or draw.choice(POSE_FAMILIES)
    if family not in _FAMILIES:
        raise ValueError(f"There is no pose family '{family}'; use one of {', '.join(POSE_FAMILIES)}.")
    build = Build(figure.joints, figure.floor, outline(figure))
    plan = _FAMILIES[family](draw, build)
    if draw.random() < 0.5:
        plan = plan.mirrored()
    thickness = float(build.joint("pelvis")[1] - build.joint("left_hip")[1]) + build.solid.thigh
    return DrawnPose(family, take_pose(plan, build), None if plan.seat is None else plan.seat - thickness)


def _stand(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    return Plan(
        turns=_upright(draw),
        feet=(Foot(near(0.7, 1.25), near(-0.02, 0.04), near(3, 16)), Foot(near(0.7, 1.25), near(-0.02, 0.04), near(3, 16))),
        arms=(_hanging(draw), _hanging(draw)),
        weight=near(0.42, 0.58),
    )


def _relaxed(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    hip = near(1.5, 3.5)
    return Plan(
        turns=_upright(draw, turn=near(-6, 6)) | {"pelvis": (0, near(-6, 6), hip), "spine2": (0, 0, -hip * 0.9)},
        feet=(Foot(near(0.85, 1.1), 0, near(4, 14)), Foot(near(1.1, 1.5), near(0.03, 0.10), near(12, 28))),
        arms=(_hanging(draw), _hanging(draw, near(0.1, 0.35))),
        weight=near(0.62, 0.75),
    )


def _contrapposto(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    hip = near(4, 8)
    turns = _upright(draw) | {
        "pelvis": (0, near(-8, 4), hip),
        "spine1": (0, 0, -0.45 * hip),
        "spine2": (0, near(0, 3), -0.45 * hip),
        "spine3": (0, near(0, 4), -0.5 * hip),
        "head": (near(-2, 4), near(-18, 18), near(-4, 4)),
    }
    return Plan(
        turns=turns,
        feet=(Foot(near(0.75, 0.95), 0, near(4, 12)), Foot(near(1.0, 1.4), near(0.07, 0.16), near(14, 32))),
        arms=(_hanging(draw), _hanging(draw, near(0.1, 0.4))),
        weight=near(0.74, 0.88),
    )


def _walk(draw: random.Random, build: Build) -> Plan:
    return _stepping(draw, draw.uniform(0.28, 0.40))


def _stride(draw: random.Random, build: Build) -> Plan:
    return _stepping(draw, draw.uniform(0.46, 0.62))


def _stepping(draw: random.Random, step: float) -> Plan:
    """The left foot is ahead and takes the weight, the right one pushes off; arms swing against the legs."""
    near = draw.uniform
    twist = 18 * step + near(0, 4)
    swing = step * near(0.75, 1.25)
    turns = _upright(draw) | {
        "pelvis": (near(0, 4), -twist, near(-1, 2)),
        "spine2": (0, 0.9 * twist, 0),
        "spine3": (near(0, 3), 0.8 * twist, 0),
        "head": (near(-4, 3), -0.6 * twist + near(-8, 8), 0),
    }
    shape, inwards = _at_ease(draw), (-0.95, 0.0, near(-0.2, 0.1))
    back = AimedArm(upper=(0.2, -0.92, -0.85 * swing), fore=(0.10, -0.95, 0.06 - 0.3 * swing), palm=inwards, shape=shape)
    ahead = AimedArm(upper=(0.2, -0.95, 0.55 * swing), fore=(0.0, -0.8, near(0.2, 0.3) + swing), palm=inwards, shape=shape)
    pushing = Foot(near(0.4, 0.7), -0.5 * step, near(2, 10), heel=18 + 55 * step + near(0, 8))
    return Plan(
        turns=turns,
        feet=(Foot(near(0.4, 0.7), 0.5 * step, near(2, 10)), pushing),
        arms=(back, ahead),
        weight=near(0.5, 0.72),
        stretch=near(0.975, 0.99),
    )


def _arms_crossed(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    solid = build.solid
    below = torch.linspace(0.68, 0.88, 5) * build.length("shoulder", "elbow")
    heights = float(build.joint("left_shoulder")[1]) - below
    fronts = solid.at(heights[:, None] + torch.linspace(-0.05, 0.07, 7))[..., 1].amax(1) - 0.01
    place = int(fronts.argmin())  # above or below what sticks out most
    height, front = float(heights[place]) + near(-0.015, 0.015), float(fronts[place])
    wrist = near(-0.06, -0.02)
    inner = PlacedArm(
        wrist=(wrist, height - 0.02, front + solid.forearm + 0.005), elbow=(0.75, -0.65, -0.1), give=(0, 0, 0.006),
        fingers=(-0.95, 0.15, -0.28), palm=(-0.1, -0.5, -0.85), near=1.0, shape="hold",
    )  # fmt: skip
    outer = PlacedArm(
        wrist=(wrist, height + 0.025, front + 2.4 * solid.forearm + 0.01), elbow=(0.75, -0.65, -0.1), give=(0, 0, 0.006),
        fingers=(-0.93, 0.10, -0.35), palm=(-0.25, -0.2, -0.95), near=1.0, shape="relaxed",
    )  # fmt: skip
    collars = {f"{side}_collar": (0.0, -8.0 * sign, 2.0 * sign) for side, sign in (("left", 1), ("right", -1))}
    return _on_legs(draw, (inner, outer), collars)


def _hands_on_hips(draw: random.Random, build: Build) -> Plan:
    return _on_legs(draw, (_on_hip(draw, build), _on_hip(draw, build)))


def _hand_on_hip(draw: random.Random, build: Build) -> Plan:
    return _on_legs(draw, (_on_hip(draw, build), _hanging(draw)))


def _in_pockets(draw: random.Random, build: Build) -> Plan:
    return _on_legs(draw, (_in_pocket(draw, build), _in_pocket(draw, build) if draw.random() < 0.75 else _hanging(draw)))


def _reach_forward(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    high = near(-0.35, 0.15)
    reaching = AimedArm(
        upper=(near(0.0, 0.2), high - 0.15, 0.85), fore=(near(-0.06, 0.1), high + near(0.0, 0.25), 0.95),
        palm=(-0.8, -0.55, 0) if draw.random() < 0.6 else (0.1, -1, 0), shape=draw.choice(("open", "relaxed")),
    )  # fmt: skip
    turns = {"left_collar": (0.0, -12.0, 6.0), "spine2": (near(2, 7), near(-8, 0), 0), "spine3": (near(2, 6), near(-8, 0), 0)}
    return _on_legs(draw, (reaching, reaching if draw.random() < 0.3 else _hanging(draw)), turns)


def _reach_up(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    reaching = AimedArm(
        upper=(near(0.15, 0.4), near(0.75, 1.0), near(0.15, 0.5)), fore=(near(-0.1, 0.12), 1.0, near(0.05, 0.45)),
        palm=(-0.4, 0, 0.9), shape=draw.choice(("open", "relaxed")),
    )  # fmt: skip
    turns = {"left_collar": (0.0, 0.0, near(14, 24)), "spine3": (-2, 0, near(1, 4)), "head": (near(-18, -4), near(0, 15), 0)}
    return _on_legs(draw, (reaching, _hanging(draw)), turns)


def _arms_raised(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    out, bend, ahead = near(0.2, 0.75), near(-0.15, 0.2), near(-0.05, 0.2)
    shape = draw.choice(("open", "relaxed", "fist"))

    def raised() -> Arm:
        return AimedArm(
            upper=(out, 0.8, ahead), fore=(out * 0.6 + bend, 1.0, ahead + near(0.0, 0.12)), palm=(-0.5, 0, 0.8),
            shape=shape,
        )  # fmt: skip

    lift = near(12, 20)
    turns = {"left_collar": (0.0, 0.0, lift), "right_collar": (0.0, 0.0, -lift), "head": (near(-10, 4), near(-10, 10), 0)}
    return _on_legs(draw, (raised(), raised()), turns)


def _sit(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    pelvis, hip, knee = build.joint("pelvis"), build.joint("left_hip"), build.joint("left_knee")
    seat = float(knee[1] - hip[1] + pelvis[1]) - build.floor + near(-0.01, 0.03)
    thigh = build.length("hip", "knee") / (build.length("hip", "knee") + build.length("knee", "ankle"))
    back = near(4, 14)
    turns = _upright(draw) | {
        "pelvis": (-back, 0, 0),
        "spine1": (0.5 * back + near(0, 4), 0, 0),
        "spine2": (0.4 * back + near(0, 5), near(-4, 4), 0),
        "spine3": (near(-2, 3), near(-4, 4), 0),
    }
    out = near(0.7, 1.35)
    feet = (Foot(out, thigh * near(0.93, 1.08), near(0, 12)), Foot(out * near(0.9, 1.1), thigh * near(0.93, 1.08), near(0, 12)))
    return Plan(turns=turns, feet=feet, arms=(_on_thigh(draw, build, out), _on_thigh(draw, build, out)), seat=seat)


def _look_back(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    turn = near(0.75, 1.0)
    turns = {
        "pelvis": (0, 8 * turn, 0), "spine1": (0, 8 * turn, 0), "spine2": (0, 12 * turn, 0), "spine3": (0, 12 * turn, 0),
        "neck": (0, 24 * turn, 0), "head": (near(-4, 4), 30 * turn, near(-4, 4)),
    }  # fmt: skip
    return _on_legs(draw, (_hanging(draw), _hanging(draw, near(0.1, 0.4))), turns)


def _turn(draw: random.Random, build: Build) -> Plan:
    """Shoulders are turned against the hips."""
    near = draw.uniform
    turn = near(0.5, 1.0)
    turns = {
        "pelvis": (0, -10 * turn, 0), "spine1": (0, 10 * turn, 0), "spine2": (0, 14 * turn, 0), "spine3": (0, 12 * turn, 0),
        "neck": (0, -8 * turn, 0), "head": (near(-4, 4), near(-16, 12), near(-4, 4)),
    }  # fmt: skip
    return _on_legs(draw, (_hanging(draw), _hanging(draw, near(0.1, 0.6))), turns)


def _wave(draw: random.Random, build: Build) -> Plan:
    near = draw.uniform
    waving = AimedArm(
        upper=(0.9, near(-0.55, 0.1), near(0.05, 0.35)), fore=(near(-0.1, 0.45), 1.0, near(0.1, 0.35)), palm=(0, 0.1, 1),
        shape="open",
    )  # fmt: skip
    return _on_legs(draw, (waving, _hanging(draw)), {"left_collar": (0.0, 0.0, near(2, 8)), "head": (0, near(-6, 12), near(-2, 6))})


def _lean(draw: random.Random, build: Build) -> Plan:
    """The trunk leans to one side or forwards."""
    near = draw.uniform
    aside, ahead = (near(8, 14), near(0, 4)) if draw.random() < 0.5 else (near(-3, 3), near(10, 18))
    share = {"pelvis": 0.4, "spine1": 0.25, "spine2": 0.25, "spine3": 0.2}
    turns = {joint: (ahead * part, near(-4, 4), aside * part) for joint, part in share.items()}
    turns["head"] = (-0.5 * ahead, near(-10, 10), -0.5 * aside)
    return _on_legs(draw, (_hanging(draw, near(0.0, 0.3)), _hanging(draw, near(0.0, 0.3))), turns)


def _on_legs(draw: random.Random, arms: tuple[Arm, Arm], turns: dict[str, Vector] | None = None) -> Plan:
    """Let arms and trunk go with one of the ways to stand."""
    base = draw.choice((_stand, _relaxed, _contrapposto))
    below = base(draw, None)
    return Plan(below.turns | (turns or {}), below.feet, arms, below.weight, below.stretch)


def _upright(draw: random.Random, turn: float = 0.0) -> dict[str, Vector]:
    near = draw.uniform
    return {
        "pelvis": (near(-2, 2), turn, near(-1, 1)),
        "spine2": (near(-2, 2), near(-3, 3), near(-1, 1)),
        "spine3": (near(-2, 2), near(-3, 3), near(-1, 1)),
        "neck": (near(-2, 3), near(-6, 6), near(-2, 2)),
        "head": (near(-4, 5), near(-14, 14), near(-4, 4)),
    }


def _at_ease(draw: random.Random) -> str:
    return draw.choice(("relaxed", "relaxed", "relaxed", "hold", "fist"))


def _hanging(draw: random.Random, bend: float = 0.0) -> Arm:
    """An arm that hangs, its elbow a little bent."""
    near = draw.uniform
    return AimedArm(
        upper=(near(0.14, 0.26), -0.98, near(-0.12, 0.02)),
        fore=(near(0.02, 0.14) - 0.2 * bend, -0.96, near(0.10, 0.22) + bend),
        palm=(-1.0, 0.0, near(-0.35, 0.15)),
        shape=_at_ease(draw),
    )


def _on_hip(draw: random.Random, build: Build) -> Arm:
    """The hand rests on the crest of the hip, the elbow points outwards."""
    near = draw.uniform
    hip, waist = float(build.joint("left_hip")[1]), float(build.joint("spine1")[1])
    height = hip + near(0.45, 0.75) * (waist - hip)
    width, front, back = build.solid.at(torch.tensor(height)).tolist()
    return PlacedArm(
        of="pelvis", wrist=(width + 0.045, height + 0.02, (front + back) / 2 + near(-0.03, 0.02)),
        elbow=(1.0, 0.25, near(-0.6, -0.25)), fingers=(-0.35, -0.5, 0.8), palm=(-0.9, 0.0, -0.4), near=0.65, shape="hold",
    )  # fmt: skip


def _in_pocket(draw: random.Random, build: Build) -> Arm:
    """The hand is in the trousers' side pocket: it vanishes in the hip below the wrist."""
    near = draw.uniform
    hip, waist = float(build.joint("left_hip")[1]), float(build.joint("spine1")[1])
    height = hip + near(0.05, 0.2) * (waist - hip)
    reach = build.length("wrist", "middle1")
    (width, front, back), (below, _, _) = build.solid.at(torch.tensor([height, height - reach])).tolist()
    wrist = width + 0.012
    return PlacedArm(
        of="pelvis", wrist=(wrist, height, (front + back) / 2 + near(0.0, 0.04)), elbow=(0.45, 0.0, -1.0),
        fingers=((below - 0.024 - wrist) / reach, -1.0, near(0.05, 0.3)), palm=(-1.0, 0.0, 0.1), near=0.6, shape="flat",
    )  # fmt: skip


def _on_thigh(draw: random.Random, build: Build, out: float) -> Arm:
    """The hand lies on the thigh of somebody who sits."""
    near = draw.uniform
    hip = build.joint("left_hip")
    length = build.length("hip", "knee")
    along, top = near(0.62, 0.88), float(hip[1]) + 0.8 * build.solid.thigh + 0.02
    return PlacedArm(
        of="pelvis", wrist=(out * float(hip[0]) + near(-0.02, 0.02), top, along * length - 0.08), elbow=(0.6, -0.3, -0.8),
        give=(0.004, 0.0, 0.006), fingers=(near(-0.2, 0.05), -0.2, 1.0), palm=(0.0, -1.0, -0.1), near=0.7, shape="flat",
    )  # fmt: skip


_FAMILIES: dict[str, Callable[[random.Random, Build], Plan]] = {
    "stand": _stand,
    "relaxed": _relaxed,
    "contrapposto": _contrapposto,
    "walk": _walk,
    "stride": _stride,
    "arms crossed": _arms_crossed,
    "hands on hips": _hands_on_hips,
    "hand on hip": _hand_on_hip,
    "hands in pockets": _in_pockets,
    "reach forward": _reach_forward,
    "reach up": _reach_up,
    "arms raised": _arms_raised,
    "wave": _wave,
    "turn": _turn,
    "look over the shoulder": _look_back,
    "lean": _lean,
    "sit": _sit,
}
POSE_FAMILIES: tuple[str, ...] = tuple(_FAMILIES)
