"""Triangle meshes and their per-face and per-vertex quantities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in world space.

    vertices:  [V, 3] float32, metres, Y up
    faces:     [F, 3] int64 vertex indices, counter-clockwise seen from outside
    corner_uv: [F, 3, 2] float32 or None; a UV per face corner, so that a seam does not split vertices. u to the right,
               v upwards (OBJ convention), 0..1 inside the texture
    texture:   [H, W, 3] float32 sRGB in 0..1 or None; row 0 is v = 1
    colors:    [V, 3] float32 sRGB in 0..1 or None
    """

    vertices: Tensor
    faces: Tensor
    corner_uv: Tensor | None = None
    texture: Tensor | None = None
    colors: Tensor | None = None


def face_cross(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return the cross product [F, 3] of each face's edges: its direction is the normal, its length twice the area."""
    a, b, c = vertices[faces].unbind(1)
    return torch.linalg.cross(b - a, c - a, dim=-1)


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit face normals [F, 3]; a face without area gets the zero vector."""
    return torch.nn.functional.normalize(face_cross(vertices, faces), dim=-1)


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return face areas [F] in square metres."""
    return 0.5 * face_cross(vertices, faces).norm(dim=-1)


def enclosed_volume(vertices: Tensor, faces: Tensor) -> float:
    """Return the volume that a closed mesh encloses, cubic metres, negative if its faces look inwards.

    The sum of the signed volumes of the tetrahedra between each face and the middle of all vertices; holes are closed by it.
    """
    corners = (vertices - vertices.mean(0)).double()[faces]
    return float(torch.linalg.det(corners).sum()) / 6


def inside_out(vertices: Tensor, faces: Tensor) -> bool:
    """Tell whether a mesh, closed or with holes, has faces that look inwards: it encloses clearly less than nothing."""
    return enclosed_volume(vertices, faces) < -0.02 * (float(face_areas(vertices, faces).sum()) / 6) ** 1.5  # of a cube's volume


def scatter_faces_to_vertices(values: Tensor, faces: Tensor, vertex_count: int) -> Tensor:
    """Sum per-face values [F, ...] over the faces around each vertex, giving [V, ...]."""
    total = values.new_zeros(vertex_count, *values.shape[1:])
    for corner in range(3):
        total.index_add_(0, faces[:, corner], values)
    return total


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit vertex normals [V, 3], area-weighted over incident faces."""
    summed = scatter_faces_to_vertices(face_cross(vertices, faces), faces, len(vertices))
    return torch.nn.functional.normalize(summed, dim=-1)


def unique_edges(faces: Tensor) -> Tensor:
    """Return the undirected edges [E, 2] of the faces, each once, smaller index first; none from a vertex to itself."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(dim=1).values
    edges = edges[edges[:, 0] != edges[:, 1]]
    # One integer an edge sorts an order of magnitude faster than rows do.
    count = int(faces.max()) + 1 if len(faces) else 1
    key = torch.unique(edges[:, 0] * count + edges[:, 1])
    return torch.stack([key // count, key % count], dim=1)


def take_faces(mesh: Mesh, keep: Tensor) -> tuple[Mesh, Tensor, Tensor]:
    """Keep the faces where `keep` [F] is True and drop vertices that no kept face uses.

    Returns:
        the smaller mesh; the old index of each new vertex [V']; the new index of each old face [F], -1 where dropped.
    """
    faces = mesh.faces[keep]
    old_vertices, compact = torch.unique(faces, return_inverse=True)
    new_face = torch.full((len(mesh.faces),), -1, dtype=torch.int64)
    new_face[keep] = torch.arange(len(faces))
    smaller = Mesh(
        vertices=mesh.vertices[old_vertices],
        faces=compact.reshape(-1, 3),
        corner_uv=None if mesh.corner_uv is None else mesh.corner_uv[keep],
        texture=mesh.texture,
        colors=None if mesh.colors is None else mesh.colors[old_vertices],
    )
    return smaller, old_vertices, new_face
