"""Contact between meshes as an incremental potential (IPC, Li et al. 2020), computed by the ipctk library."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import ipctk
    from scipy.sparse import csc_matrix

    Array = np.ndarray

SEAM = 5e-6  # metres: borders that are nearer at rest are one piece, two sides of a seam as files round it
ATTACHED = 2e-7  # metres, the same for all else: an edge that crosses a face beside its border must not slip past that
_SAFE = 0.9  # share of the way to the first contact that a step may go
_PATIENCE = 1000  # steps towards a contact after which the way so far is taken
_TOLERANCE = 1e-9  # of the places on an edge and in a face where they meet


class Contact:
    """A mesh that must neither cross itself nor obstacles, all in one array of points: first those that are free, then the others.

    What crosses at rest, as one sleeve in another may, goes on doing so at the same places, since no edge passes through another
    and no point through a face. What is attached at rest, and obstacles among each other, are let alone.

    Args:
        rest:   [N, 3] metres, float64
        faces:  [F, 3] of all
        free:   how many of the points move freely; obstacles follow them
        reach:  metres from which surfaces push each other away, the paper's d hat
    """

    def __init__(self, rest: Array, faces: Array, free: int, reach: float) -> None:
        import ipctk

        self.ipctk, self.reach, self.free = ipctk, reach, free
        self.faces = np.asfortranarray(faces, dtype=np.int32)
        self.mesh = ipctk.CollisionMesh(np.asfortranarray(rest), ipctk.edges(self.faces), self.faces)
        not_obstacles = ipctk.make_static_obstacle_filter(free)
        self.mesh.can_collide = not_obstacles
        pairs = self._attached(np.asfortranarray(rest))
        if pairs:
            self.mesh.can_collide = not_obstacles & ipctk.make_sparse_filter(dict.fromkeys(pairs, False), True)

    @cached_property
    def barrier(self) -> ipctk.BarrierPotential:
        return self.ipctk.BarrierPotential(self.reach, 1.0)

    def near(self, points: Array) -> ipctk.NormalCollisions:
        """Return what is nearer to each other than `reach`."""
        found = self.ipctk.NormalCollisions()
        found.build(self.mesh, np.asfortranarray(points), self.reach)
        return found

    def energy(self, points: Array) -> float:
        """Return the barrier [m^4] at points [N, 3]."""
        return self.barrier(self.near(points), self.mesh, np.asfortranarray(points))

    def derivatives(self, points: Array) -> tuple[float, Array, csc_matrix]:
        """Return the barrier, its gradient [3 N] and its Hessian [3 N, 3 N], made positive semidefinite."""
        points, near = np.asfortranarray(points), self.near(points)
        value = self.barrier(near, self.mesh, points)
        gradient = self.barrier.gradient(near, self.mesh, points)
        return value, gradient, self.barrier.hessian(near, self.mesh, points, self.ipctk.PSDProjectionMethod.CLAMP)

    def free_share(self, points: Array, ahead: Array) -> float:
        """Return which share of the straight way from points to points ahead is free of contact (continuous detection)."""
        start, end = np.asfortranarray(points), np.asfortranarray(ahead)
        return self.ipctk.compute_collision_free_stepsize(
            self.mesh, start, end, narrow_phase_ccd=self.ipctk.AdditiveCCD(_PATIENCE, _SAFE)
        )

    def tightest(self, points: Array) -> Array:
        """Return the points that take part in the closest contacts, nearer than a tenth of the reach or so."""
        near, points = self.near(points), np.asfortranarray(points)
        found: list[list[int]] = []
        distances = []
        for index in range(len(near)):
            ids = [i for i in near[index].vertex_ids(self.mesh.edges, self.faces) if i >= 0]
            distances.append(near[index].compute_distance(points[ids].reshape(-1)) ** 0.5)  # which is squared
            found.append(ids)
        limit = max(0.1 * self.reach, 2 * min(distances, default=0.0))
        tight = [ids for ids, distance in zip(found, distances, strict=True) if distance <= limit]
        return np.unique(np.array([index for ids in tight for index in ids], np.int64))

    def _attached(self, rest: Array) -> set[tuple[int, int]]:
        """Return all pairs of points, one of each, of edges and edges, and of faces and points, that are attached at rest."""
        border = _on_border(self.faces, len(rest))
        candidates = self.ipctk.Candidates()
        candidates.build(self.mesh, rest, SEAM)
        pairs: set[tuple[int, int]] = set()
        for found, split in ((candidates.ee_candidates, 2), (candidates.fv_candidates, 1)):
            for candidate in found:
                ids = [index for index in candidate.vertex_ids(self.mesh.edges, self.faces) if index >= 0]
                seam = border[ids[:split]].any() and border[ids[split:]].any()
                near = SEAM if seam else ATTACHED
                if candidate.compute_distance(rest[ids].reshape(-1)) < near**2:  # it is squared
                    pairs.update((min(pair), max(pair)) for pair in product(ids[:split], ids[split:]))
        return pairs


def _on_border(faces: Array, count: int) -> Array:
    """Return which of `count` points belong to an edge of one face only."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, faces_there = np.unique(edges, axis=0, return_counts=True)
    border = np.zeros(count, bool)
    border[edges[faces_there == 1]] = True
    return border


def crossings(points: Array, faces: Array) -> tuple[Array, Array]:
    """Return the ends [P, 2] of the edges of a mesh that pass through faces of it, and the index [P] of each such face."""
    import ipctk

    points, faces = np.asfortranarray(points), np.asfortranarray(faces, dtype=np.int32)
    edges, tree = ipctk.edges(faces), ipctk.LBVH()
    tree.build(points, edges, faces)
    pairs = np.array([(pair.edge_id, pair.face_id) for pair in tree.detect_edge_face_candidates()], np.int64).reshape(-1, 2)
    pairs = pairs[_edges_cross_faces(points[edges[pairs[:, 0]]], points[faces[pairs[:, 1]]])]
    return edges[pairs[:, 0]].astype(np.int64), pairs[:, 1]


def _edges_cross_faces(edges: Array, faces: Array) -> Array:
    """Return which edges [P, 2, 3] pass through their faces [P, 3, 3]."""
    start, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    corner, first, second = faces[:, 0], faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]
    across = np.cross(along, second)
    volume = (first * across).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = start - corner
        turned = np.cross(offset, first)
        u, v, t = ((offset * across).sum(1) / volume, (along * turned).sum(1) / volume, (second * turned).sum(1) / volume)
        return (u >= -_TOLERANCE) & (v >= -_TOLERANCE) & (u + v <= 1 + _TOLERANCE) & (t >= -_TOLERANCE) & (t <= 1 + _TOLERANCE)
