"""The figure to dress: the shaped body at rest, with the measures that a tailor takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, JOINTS, PART_INDEX, Body
from ..models.geometry.mesh import scatter_faces_to_vertices, vertex_normals
from .noise import smoothstep
from .sheets import Sheet

_ARM_NAMES = ("shoulder", "elbow", "wrist", "index", "middle", "pinky", "ring", "thumb")
_ARM_JOINTS = [index for index, name in enumerate(JOINTS) if name.split("_")[-1].rstrip("123") in _ARM_NAMES]
# Canonical face coordinates: origin between the eyes of the template, metres on a face whose eyes are this far apart.
EYE_DISTANCE = 0.062


@dataclass(frozen=True)
class Figure:
    """A shaped body at rest.

    body:      the model
    sheet:     its surface. Values: "position" [V, 3]; "canonical" [V, 3], face coordinates of the template (origin between the
               eyes, see EYE_DISTANCE); "normal" [V, 3]; "skinning" [V, 55]; "armness" [V, 1], how much the arms carry a
               vertex, 0..1; "arm" [V, 1], metres along the arm from the shoulder joint, -1 off the arms; "leg" [V, 1],
               likewise from the hip
    joints:    [55, 3]
    floor, crotch, waist, armpit: heights in metres
    """

    body: Body
    sheet: Sheet
    joints: Tensor
    floor: float
    crotch: float
    waist: float
    armpit: float

    def joint(self, name: str) -> Tensor:
        """Return the position [3] of a joint."""
        return self.joints[JOINT_INDEX[name]]

    def on_parts(self, *names: str) -> Tensor:
        """Return which vertices [V] belong to parts, named without their side."""
        return _on_parts(self.body, names)


def measure(body: Body, shape: Tensor) -> Figure:
    """Shape the Modiste body and measure it."""
    vertices, joints = body.shaped(shape)
    figure = Figure(body, Sheet(body.faces, {"position": vertices}), joints, 0, 0, 0, 0)
    armness = _armness(body)
    along_arm = _along_limbs(figure, armness > 0.01, ("shoulder", "elbow", "wrist"))
    along_leg = _along_limbs(figure, figure.on_parts("upper_leg", "lower_leg", "foot"), ("hip", "knee", "ankle"))
    sheet = figure.sheet.with_values(
        canonical=canonical_points(body),
        normal=smooth_normals(vertices, body.faces),
        skinning=body.weights,
        armness=armness[:, None],
        arm=along_arm[:, None],
        leg=along_leg[:, None],
    )
    middle = figure.on_parts("torso") & (vertices[:, 0].abs() < 0.02)
    upper_arm_length = float((figure.joint("left_elbow") - figure.joint("left_shoulder")).norm())
    return Figure(
        body=body,
        sheet=sheet,
        joints=joints,
        floor=float(vertices[:, 1].min()),
        crotch=float(vertices[middle, 1].min()),
        waist=float(figure.joint("spine1")[1]),
        armpit=float(vertices[(armness > 0.5) & (along_arm < 0.3 * upper_arm_length), 1].min()),
    )


@cache
def _on_parts(body: Body, names: tuple[str, ...]) -> Tensor:
    wanted = [index for part, index in PART_INDEX.items() if part.removeprefix("left_").removeprefix("right_") in names]
    return torch.isin(body.parts, torch.tensor(wanted))


@cache
def _armness(body: Body) -> Tensor:
    return body.weights[:, _ARM_JOINTS].sum(1)


@cache
def canonical_points(body: Body) -> Tensor:
    """Return the template's vertices [V, 3] in canonical face coordinates: x to the person's left, y up, z forward."""
    eyes = [body.template[body.weights[:, JOINT_INDEX[f"{side}_eye"]] > 0.99].mean(0) for side in ("left", "right")]
    return (body.template - (eyes[0] + eyes[1]) / 2) * (EYE_DISTANCE / (eyes[0] - eyes[1]).norm())


def smooth_normals(vertices: Tensor, faces: Tensor, rounds: int = 2) -> Tensor:
    """Return unit vertex normals [V, 3], averaged with their neighbours a few times."""
    normals = vertex_normals(vertices, faces)
    for _ in range(rounds):
        summed = scatter_faces_to_vertices(normals[faces].sum(1), faces, len(vertices))
        normals = torch.nn.functional.normalize(summed, dim=-1)
    return normals


def _along_limbs(figure: Figure, limb: Tensor, names: tuple[str, str, str]) -> Tensor:
    """Return metres [V] along the two bones of the limb on each vertex's own side, -1 off the limb."""
    points = figure.sheet.position
    along = torch.full((len(points),), -1.0)
    for side, sign in (("left", 1), ("right", -1)):
        start, middle, end = (figure.joint(f"{side}_{name}") for name in names)
        first, second = middle - start, end - middle
        length, first, second = first.norm(), first / first.norm(), second / second.norm()
        offset = points - middle
        beyond = smoothstep(-0.06, 0.06, offset @ torch.nn.functional.normalize(first + second, dim=0))
        mine = limb & (points[:, 0] * sign > 0)
        along[mine] = (length + torch.lerp(offset @ first, offset @ second, beyond))[mine]
    return along
