"""A neck inside the clothes around it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.mesh import face_normals, vertex_normals
from .binding import face_neighbours
from .closest import closest_points
from .graph import smooth
from .selection import vertices_labelled
from .types import Avatar

_GAP = 0.003  # metres between skin and cloth
_REACH = 0.03  # metres; skin farther outside does not belong under this cloth
_SMOOTHING_STEPS = 3


def tuck_under_clothes(user: Avatar, torso: Avatar, movable: Tensor) -> Tensor:
    """Return the user's vertices [V, 3] with movable skin [V] that pokes through the clothes of `torso` drawn in under them.

    Skin that stands above the edge of a collar, rather than through its cloth, stays.
    """
    cloth = vertices_labelled(torso, ("clothes",))[torso.mesh.faces].all(1)
    vertices = user.mesh.vertices
    if not (cloth.any() and movable.any()):
        return vertices
    faces = torso.mesh.faces[cloth]
    index = movable.nonzero()[:, 0]
    found = closest_points(vertices[index], torso.mesh.vertices, faces)
    normal = face_normals(torso.mesh.vertices, faces)[found.face]
    outside = ((vertices[index] - found.point) * normal).sum(-1)
    at_edge = ((face_neighbours(faces)[found.face] < 0) & (found.barycentric < 1e-4)).any(1)
    same_side = (normal * vertex_normals(vertices, user.mesh.faces)[index]).sum(-1) > 0
    through = ~at_edge & same_side & (outside > -_GAP) & (found.distance < _REACH)
    move = torch.zeros_like(vertices)
    move[index[through]] = -(outside + _GAP)[through, None] * normal[through]
    nearby = movable & ~torch.zeros_like(movable).index_fill(0, index[through], True)
    return vertices + smooth(move, nearby, user.mesh.faces, _SMOOTHING_STEPS, 0.5)
