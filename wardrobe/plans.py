"""Plans of poses: what a pose wants of trunk, arms and feet, before it meets a figure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from ..models.body import JOINT_INDEX
from .outline import Outline

Vector = tuple[float, float, float]


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


def _other_side(joint: str) -> str:
    side, _, rest = joint.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}" if side in ("left", "right") else joint
