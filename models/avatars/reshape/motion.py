"""How a body moves from one shape to another in the same pose, near its surface and far from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...geometry.mesh import scatter_faces_to_vertices, vertex_normals
from ...geometry.rotation import polar_rotation
from ..closest import ClosestPoints, closest_points, nearest_corners
from ..deform import deformation_gradients

_RIDGE = 1e-3  # share of a limb's own spread that holds an affine map at rest where a limb is too thin to tell


@dataclass(frozen=True)
class BodyMotion:
    """A body before and after, point for point.

    before, after: [V, 3] metres
    turn:          [V, 3, 3] how the surface turns at each vertex
    joints:        [55, 3] metres that each joint moves
    """

    before: Tensor
    after: Tensor
    turn: Tensor
    joints: Tensor


def body_motion(body: BodyState, target: BodyState) -> BodyMotion:
    """Compare two states of one body model."""
    before, after, faces = body.posed(), target.posed(), body.model.faces
    turns = polar_rotation(deformation_gradients(before.vertices, after.vertices, faces))
    around = scatter_faces_to_vertices(turns, faces, len(before.vertices))
    return BodyMotion(before.vertices, after.vertices, polar_rotation(around), after.joints - before.joints)


@dataclass(frozen=True)
class Beside:
    """Where points lie beside a body's surface.

    closest: on the surface
    part:    [N] body part, index into PARTS
    height:  [N] metres above the surface, negative inside
    normal:  [N, 3] of the surface, unit
    """

    closest: ClosestPoints
    part: Tensor
    height: Tensor
    normal: Tensor


def beside(
    points: Tensor,  # [N, 3]
    vertices: Tensor,  # [V, 3] of the posed body
    faces: Tensor,
    parts: Tensor,  # [V]
    progress: Callable[[int, int], None] | None = None,
) -> Beside:
    """Find the surface below each point."""
    closest = closest_points(points, vertices, faces, progress)
    corners = faces[closest.face]
    normal = (closest.barycentric[..., None] * vertex_normals(vertices, faces)[corners]).sum(1)
    normal = torch.nn.functional.normalize(normal, dim=1)
    side = torch.where(((points - closest.point) * normal).sum(1) < 0, -1.0, 1.0)
    return Beside(closest, parts[nearest_corners(closest, faces)], side * closest.distance, normal)


def carried(points: Tensor, where: Beside, motion: BodyMotion, faces: Tensor) -> Tensor:
    """Return points [N, 3] carried along with the surface below them, as far above it and turned with it."""
    corners, share = faces[where.closest.face], where.closest.barycentric
    foot = (share[..., None] * motion.after[corners]).sum(1)
    turn = polar_rotation((share[..., None, None] * motion.turn[corners]).sum(1))
    return foot + (turn @ (points - where.closest.point)[..., None])[..., 0]


def limb_maps(motion: BodyMotion, weights: Tensor) -> Tensor:
    """Return an affine map [55, 3, 4] for each joint: the one that moves what the joint holds as the body moves.

    Weighted least squares over the body's vertices, weights [V, 55] being those of skinning. Away from the body, where cloth hangs,
    their blend tells how the body grows below.
    """
    maps = torch.zeros(weights.shape[1], 3, 4)
    before, after = motion.before.double(), motion.after.double()
    for joint, weight in enumerate(weights.double().unbind(1)):
        total = weight.sum()
        if total <= 0:
            maps[joint, :, :3] = torch.eye(3)
            continue
        middle, moved = (weight @ before) / total, (weight @ after) / total
        centred, wanted = before - middle, after - moved
        square = centred.T * weight @ centred
        ridge = (_RIDGE * square.trace() + 1e-12) * torch.eye(3, dtype=torch.float64)  # which a single point needs too
        linear = torch.linalg.solve(square + ridge, centred.T * weight @ wanted + ridge).T
        maps[joint] = torch.cat([linear, (moved - linear @ middle)[:, None]], 1)
    return maps


def blended(points: Tensor, maps: Tensor, skinning: Tensor) -> Tensor:
    """Return points [N, 3] moved by the blend of affine maps [55, 3, 4] that skinning weights [N, 55] give."""
    blend = torch.einsum("nj,jab->nab", skinning, maps)
    return (blend[..., :3] @ points[..., None])[..., 0] + blend[..., 3]
