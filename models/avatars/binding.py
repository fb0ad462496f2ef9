"""Gaussians riding on a mesh: from a binding to world space, and from free Gaussians to a binding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..geometry import Gaussians, Mesh
from ..geometry.mesh import face_cross, vertex_normals
from ..geometry.rotation import matrix_to_quaternion, quaternion_multiply
from .closest import closest_on_triangles, closest_points
from .types import BoundGaussians

_CONJUGATE = (1.0, -1.0, -1.0, -1.0)
_NEWTON_STEPS = 6
_WALKS = 5
_INSIDE = -0.02  # barycentrics this far outside count as inside, so that points on a crease do not walk to and fro


def world_gaussians(mesh: Mesh, bound: BoundGaussians) -> Gaussians:
    """Return the Gaussians where the mesh carries them, by the definition of `BoundGaussians`.

    Raises:
        ValueError: if a Gaussian rides on a face that the mesh does not have.
    """
    if len(bound) and int(bound.face.max()) >= len(mesh.faces):
        raise ValueError(
            f"The Gaussians ride on face {int(bound.face.max())}, but the mesh has {len(mesh.faces)} faces; "
            "load the mesh that these Gaussians were bound to."
        )
    corners = mesh.faces[bound.face]  # [N, 3]
    weights = bound.barycentric[:, :, None]
    normals = torch.nn.functional.normalize((weights * vertex_normals(mesh.vertices, mesh.faces)[corners]).sum(1), dim=-1)
    frames = matrix_to_quaternion(face_frames(mesh.vertices, mesh.faces))[bound.face]
    return Gaussians(
        positions=(weights * mesh.vertices[corners]).sum(1) + bound.offset[:, None] * normals,
        scales=bound.scale,
        rotations=quaternion_multiply(frames, bound.rotation),
        opacities=bound.opacity,
        sh=bound.sh,
    )


def bind_gaussians(gaussians: Gaussians, mesh: Mesh, progress: Callable[[int, int], None] | None = None) -> BoundGaussians:
    """Bind free Gaussians to the closest surface point of a mesh.

    `world_gaussians` of the result gives the input back: exactly in shape and colour, and in position to rounding wherever the
    surface has a point whose interpolated normal passes through the Gaussian (everywhere close to the surface). Elsewhere the
    closest point and the distance along its normal are kept, and the Gaussian moves by what is left.
    """
    closest = closest_points(gaussians.positions, mesh.vertices, mesh.faces, progress)
    return rebind(gaussians, mesh, closest.face, closest.barycentric)


def rebind(
    gaussians: Gaussians,
    mesh: Mesh,
    face: Tensor,  # [N] a face near each Gaussian
    barycentric: Tensor,  # [N, 3] a point on it near the Gaussian
) -> BoundGaussians:
    """Bind Gaussians whose place on the mesh is roughly known."""
    face, barycentric, offset = _feet(gaussians.positions.double(), mesh, face, barycentric.double())
    frames = matrix_to_quaternion(face_frames(mesh.vertices, mesh.faces))[face]
    conjugate = frames * frames.new_tensor(_CONJUGATE)
    rotation = torch.nn.functional.normalize(quaternion_multiply(conjugate, gaussians.rotations), dim=-1)
    return BoundGaussians(face, barycentric.float(), offset.float(), rotation, gaussians.scales, gaussians.opacities, gaussians.sh)


def face_frames(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return the face frames [F, 3, 3] with columns first edge, n x e1, n; a face without area gets some proper frame."""
    normal = torch.nn.functional.normalize(face_cross(vertices, faces), dim=-1)
    edge = torch.nn.functional.normalize(vertices[faces[:, 1]] - vertices[faces[:, 0]], dim=-1)
    flat = normal.norm(dim=-1) < 0.5
    if flat.any():
        long = edge[flat].norm(dim=-1, keepdim=True) > 0.5
        edge[flat] = torch.where(long, edge[flat], edge.new_tensor([1.0, 0, 0]))
        least = torch.nn.functional.one_hot(edge[flat].abs().argmin(-1), 3).to(edge)
        normal[flat] = torch.nn.functional.normalize(torch.linalg.cross(edge[flat], least, dim=-1), dim=-1)
    return torch.stack([edge, torch.linalg.cross(normal, edge, dim=-1), normal], dim=-1)


def _feet(points: Tensor, mesh: Mesh, face: Tensor, barycentric: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Solve p(b) + d n(b) = x for (face, b, d), all float64, walking to a neighbour face when b leaves its triangle.

    Of the faces visited, the one that b leaves least is kept; on a border b may stay a little outside.
    """
    vertices = mesh.vertices.double()
    normals = vertex_normals(vertices, mesh.faces)
    first_face = face
    best_face, best, best_offset = face.clone(), barycentric.clone(), torch.zeros_like(points[:, 0])
    best_score = torch.full_like(best_offset, torch.inf)
    moving = torch.arange(len(points))
    neighbours = None
    weights = barycentric
    for _ in range(_WALKS):
        corners, vectors = vertices[mesh.faces[face]], normals[mesh.faces[face]]
        weights, offset, error = _newton(points[moving], corners, vectors, weights)
        outside = (-weights).amax(1)
        score = torch.where(error < 1e-7 + 1e-5 * offset.abs(), outside.clamp_min(0), torch.inf)
        better = score < best_score[moving]
        chosen = moving[better]
        best_face[chosen], best[chosen], best_offset[chosen] = face[better], weights[better], offset[better]
        best_score[chosen] = score[better]
        walking = outside > -_INSIDE
        if not walking.any():
            break
        if neighbours is None:
            neighbours = face_neighbours(mesh.faces)
        across = neighbours[face, weights.argmin(1)]
        walking &= across >= 0
        moving, face, offset = moving[walking], across[walking], offset[walking]
        weights, _ = closest_on_triangles(points[moving], vertices[mesh.faces[face]])
    failed = best_score > 1.0
    if failed.any():
        best_face[failed], best[failed] = first_face[failed], barycentric[failed]
        corners, weights = mesh.faces[best_face[failed]], best[failed][:, :, None]
        normal = torch.nn.functional.normalize((weights * normals[corners]).sum(1), dim=-1)
        best_offset[failed] = ((points[failed] - (weights * vertices[corners]).sum(1)) * normal).sum(-1)
    return best_face, best, best_offset


def _newton(points: Tensor, corners: Tensor, normals: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Newton's method for p(b) + d n(b) = x on one face each; returns b [N, 3], d [N] and the error [N] that is left."""
    u, v = weights[:, 1], weights[:, 2]
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    n1, n2 = normals[:, 1] - normals[:, 0], normals[:, 2] - normals[:, 0]

    def residual() -> tuple[Tensor, Tensor, Tensor]:
        mixed = normals[:, 0] + u[:, None] * n1 + v[:, None] * n2
        length = mixed.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        foot = corners[:, 0] + u[:, None] * e1 + v[:, None] * e2
        return mixed / length, length, points - foot

    normal, length, gap = residual()
    offset = (gap * normal).sum(-1)
    for _ in range(_NEWTON_STEPS):
        d = offset[:, None]
        turn1 = (n1 - (n1 * normal).sum(-1, keepdim=True) * normal) / length
        turn2 = (n2 - (n2 * normal).sum(-1, keepdim=True) * normal) / length
        jacobian = torch.stack([e1 + d * turn1, e2 + d * turn2, normal], dim=-1)
        step, info = torch.linalg.solve_ex(jacobian, gap - d * normal)
        step = torch.where((info == 0)[:, None] & step.isfinite(), step, 0.0)
        u, v, offset = u + step[:, 0].clamp(-1, 1), v + step[:, 1].clamp(-1, 1), offset + step[:, 2]
        normal, length, gap = residual()
    error = (gap - offset[:, None] * normal).norm(dim=-1)
    return torch.stack([1 - u - v, u, v], dim=-1), offset, error


def face_neighbours(faces: Tensor) -> Tensor:
    """Return for each face [F, 3] the face across the edge opposite each corner, -1 at a border or a non-manifold edge."""
    edges = faces[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2).sort(dim=1).values  # corner after corner of each face
    _, edge, count = torch.unique(edges, dim=0, return_inverse=True, return_counts=True)
    order = torch.argsort(edge, stable=True)
    pairs = order[(count == 2)[edge[order]]].reshape(-1, 2)
    result = torch.full((len(edges),), -1, dtype=torch.int64)
    result[pairs[:, 0]], result[pairs[:, 1]] = pairs[:, 1] // 3, pairs[:, 0] // 3
    return result.reshape(-1, 3)
