"""A head on somebody else's clothes: the neck goes under the cloth, the hair over it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.mesh import face_normals, vertex_normals
from .binding import face_neighbours
from .closest import closest_points
from .graph import smooth
from .selection import vertices_labelled
from .types import Avatar

_GAP = 0.003  # metres from the cloth
_REACH = 0.03  # metres; what is farther on the wrong side does not belong to this cloth
_SMOOTHING_STEPS = 3


def clear_clothes(user: Avatar, torso: Avatar, movable: Tensor, over: bool) -> Tensor:
    """Return the user's vertices [V, 3] with those that cross the clothes of `torso` put on one side of them.

    Only `movable` vertices [V] move, and neighbours of theirs a little, for smoothness. What stands beside the edge of a collar,
    rather than through its cloth, stays.

    Args:
        over: True puts the vertices outside the cloth (hair), False inside (skin).
    """
    cloth = vertices_labelled(torso, ("clothes",))[torso.mesh.faces].all(1)
    vertices = user.mesh.vertices
    if not (cloth.any() and movable.any()):
        return vertices
    faces = torso.mesh.faces[cloth]
    index = movable.nonzero()[:, 0]
    found = closest_points(vertices[index], torso.mesh.vertices, faces)
    normal = face_normals(torso.mesh.vertices, faces)[found.face]
    side = 1.0 if over else -1.0
    clearance = side * ((vertices[index] - found.point) * normal).sum(-1)
    at_edge = ((face_neighbours(faces)[found.face] < 0) & (found.barycentric < 1e-4)).any(1)
    same_way = (normal * vertex_normals(vertices, user.mesh.faces)[index]).sum(-1) > 0
    wrong = ~at_edge & same_way & (clearance < _GAP) & (found.distance < _REACH)
    move = torch.zeros_like(vertices)
    move[index[wrong]] = side * (_GAP - clearance)[wrong, None] * normal[wrong]
    nearby = movable & (move == 0).all(1)
    return vertices + smooth(move, nearby, user.mesh.faces, _SMOOTHING_STEPS, 0.5)
