"""Exact closest points on a triangle mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

_CHUNK = 20_000


@dataclass(frozen=True)
class ClosestPoints:
    """For each of N query points the closest point of a mesh.

    face:        [N] int64
    barycentric: [N, 3] float32, >= 0, sums to 1
    point:       [N, 3] float32 metres
    distance:    [N] float32 metres
    """

    face: Tensor
    barycentric: Tensor
    point: Tensor
    distance: Tensor


def nearest_corners(closest: ClosestPoints, faces: Tensor) -> Tensor:
    """Return the vertex [N] of the mesh that is the largest part of each closest point."""
    return faces[closest.face].gather(1, closest.barycentric.argmax(1, keepdim=True))[:, 0]


class _Pieces(NamedTuple):
    """P parts of faces: centre [P, 3], face [P], radius [P] around the centre, and the largest radius."""

    centre: Tensor
    face: Tensor
    radius: Tensor
    largest: float


def closest_points(
    points: Tensor,  # [N, 3] metres
    vertices: Tensor,  # [V, 3] metres
    faces: Tensor,  # [F, 3] int64
    progress: Callable[[int, int], None] | None = None,
) -> ClosestPoints:
    """Find the closest surface point of each query point, exactly.

    A KD-tree over face centres (large faces in pieces) proposes faces. A proposal is final once no unseen piece can be nearer: its
    centre is at least as far as the last one seen, and its points are at most the largest piece radius nearer than its centre.

    Raises:
        ValueError: if the mesh has no faces or a coordinate is not finite.
    """
    from scipy.spatial import cKDTree

    if len(faces) == 0:
        raise ValueError("The mesh has no faces, so nothing can be bound to it; use a mesh with triangles.")
    triangles = vertices.double()[faces]
    queries = points.double()
    if not (triangles.isfinite().all() and queries.isfinite().all()):
        raise ValueError("A mesh vertex or a query point is not a finite number; repair the mesh or the Gaussians first.")
    pieces = _cut_in_pieces(triangles)
    tree = cKDTree(pieces.centre.numpy())
    face, weights = torch.zeros(len(queries), dtype=torch.int64), torch.zeros(len(queries), 3, dtype=torch.float64)
    for start in range(0, len(queries), _CHUNK):
        part = slice(start, start + _CHUNK)
        tick = partial(progress, start, len(queries)) if progress else lambda: None
        face[part], weights[part] = _search(queries[part], triangles, tree, pieces, tick)
    if progress:
        progress(len(queries), len(queries))
    closest = (weights[:, :, None] * triangles[face]).sum(1)
    return ClosestPoints(face, weights.float(), closest.float(), (queries - closest).norm(dim=-1).float())


def _search(queries: Tensor, triangles: Tensor, tree: object, pieces: _Pieces, tick: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Return the closest face [N] and barycentrics [N, 3], asking the tree for more neighbours until every answer is final.

    Queries far from the mesh take many rounds: `tick` is called in each.
    """
    face = torch.zeros(len(queries), dtype=torch.int64)
    weights = torch.zeros(len(queries), 3, dtype=torch.float64)
    square = torch.full((len(queries),), torch.inf, dtype=torch.float64)
    unsettled = torch.arange(len(queries))
    seen, count = 0, 1
    while len(unsettled):
        count = min(count, tree.n)
        final = torch.zeros(len(unsettled), dtype=torch.bool)
        step = max(1, _CHUNK * 8 // count)
        for start in range(0, len(unsettled), step):
            tick()
            rows = unsettled[start : start + step]
            centre, index = tree.query(queries[rows].numpy(), k=count, workers=-1)
            centre, index = (torch.from_numpy(found).reshape(len(rows), count) for found in (centre, index))
            near = square[rows].sqrt()
            hopeful = centre - pieces.radius[index] < near[:, None]
            hopeful[:, :seen] = False
            row, column = torch.nonzero(hopeful, as_tuple=True)
            proposal = pieces.face[index[row, column]]
            corner, distance = closest_on_triangles(queries[rows[row]], triangles[proposal])
            table = torch.full((len(rows), count), torch.inf, dtype=torch.float64)
            table[row, column] = distance
            best, best_column = table.min(1)
            chosen = (best[row] < square[rows[row]]) & (column == best_column[row])
            face[rows[row[chosen]]], weights[rows[row[chosen]]] = proposal[chosen], corner[chosen]
            square[rows] = torch.minimum(square[rows], best)
            final[start : start + step] = square[rows].sqrt() <= centre[:, -1] - pieces.largest
        if count == tree.n:
            break
        unsettled = unsettled[~final]
        seen, count = count, 8 * count
    return face, weights


def closest_on_triangles(
    points: Tensor,  # [N, 3] float64
    triangles: Tensor,  # [N, 3, 3] float64, corner, axis
) -> tuple[Tensor, Tensor]:
    """Return the barycentrics [N, 3] of the closest point of each triangle and its squared distance [N].

    It is the foot of the perpendicular where that falls inside, else the best point of the three edges; triangles without area
    are the union of their edges. With corner a and edges e1, e2 from it, everything follows from six dot products.
    """
    a, b, c = triangles.unbind(1)
    e1, e2, away = b - a, c - a, points - a
    d11, d12, d22 = (e1 * e1).sum(-1), (e1 * e2).sum(-1), (e2 * e2).sum(-1)
    p1, p2, pp = (away * e1).sum(-1), (away * e2).sum(-1), (away * away).sum(-1)

    def on_edge(along: Tensor, length: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Closest point of an edge: share of the edge, squared distance. `start` is the squared distance to its start."""
        share = (along / length.clamp_min(1e-300)).clamp(0, 1)
        return share, start - 2 * share * along + share * share * length

    s1, best = on_edge(p1, d11, pp)
    v, w = s1, torch.zeros_like(s1)
    s2, square = on_edge(p2, d22, pp)
    v, w, best = _better(square < best, (torch.zeros_like(s2), s2, square), (v, w, best))
    s3, square = on_edge(p2 - p1 - d12 + d11, d11 - 2 * d12 + d22, pp - 2 * p1 + d11)
    v, w, best = _better(square < best, (1 - s3, s3, square), (v, w, best))
    area = d11 * d22 - d12 * d12
    solid = area > 1e-14 * d11 * d22
    area = torch.where(solid, area, 1.0)
    inner_v, inner_w = (d22 * p1 - d12 * p2) / area, (d11 * p2 - d12 * p1) / area
    inside = solid & (inner_v >= 0) & (inner_w >= 0) & (inner_v + inner_w <= 1)
    v, w, best = _better(inside, (inner_v, inner_w, pp - inner_v * p1 - inner_w * p2), (v, w, best))
    return torch.stack([1 - v - w, v, w], dim=-1).clamp_min(0), best.clamp_min(0)


def _better(where: Tensor, new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(torch.where(where, one, other) for one, other in zip(new, old, strict=True))


def _cut_in_pieces(triangles: Tensor) -> _Pieces:
    """Cut large faces in four until sizes are even, which keeps the search radius small."""
    owner = torch.arange(len(triangles))
    pieces = triangles
    limit = 2 * _radii(pieces).median()
    while True:
        large = _radii(pieces) > limit
        if not large.any() or len(pieces) + 3 * int(large.sum()) > max(20_000, 4 * len(triangles)):
            break
        a, b, c = pieces[large].unbind(1)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        quarters = [torch.stack(corners, dim=1) for corners in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        pieces = torch.cat([pieces[~large], *quarters])
        owner = torch.cat([owner[~large], owner[large].repeat(4)])
    radius = _radii(pieces)
    return _Pieces(pieces.mean(1), owner, radius, float(radius.max()))


def _radii(triangles: Tensor) -> Tensor:
    """Distance [P] from each triangle's centre to its farthest corner."""
    return (triangles - triangles.mean(1, keepdim=True)).norm(dim=-1).amax(1)
