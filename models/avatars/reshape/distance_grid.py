"""Signed distance to a surface on a grid, smooth enough to be followed by its slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from ...geometry.mesh import face_areas, face_normals, vertex_normals

SPACING = 0.01  # metres between grid points
FAR = 0.16  # metres, from which on no distance is told apart
_SPREAD = 0.006  # metres between the points that stand for the surface
_FEW = 800  # faces of the mesh whose winding is asked for
_CHUNK = 1000  # places looked at together


@dataclass(frozen=True)
class DistanceGrid:
    """Distances at the points origin + spacing * (i, j, k), read by quadratic B-splines.

    origin:  [3] metres
    spacing: metres
    values:  [X, Y, Z] float64 metres, positive outside
    """

    origin: Tensor
    spacing: float
    values: Tensor

    def sample(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distance [N] and its slope [N, 3] at points [N, 3]; beyond the grid, what it tells at its border."""
        size = torch.tensor(self.values.shape, dtype=points.dtype)
        asked = (points - self.origin) / self.spacing
        place = asked.clamp_min(1.0).minimum(size - 2)
        middle = place.round().long()
        offset = place - middle  # -1/2 to 1/2
        weights = torch.stack([0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2])  # [3, N, 3]
        slopes = torch.stack([offset - 0.5, -2 * offset, offset + 0.5]) / self.spacing
        distance, slope = torch.zeros_like(place[:, 0]), torch.zeros_like(place)
        _, height, depth = self.values.shape
        flat = self.values.reshape(-1)
        for i in range(3):
            for j in range(3):
                for k in range(3):
                    x, y, z = middle[:, 0] + i - 1, middle[:, 1] + j - 1, middle[:, 2] + k - 1
                    value = flat[(x * height + y) * depth + z]
                    a, b, c = weights[i, :, 0], weights[j, :, 1], weights[k, :, 2]
                    distance += value * a * b * c
                    slope[:, 0] += value * slopes[i, :, 0] * b * c
                    slope[:, 1] += value * a * slopes[j, :, 1] * c
                    slope[:, 2] += value * a * b * slopes[k, :, 2]
        return distance, slope * (asked == place)


def body_grid(
    vertices: Tensor, faces: Tensor, spacing: float = SPACING, progress: Callable[[], None] | None = None
) -> DistanceGrid:
    """Measure the signed distance to a surface that looks outwards, open at places or not, within FAR of it.

    The surface is stood for by points with normals; near one of them the distance is that to its plane, which on a body is right
    to a few tenths of a millimetre.
    """
    from scipy.spatial import cKDTree

    points, normals = _spread(vertices.double(), faces)
    tree = cKDTree(points.numpy())

    def measured(places: Tensor) -> Tensor:
        nearest = torch.from_numpy(tree.query(places.numpy())[1])
        off = places - points[nearest]
        along = (off * normals[nearest]).sum(1)
        aside = (off - along[:, None] * normals[nearest]).norm(dim=1)
        # Within the patch that a point stands for, only the height counts; beyond it, what is aside of the patch as well.
        distance = (along.square() + (aside - _SPREAD).clamp_min(0).square()).sqrt()
        return distance * torch.where(along < 0, -1.0, 1.0)

    return _grid(vertices.double(), spacing, 4, measured, progress)


def clothed_distance(vertices: Tensor, faces: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what measures the signed distance [P] of places [P, 3] to a mesh of several layers, with openings, roughly: for bones.

    Inside is what the mesh winds around by more than half, either way (Jacobson et al. 2013), so that hems and sleeves need no
    caps. The winding number is that of a mesh of few faces.
    """
    from fast_simplification import simplify
    from scipy.spatial import cKDTree

    tree = cKDTree(_spread(vertices.double(), faces)[0].numpy())
    few, few_faces = simplify(vertices.float().numpy(), faces.int().numpy(), target_count=min(_FEW, len(faces) - 1))
    few, few_faces = torch.from_numpy(few).double(), torch.from_numpy(few_faces).long()

    def measured(places: Tensor) -> Tensor:
        distance = torch.from_numpy(tree.query(places.numpy())[0])
        return torch.where(winding(places, few, few_faces).abs() > 0.5, -distance, distance)

    return measured


def clothed_grid(
    measured: Callable[[Tensor], Tensor], joints: Tensor, spacing: float = 2 * SPACING, progress: Callable[[], None] | None = None
) -> DistanceGrid:
    """Gather what `clothed_distance` measures around joints [J, 3], wherever else the mesh may have parts."""
    return _grid(joints.double(), spacing, 2, measured, progress)


def _grid(
    around: Tensor,
    spacing: float,
    coarser: int,
    measured: Callable[[Tensor], Tensor],
    progress: Callable[[], None] | None,
) -> DistanceGrid:
    """Measure distances on a grid so many times coarser first, then near the surface; the rest is filled in between."""

    def part_by_part(places: Tensor) -> Tensor:
        found = []
        for part in places.split(_CHUNK):
            if progress:
                progress()
            found.append(measured(part))
        return torch.cat(found).clamp(-FAR, FAR)

    low, high = around.amin(0) - FAR, around.amax(0) + FAR
    cells = ((high - low) / (spacing * coarser)).ceil().long()
    coarse = part_by_part(_lattice(low, spacing * coarser, cells + 1)).view(*(cells + 1))
    counts = (cells * coarser + 1).tolist()
    values = interpolate(coarse[None, None], size=counts, mode="trilinear", align_corners=True).reshape(-1)
    near = values.abs() < 2 * spacing * coarser
    if near.any():
        values[near] = part_by_part(_lattice(low, spacing, cells * coarser + 1)[near])
    return DistanceGrid(low, spacing, values.view(*counts))


def winding(places: Tensor, vertices: Tensor, faces: Tensor) -> Tensor:
    """Return how often a mesh winds around places [P, 3]: the sum of its faces' solid angles (van Oosterom 1983) over 4 pi."""
    a, b, c = (vertices[faces[:, corner]] - places[:, None] for corner in range(3))
    one, two, three = a.norm(dim=2), b.norm(dim=2), c.norm(dim=2)
    volume = (a * torch.linalg.cross(b, c)).sum(2)
    around = one * two * three + (a * b).sum(2) * three + (b * c).sum(2) * one + (c * a).sum(2) * two
    return torch.atan2(volume, around).sum(1) / (2 * torch.pi)


def _lattice(low: Tensor, spacing: float, counts: Tensor) -> Tensor:
    """Return the points [X Y Z, 3] of a grid."""
    return torch.cartesian_prod(*(low[axis] + spacing * torch.arange(int(counts[axis]), dtype=torch.float64) for axis in range(3)))


def _spread(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Return points all over a surface, no face without, and normals there that turn smoothly: [P, 3] each."""
    areas = face_areas(vertices, faces)
    count = (areas / _SPREAD**2).ceil().long().clamp_min(1)
    chosen = torch.arange(len(faces)).repeat_interleave(count)
    within = torch.arange(len(chosen)) - (count.cumsum(0) - count)[chosen]
    # A low-discrepancy sequence (Martin Roberts's R2), folded into the triangle.
    u, v = (0.5 + (within + 1) * 0.7548776662) % 1, (0.5 + (within + 1) * 0.5698402910) % 1
    alone = count[chosen] == 1
    u, v = torch.where(alone, 1 / 3, u.double()), torch.where(alone, 1 / 3, v.double())
    fold = u + v > 1
    u, v = torch.where(fold, 1 - u, u), torch.where(fold, 1 - v, v)
    bary = torch.stack([1 - u - v, u, v], 1)[..., None]
    corners = faces[chosen]
    smooth = (bary * vertex_normals(vertices, faces)[corners]).sum(1)
    flat = face_normals(vertices, faces)[chosen]
    normals = normalize(torch.where((smooth * flat).sum(1, keepdim=True) > 0.2, smooth, flat), dim=1)
    return (bary * vertices[corners]).sum(1), normals
