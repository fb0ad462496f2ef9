"""Where surfaces pass through themselves or each other: a judge of its own, which shares nothing with what it judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TOUCH = 1e-9  # metres; faces that meet less deeply than this touch, and do not cross
_PAIRS = 1 << 17  # pairs of boxes or faces handled at a time, which bounds memory


def crossing_faces(
    vertices: Tensor,  # [V, 3] metres
    faces: Tensor,  # [F, 3] int64
    other_vertices: Tensor | None = None,  # [V2, 3] metres
    other_faces: Tensor | None = None,  # [F2, 3] int64
) -> Tensor:  # [P, 2] int64, in ascending order
    """Return the pairs of faces that cross: one of the mesh and one of the other mesh, or two of the mesh, lower index first.

    Two faces cross if each has corners on both sides of the other's plane and both share a piece of the line between. Corners
    within `TOUCH` of a plane count as in it, and a shared piece no longer than `TOUCH` as none. So these do not cross: faces that
    only touch, that lie in one plane and overlap there, of which one has only an edge or a corner in the other, or that have no
    area (are less than `TOUCH` high). Within one mesh, faces that share a vertex are left out. Arithmetic is in double precision.

    Raises:
        ValueError: if a coordinate is not finite, since such a face would pass for one that crosses nothing.
    """
    own = _Triangles.of(vertices, faces)
    alone = other_vertices is None or other_faces is None
    other = own if alone else _Triangles.of(other_vertices, other_faces)
    found = [np.empty((0, 2), np.int64)]
    if len(own.corners) and len(other.corners):
        for first, second in _overlapping_boxes(own.corners, other.corners, alone):
            if alone:
                apart = (own.faces[first][:, :, None] != own.faces[second][:, None, :]).all((1, 2))
                first, second = first[apart], second[apart]
            crossing = _cross(own.corners[first], other.corners[second])
            found.append(np.stack([first[crossing], second[crossing]], 1))
    pairs = np.concatenate(found)
    if alone:
        pairs.sort(1)
    return torch.from_numpy(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])


def newly_crossing(before: Tensor, after: Tensor, faces: Tensor) -> Tensor:
    """Tell which faces cross another of their mesh after it moved, in a pair that did not cross before: bool [F].

    Args:
        before, after: vertices [V, 3] in metres of the one mesh with these faces [F, 3].
    """
    pairs = [crossing_faces(vertices, faces) for vertices in (before, after)]
    old, new = (first * len(faces) + second for first, second in (pair.unbind(1) for pair in pairs))
    marked = torch.zeros(len(faces), dtype=torch.bool)
    marked[pairs[1][~torch.isin(new, old)].flatten()] = True
    return marked


def against_body(
    vertices: Tensor,  # [V, 3] metres
    faces: Tensor,  # [F, 3]
    body_vertices: Tensor,  # [B, 3] metres
    body_faces: Tensor,  # [G, 3]
    exempt: Tensor | None = None,  # [V] bool
) -> Tensor:  # [F] bool
    """Tell which faces cross the body's surface; faces whose corners are all exempt (hands, say) never do."""
    asked = torch.ones(len(faces), dtype=torch.bool) if exempt is None else ~exempt[faces].all(1)
    pairs = crossing_faces(vertices, faces[asked], body_vertices, body_faces)
    marked = torch.zeros(len(faces), dtype=torch.bool)
    marked[asked.nonzero()[:, 0][pairs[:, 0]]] = True
    return marked


@dataclass(frozen=True)
class _Triangles:
    """faces: [F, 3] int64; corners: [F, 3, 3] float64, metres."""

    faces: np.ndarray
    corners: np.ndarray

    @staticmethod
    def of(vertices: Tensor, faces: Tensor) -> _Triangles:
        points = vertices.detach().cpu().double().numpy()
        if not np.isfinite(points).all():
            raise ValueError("A vertex is not a finite number, so crossings cannot be told; look at what made the mesh.")
        indices = faces.detach().cpu().numpy().astype(np.int64)
        return _Triangles(indices, points[indices])


def _overlapping_boxes(first: np.ndarray, second: np.ndarray, alone: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs (i, j) of triangles [F, 3, 3] and [G, 3, 3] whose boxes meet, a bounded number at a time.

    Both sets become balanced trees of boxes, which are walked downwards together: pairs of boxes that meet are replaced by the
    pairs of their halves. Of one set alone, each pair of different triangles comes once.
    """
    depth = max(len(first) - 1, len(second) - 1).bit_length()
    order1, boxes1 = _box_tree(first, depth)
    order2, boxes2 = (order1, boxes1) if alone else _box_tree(second, depth)
    waiting = [(0, np.zeros(1, np.int64), np.zeros(1, np.int64))]
    while waiting:
        level, i, j = waiting.pop()
        if len(i) > _PAIRS:
            half = len(i) // 2
            waiting += [(level, i[half:], j[half:]), (level, i[:half], j[:half])]
            continue
        if level == depth:
            different = i != j if alone else slice(None)
            yield order1[i[different]], order2[j[different]]
            continue
        i = np.concatenate([2 * i, 2 * i, 2 * i + 1, 2 * i + 1])
        j = np.concatenate([2 * j, 2 * j + 1, 2 * j, 2 * j + 1])
        if alone:
            once = i <= j
            i, j = i[once], j[once]
        (low1, high1), (low2, high2) = boxes1[level + 1], boxes2[level + 1]
        meet = ((low1[i] <= high2[j]) & (low2[j] <= high1[i])).all(1)
        if meet.any():
            waiting.append((level + 1, i[meet], j[meet]))


def _box_tree(triangles: np.ndarray, depth: int) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Sort triangles [F, 3, 3] so that each half, quarter and so on lies together.

    Returns:
        the triangle of each of the 2^depth leaves; for each level from the root, the low and high corners [2^level, 3] of boxes.
    """
    count, leaves = len(triangles), 1 << depth
    # Leaves beyond the last triangle stand at the first one and have empty boxes, which meet nothing.
    order = np.concatenate([np.arange(count), np.full(leaves - count, count)])
    nowhere = np.full((1, 3), np.inf)
    low, high = np.concatenate([triangles.min(1), nowhere]), np.concatenate([triangles.max(1), -nowhere])
    centers = np.concatenate([triangles.mean(1), triangles[:1].mean(1)])
    for level in range(depth):
        parts = order.reshape(1 << level, -1)
        places = centers[parts]
        axis = np.ptp(places, axis=1).argmax(1)
        along = np.take_along_axis(places, axis[:, None, None], 2)[:, :, 0]
        order = np.take_along_axis(parts, along.argsort(1, kind="stable"), 1).ravel()
    boxes = [(low[order], high[order])]
    for _ in range(depth):
        low, high = boxes[-1]
        boxes.append((np.minimum(low[::2], low[1::2]), np.maximum(high[::2], high[1::2])))
    return order, boxes[::-1]


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tell whether triangles [P, 3, 3] cross, pair by pair: [P].

    Each cuts the other's plane in a piece of the line where the two planes meet; the triangles cross where these pieces overlap
    (Moeller 1997, "A fast triangle-triangle intersection test").
    """
    origin = first[:, :1]  # rounding is then relative to the faces, and not to how far away they are
    first, second = first - origin, second - origin
    normal1, normal2 = _unit_normals(first), _unit_normals(second)
    height1, height2 = _heights(first, second[:, :1], normal2), _heights(second, first[:, :1], normal1)
    crossing = _on_both_sides(height1) & _on_both_sides(height2)
    rest = crossing.nonzero()[0]
    line = np.cross(normal1[rest], normal2[rest])
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    low1, high1 = _cut(first[rest], height1[rest], line)
    low2, high2 = _cut(second[rest], height2[rest], line)
    crossing[rest] = np.minimum(high1, high2) - np.maximum(low1, low2) > TOUCH
    return crossing


def _unit_normals(triangles: np.ndarray) -> np.ndarray:
    """Return normals [P, 3] of length 1, or 0 for a triangle without area."""
    edges = np.roll(triangles, -1, axis=1) - triangles
    normals = np.cross(edges[:, 0], edges[:, 1])
    double_area, longest = np.linalg.norm(normals, axis=1), np.linalg.norm(edges, axis=2).max(1)
    flat = double_area <= TOUCH * longest
    return np.where(flat[:, None], 0, normals / np.where(flat, 1, double_area)[:, None])


def _heights(triangles: np.ndarray, point: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return the signed distances [P, 3] of corners from the plane through a point [P, 1, 3], 0 for those that touch it."""
    heights = ((triangles - point) * normals[:, None]).sum(2)
    return np.where(np.abs(heights) <= TOUCH, 0, heights)


def _on_both_sides(heights: np.ndarray) -> np.ndarray:
    return (heights.min(1) < 0) & (heights.max(1) > 0)


def _cut(triangles: np.ndarray, heights: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where along the line [P, 3] each triangle's cut with the plane begins and ends, [P] and [P], metres."""
    along = (triangles * line[:, None]).sum(2)
    next_along, next_heights = np.roll(along, -1, axis=1), np.roll(heights, -1, axis=1)
    pierces = heights * next_heights < 0
    share = heights / np.where(pierces, heights - next_heights, 1)
    places = np.concatenate([along, along + share * (next_along - along)], axis=1)
    valid = np.concatenate([heights == 0, pierces], axis=1)
    return np.where(valid, places, np.inf).min(1), np.where(valid, places, -np.inf).max(1)
