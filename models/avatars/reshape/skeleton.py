"""The skeleton that a body is drawn in to, so that it starts inside the clothed mesh without touching it.

Section 3.2 of the paper and its supplement: E_pre moves the joints inside the mesh first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import JOINT_INDEX, JOINTS
from .distance_grid import clothed_grid

INSIDE, LENGTH, ANCHOR = 50.0, 5.0, 10.0  # weights of E_pre
MARGIN = 0.1  # of E_pre, where the skeleton's longest side is 2
LEAST_MARGIN = 0.01  # the same, asked of what is outside at first
SAMPLES = 40  # a bone
THIN = 0.01  # share of its thickness that a body drawn in keeps
_STEPS = 200

# From joint to joint; all others move with the one above them.
BONES = tuple(
    (JOINT_INDEX[first], JOINT_INDEX[second])
    for first, second in (
        ("pelvis", "spine3"), ("spine3", "neck"), ("neck", "head"),
        *(
            (one.format(side=side), other.format(side=side))
            for side in ("left", "right")
            for one, other in (
                ("spine3", "{side}_shoulder"), ("{side}_shoulder", "{side}_elbow"), ("{side}_elbow", "{side}_wrist"),
                ("pelvis", "{side}_hip"), ("{side}_hip", "{side}_knee"), ("{side}_knee", "{side}_ankle"),
                ("{side}_ankle", "{side}_foot"),
            )
        ),
    )
)  # fmt: skip
# The bone that holds what a joint holds, by the name of its first joint (and its last, where that leaves a choice).
_HOLDERS = {"pelvis": "spine3", "spine1": "spine3", "spine2": "spine3", "spine3": "neck", "neck": "head", "head": "head"}


@dataclass(frozen=True)
class Skeleton:
    """Joints [55, 3] metres, of which the ends of BONES count."""

    joints: Tensor

    def bones(self) -> tuple[Tensor, Tensor]:
        """Return the first and second ends of all bones: [B, 3] each."""
        ends = torch.tensor(BONES)
        return self.joints[ends[:, 0]], self.joints[ends[:, 1]]


def settled(skeleton: Skeleton, measured: Callable[[Tensor], Tensor], progress: Callable[[], None] | None = None) -> Skeleton:
    """Return the skeleton moved inside a clothed mesh, given what measures distances [P] to it at places [P, 3], by minimising

    E_pre = 50 sum max(0, phi + m)^2 + 5 sum (|x_i - x_j|^2 - L^2)^2 + 10 |x_root - x_root0|^2

    over samples of the bones, the bones, and the pelvis, in units in which the skeleton's longest side is 2. The paper's margin m
    is 0.1 everywhere. No arm is that thick: asked of arms and legs, it draws them into the trunk, by 20 to 50 cm. So m is 0.1 at
    most, and otherwise as deep as the place is inside at first, 0.01 where it is outside: bones that lie well stay there.
    """
    from scipy.optimize import minimize

    used = sorted({joint for bone in BONES for joint in bone})
    start = skeleton.joints[used].double()
    unit = float((start.amax(0) - start.amin(0)).amax()) / 2
    ends = torch.tensor([[used.index(joint) for joint in bone] for bone in BONES])
    lengths = ((start[ends[:, 0]] - start[ends[:, 1]]) / unit).square().sum(1)
    along = torch.linspace(0, 1, SAMPLES, dtype=torch.float64)[:, None, None]
    root = used.index(JOINT_INDEX["pelvis"])
    samples = ((1 - along) * start[ends[:, 0]] + along * start[ends[:, 1]]).reshape(-1, 3)
    if (measured(samples) < 0).all():  # E_pre is 0 as it is
        return skeleton
    clothed = clothed_grid(measured, start, progress=progress)
    before = clothed.sample(samples)[0] / unit
    margin = torch.where(before < 0, (-before).clamp_max(MARGIN), LEAST_MARGIN)

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        joints = torch.from_numpy(flat).view(-1, 3)
        first, second = joints[ends[:, 0]], joints[ends[:, 1]]
        distance, slope = clothed.sample(((1 - along) * first + along * second).reshape(-1, 3))
        out = (distance / unit + margin).clamp_min(0).view(SAMPLES, -1)
        push = (2 * INSIDE * out[..., None] * slope.view(SAMPLES, -1, 3)) / unit
        bone = (first - second) / unit
        stretch = bone.square().sum(1) - lengths
        pull = 4 * LENGTH * (stretch[:, None] * bone) / unit
        away = (joints[root] - start[root]) / unit
        gradient = torch.zeros_like(joints)
        gradient.index_add_(0, ends[:, 0], ((1 - along) * push).sum(0) + pull)
        gradient.index_add_(0, ends[:, 1], (along * push).sum(0) - pull)
        gradient[root] += 2 * ANCHOR * away / unit
        total = INSIDE * out.square().sum() + LENGTH * stretch.square().sum() + ANCHOR * away.square().sum()
        return float(total), gradient.reshape(-1).numpy()

    found = minimize(energy, start.reshape(-1).numpy(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    joints = skeleton.joints.clone()
    joints[used] = torch.from_numpy(found.x).view(-1, 3).to(joints)
    return Skeleton(joints)


def drawn_in(target: BodyState, source: Skeleton, thin: float = THIN) -> Tensor:
    """Return the target body's vertices [V, 3] drawn in to the source skeleton.

    Every vertex goes to its place along the bone that holds it, between several as its skinning weights are, so that what the
    bones share has no tear; `thin` of the way is left, so that no face loses its area.
    """
    posed = target.posed()
    first, second = Skeleton(posed.joints).bones()
    start, end = source.bones()
    along = second - first
    share = ((posed.vertices[:, None] - first) * along).sum(2) / along.square().sum(1).clamp_min(1e-12)
    share = share.clamp(0, 1)
    on_bone = start + share[..., None] * (end - start)  # [V, B, 3]
    weights = target.model.weights @ _holding().to(posed.vertices)
    inside = (weights[..., None] * on_bone).sum(1)
    was = (weights[..., None] * (first + share[..., None] * along)).sum(1)
    return inside + thin * (posed.vertices - was)


def _holding() -> Tensor:
    """Return which bone [55, B] holds what each joint holds."""
    holding = torch.zeros(len(JOINTS), len(BONES))
    names = [(JOINTS[first], JOINTS[second]) for first, second in BONES]
    for joint, name in enumerate(JOINTS):
        side, _, part = name.partition("_")
        if name in ("jaw", "left_eye", "right_eye"):
            end = "head"
        elif name in _HOLDERS:
            end = _HOLDERS[name]
        elif part == "collar":
            end = f"{side}_shoulder"
        else:
            below = {"shoulder": "elbow", "elbow": "wrist", "hip": "knee", "knee": "ankle", "ankle": "foot", "foot": "foot"}
            end = f"{side}_{below.get(part, 'wrist')}"
        holding[joint, [second for _, second in names].index(end)] = 1
    return holding
