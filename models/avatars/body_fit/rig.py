"""Chosen points of a body and its joints as functions of shape and pose, with their exact derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ...body.interface import Body, BodyParameters
from ...body.joints import JOINTS, PARENTS
from ...geometry.mesh import vertex_normals
from ...geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle

TURNED = 22  # joints that a fit turns: the first ones, without jaw, eyes and fingers
MOST_SHAPE = 40  # coefficients that a fit changes; SMPL-X files have up to 300, of which the later ones move little
_PARENTS = torch.tensor(PARENTS).clamp_min(0)
_ROOT = (torch.tensor(PARENTS) < 0)[:, None, None]


def _descends() -> Tensor:
    """Return [55, 55]: 1 where the row's joint hangs on the column's, or is it."""
    table = torch.eye(len(JOINTS))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            table[joint] += table[parent]
    return table


def _generations() -> list[tuple[Tensor, Tensor]]:
    """Return the joints that hang on the root, those that hang on these, and so on, each with their parents."""
    found, last = [], [0]
    while last := [joint for joint, parent in enumerate(PARENTS) if parent in last]:
        found.append((torch.tensor(last), _PARENTS[last]))
    return found


_DESCENDS, _GENERATIONS = _descends(), _generations()


@dataclass(frozen=True)
class Guess:
    """How the body stands, as the solver sees it.

    shape:       [S]
    rotations:   [55, 3, 3] of each joint relative to its parent
    translation: [3] metres
    """

    shape: Tensor
    rotations: Tensor
    translation: Tensor

    def parameters(self) -> BodyParameters:
        """Return the same as a body's parameters."""
        return BodyParameters(self.shape, matrix_to_axis_angle(self.rotations), self.translation)


def guess_from(parameters: BodyParameters) -> Guess:
    """Return the solver's form of a body's parameters."""
    return Guess(
        parameters.shape.detach().cpu().float(),
        axis_angle_to_matrix(parameters.pose.detach().cpu().float()),
        parameters.translation.detach().cpu().float(),
    )


class Posed(NamedTuple):
    """Points, their normals and the joints of a body in a guess; metres, world space.

    points:   [N, 3]; normals: [N, 3] unit; joints: [55, 3]
    world:    [55, 3, 3] orientations of the joints
    carried:  [N + 55, 55, 3]: where each joint alone would carry each point (the points first, then the joints)
    """

    points: Tensor
    normals: Tensor
    joints: Tensor
    world: Tensor
    carried: Tensor


@dataclass(frozen=True)
class Rig:
    """A body cut down to N of its vertices and its joints, both linear in the shape and skinned linearly.

    model:      the whole body
    index:      [N] vertices
    weights:    [N + 55, 55] skinning weights; a joint rides on itself
    rest:       [N + 55, 3] of the mean shape
    normals:    [N, 3] unit, of the mean shape at rest
    directions: [N + 55, 3, S], what each coefficient adds to rest
    """

    model: Body
    index: Tensor
    weights: Tensor
    rest: Tensor
    normals: Tensor
    directions: Tensor

    @property
    def shape_size(self) -> int:
        """How many shape coefficients a fit changes."""
        return self.directions.shape[-1]

    def first(self, count: int) -> Rig:
        """Return the rig with the first `count` of its vertices alone."""
        rows = torch.cat([torch.arange(min(count, len(self.index))), torch.arange(len(self.index), len(self.rest))])
        return replace(
            self,
            index=self.index[:count],
            weights=self.weights[rows],
            rest=self.rest[rows],
            normals=self.normals[:count],
            directions=self.directions[rows],
        )


def make_rig(model: Body, index: Tensor) -> Rig:
    """Cut a body down to the vertices of `index` [N] and its joints."""
    size = min(model.shape_size, MOST_SHAPE)

    def points(shape: Tensor) -> Tensor:
        vertices, joints = model.shaped(shape)
        return torch.cat([vertices[index], joints])

    rest = points(torch.zeros(model.shape_size))
    unit = torch.eye(model.shape_size)
    directions = torch.stack([points(unit[place]) - rest for place in range(size)], dim=-1)
    normals = vertex_normals(model.template, model.faces)[index]
    return Rig(model, index, torch.cat([model.weights[index], torch.eye(len(JOINTS))]), rest, normals, directions)


def pose_rig(rig: Rig, guess: Guess, exact: bool = False) -> Posed:
    """Put the rig into a guess.

    Args:
        exact: take points and normals from the whole body, which knows pose correctives (SMPL-X has some) and what the shape does
            to normals. The derivatives take both for fixed.
    """
    count = len(rig.index)
    world = world_rotations(guess.rotations)
    rest = rig.rest + rig.directions @ guess.shape[: rig.shape_size]
    carried = torch.einsum("kab,nb->nka", world, rest) + _origins(world, rest[count:], guess.translation)
    placed = (rig.weights[:, None] @ carried)[:, 0]
    if exact:
        whole = rig.model.posed(guess.parameters())
        normals = vertex_normals(whole.vertices, rig.model.faces)[rig.index]
        return Posed(whole.vertices[rig.index], normals, whole.joints, world, carried)
    blended = (rig.weights[:count] @ world.reshape(-1, 9)).reshape(-1, 3, 3)
    normals = torch.nn.functional.normalize((blended @ rig.normals[..., None])[..., 0], dim=-1)
    return Posed(placed[:count], normals, placed[count:], world, carried)


def world_rotations(rotations: Tensor) -> Tensor:
    """Return the orientations [55, 3, 3] in the world of joints with rotations [55, 3, 3] against their parents."""
    world = rotations.clone()
    for generation, parents in _GENERATIONS:
        world[generation] = world[parents] @ rotations[generation]
    return world


def _origins(world: Tensor, joints: Tensor, translation: Tensor) -> Tensor:
    """Return where joints with orientations [55, 3, 3] carry the origin [55, 3], for rest joints [55, 3]."""
    return _along_chains(world, joints[..., None])[..., 0] + translation - (world @ joints[..., None])[..., 0]


def _along_chains(world: Tensor, rest: Tensor) -> Tensor:
    """Add up turned bones from the root to each joint: rest joints [55, 3, C] to posed ones; linear, so it takes changes too."""
    bones = rest - torch.where(_ROOT, 0.0, rest[_PARENTS])
    turned = torch.where(_ROOT, bones, world[_PARENTS] @ bones)
    return (_DESCENDS @ turned.flatten(1)).reshape(rest.shape)


def derivatives(rig: Rig, posed: Posed, joints: Tensor, shape: int) -> Tensor:
    """Return how points and joints move with the unknowns: [N + 55, 3, 3 T + 3 + shape].

    The unknowns are a small turn of each of T joints, axis-angle in its parent's frame and applied after its rotation; the
    translation; the first coefficients of the shape. Turning joint j by w moves a point by w x (sum over the joints k that hang on
    j of their weight times (where k carries the point - where j is)); the shape moves it as it moves rest points and joints.

    Args:
        joints: [T] which joints turn, in ascending order.
    """
    hang = _DESCENDS[:, joints]
    levers = torch.einsum("nka,nkj->nja", posed.carried, rig.weights[:, :, None] * hang)
    levers -= (rig.weights @ hang)[..., None] * posed.joints[joints]
    # w x b is -[b]x w, and w is the parent's orientation times the unknown turn.
    parents = torch.where(_ROOT, torch.eye(3), posed.world[_PARENTS])[joints]
    turns = torch.linalg.cross(parents.transpose(1, 2)[None], levers[:, :, None, :], dim=-1)  # [N + 55, T, unknown, xyz]
    turned = turns.permute(0, 3, 1, 2).reshape(len(levers), 3, -1)
    moved = torch.eye(3).expand(len(levers), 3, 3)
    return torch.cat([turned, moved, _shape_derivatives(rig, posed, shape)], dim=-1)


def _shape_derivatives(rig: Rig, posed: Posed, size: int) -> Tensor:
    """Return how points and joints move with the first coefficients of the shape [N + 55, 3, size]."""
    directions = rig.directions[..., :size]
    of_joints = directions[len(rig.index) :]
    origins = _along_chains(posed.world, of_joints) - posed.world @ of_joints
    blended = (rig.weights @ posed.world.reshape(-1, 9)).reshape(-1, 3, 3)
    return blended @ directions + (rig.weights @ origins.flatten(1)).reshape(len(rig.weights), 3, size)
