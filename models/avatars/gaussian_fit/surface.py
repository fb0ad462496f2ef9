"""A mesh to walk on: points that move along the surface and cross edges on their way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...geometry import Mesh
from ...geometry.mesh import face_cross, vertex_normals
from ...geometry.rotation import matrix_to_quaternion
from ..binding import face_frames, face_neighbours

_HOPS = 16  # edges crossed in one walk; what is left of the way after that is not gone
_SMALLEST_AREA = 1e-12  # square metres of twice the area, below which points of a face stay where they are


@dataclass(frozen=True)
class Surface:
    """What walking needs to know of a mesh, all on one device.

    vertices:   [V, 3] metres
    faces:      [F, 3]
    normals:    [V, 3] unit vertex normals
    upright:    [F, 3] unit face normals, zero where a face has no area
    slopes:     [F, 3, 3] gradients of the three barycentric coordinates over the face, 1 / metres; zero where it has no area
    frames:     [F, 4] face frames as quaternions (w, x, y, z)
    neighbours: [F, 3] the face across the edge opposite each corner, -1 at a border
    """

    vertices: Tensor
    faces: Tensor
    normals: Tensor
    upright: Tensor
    slopes: Tensor
    frames: Tensor
    neighbours: Tensor

    @staticmethod
    def of(mesh: Mesh, device: torch.device | str = "cpu") -> Surface:
        """Prepare a mesh."""
        a, b, c = mesh.vertices[mesh.faces].double().unbind(1)
        cross = face_cross(mesh.vertices.double(), mesh.faces)
        squared = (cross * cross).sum(-1, keepdim=True)
        flat = squared < _SMALLEST_AREA**2
        inverse = torch.where(flat, 0.0, 1 / squared.clamp_min(_SMALLEST_AREA**2))
        # The gradient of a corner's coordinate is n x (opposite edge) / (2 area), with n of unit length.
        slopes = torch.stack([torch.linalg.cross(cross, edge, dim=-1) * inverse for edge in (c - b, a - c, b - a)], dim=1)
        parts = (
            mesh.vertices,
            mesh.faces,
            vertex_normals(mesh.vertices, mesh.faces),
            torch.where(flat, 0.0, torch.nn.functional.normalize(cross, dim=-1)).float(),
            slopes.float(),
            matrix_to_quaternion(face_frames(mesh.vertices, mesh.faces)),
            face_neighbours(mesh.faces),
        )
        return Surface(*(part.to(device, copy=True) for part in parts))

    @property
    def diagonal(self) -> float:
        """The diagonal of the bounding box in metres."""
        return float((self.vertices.amax(0) - self.vertices.amin(0)).norm())

    def points(self, face: Tensor, barycentric: Tensor) -> Tensor:
        """Return the points [N, 3] of barycentric coordinates [N, 3]."""
        return (barycentric[:, :, None] * self.vertices[self.faces[face]]).sum(1)

    def normals_at(self, face: Tensor, barycentric: Tensor) -> Tensor:
        """Return the interpolated unit normals [N, 3], as bound Gaussians are lifted along."""
        return torch.nn.functional.normalize((barycentric[:, :, None] * self.normals[self.faces[face]]).sum(1), dim=-1)

    def walk(self, face: Tensor, barycentric: Tensor, way: Tensor) -> tuple[Tensor, Tensor]:
        """Go from points on faces [N] along ways [N, 3] (metres), straight on over edges, as on the surface rolled flat.

        Only what lies in the plane of the face counts of a way. At a border of the mesh the walk ends.

        Returns:
            faces [N] and barycentric coordinates [N, 3], inside their faces.
        """
        face, barycentric = face.clone(), barycentric.clone()
        walking, way = torch.arange(len(face), device=face.device), way.clone()
        for _ in range(_HOPS):
            at, start = face[walking], barycentric[walking]
            change = (self.slopes[at] @ way[:, :, None])[..., 0]
            reach = torch.where(change < 0, start / (-change).clamp_min(1e-20), torch.inf)
            part, corner = reach.min(1)
            part = part.clamp(0, 1)
            barycentric[walking] = start + part[:, None] * change
            leaving = ((start + change).amin(1) < 0).nonzero()[:, 0]
            across = self.neighbours[at[leaving], corner[leaving]]
            leaving = leaving[across >= 0]
            if not len(leaving):
                break
            over = across[across >= 0]
            left, walking = at[leaving], walking[leaving]
            way = self._turned((1 - part[leaving, None]) * way[leaving], left, over, corner[leaving])
            same = self.faces[over][:, :, None] == self.faces[left][:, None, :]  # [n, new corner, old corner]
            face[walking], barycentric[walking] = over, (same * barycentric[walking][:, None, :]).sum(-1)
        inside = barycentric.clamp_min(0)
        return face, inside / inside.sum(-1, keepdim=True)

    def _turned(self, way: Tensor, old: Tensor, new: Tensor, corner: Tensor) -> Tensor:
        """Turn ways [n, 3] about the edge opposite `corner` [n] from the plane of one face into that of the next."""
        ends = self.vertices[self.faces[old].gather(1, torch.stack([corner + 1, corner + 2], dim=1) % 3)]
        edge = torch.nn.functional.normalize(ends[:, 1] - ends[:, 0], dim=-1)
        aside, aside_new = (torch.linalg.cross(self.upright[faces], edge, dim=-1) for faces in (old, new))
        along = (way * edge).sum(-1, keepdim=True)
        return along * edge + (way * aside).sum(-1, keepdim=True) * aside_new
