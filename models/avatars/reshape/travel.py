"""The way from the rest shape and a body drawn in to the reshaped mesh on the target body, without a new crossing in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...geometry.mesh import face_areas, scatter_faces_to_vertices
from .contact import Contact
from .newton import STIFFNESS, Problem, newton
from .terms import Term, anchor, similarity

REACH = 0.0005  # metres from which surfaces push each other away
STEPS = 10  # of the continuation, at least
FOLLOWING = 1e4  # weight of the pull to the way, 1 / m^2: it counts as much as a bend by one in a triangle of a centimetre
_MOST_STEPS = 200
_RELAXING = 6  # Newton steps after each, at most
_BEFORE_CONTACT = 0.7  # share of the way to the first contact; nearer, Newton's steps would only double the gap each time
_NEAR_ENOUGH = 5e-4  # metres, of Newton's steps on the way
_STUCK = 0.01  # share of the way that a step should at least cover
_TIGHT, _STIFFER = 0.05, 2.0  # a step that covers less than that share makes the barrier so much stiffer
_SURROUNDINGS = 0.03  # metres around free points in which surfaces can come into their way


@dataclass(frozen=True)
class Way:
    """Where a mesh and the body inside it start and where they are to arrive.

    rest, goal: [V, 3] of the mesh, metres, float64
    faces:      [F, 3] of the mesh
    body:       [B, 3] drawn in, [B, 3] as wanted, and its faces [G, 3]
    stiff:      [V] weight of the similarity at each vertex
    """

    rest: Tensor
    goal: Tensor
    faces: Tensor
    body: tuple[Tensor, Tensor, Tensor]
    stiff: Tensor


@dataclass(frozen=True)
class Scene:
    """The surroundings of the vertices that move freely. All points in one array: free ones, guided ones, the body's.

    order: which vertex of the mesh each of the first points is
    start, goal: [N, 3] float64 metres; guided points and the body's go straight from one to the other
    mesh:  [F, 3] faces of the mesh, in points
    """

    order: Tensor
    start: Tensor
    goal: Tensor
    mesh: Tensor
    stiff: Tensor
    contact: Contact

    @property
    def free(self) -> int:
        return self.contact.free

    def at(self, share: float) -> Tensor:
        """Return where all points would be without contact, a share of the way."""
        return torch.lerp(self.start, self.goal, share)

    def own(self, values: Tensor) -> Tensor:
        """Return values [V] of the mesh's vertices as values [N] of all points, zero at the body's."""
        return torch.cat([values[self.order], values.new_zeros(len(self.start) - len(self.order))])

    def taken(self, vertices: Tensor, share: float) -> Tensor:
        """Return the points of a mesh with vertices [V, 3], the others a share of the way."""
        points = self.at(share)
        points[: self.free] = vertices[self.order[: self.free]]
        return points

    def given(self, points: Tensor, vertices: Tensor) -> Tensor:
        """Return vertices [V, 3] with the scene's points in place of their own."""
        found = vertices.clone()
        found[self.order] = points[: len(self.order)]
        return found


def make_scene(way: Way, free: Tensor) -> Scene:
    """Gather what can come into the way of the free vertices, [V] bool."""
    thin, wanted, body_faces = way.body
    near, near_body = _surroundings(way, free)
    faces = way.faces[(free | near)[way.faces].any(1)]
    used = torch.zeros_like(free)
    used[faces] = True
    order = torch.cat([(used & free).nonzero()[:, 0], (used & ~free).nonzero()[:, 0]])
    place = torch.full((len(free),), -1)
    place[order] = torch.arange(len(order))
    body_faces = body_faces[near_body[body_faces].any(1)]
    kept, body_faces = torch.unique(body_faces, return_inverse=True)
    start = torch.cat([way.rest[order], thin[kept].double()])
    goal = torch.cat([way.goal[order], wanted[kept].double()])
    mesh = place[faces]
    everything = torch.cat([mesh, body_faces.view(-1, 3) + len(order)])
    stiff = torch.cat([way.stiff[order], torch.zeros(len(kept), dtype=way.stiff.dtype)])
    contact = Contact(start.numpy(), everything.numpy(), int((used & free).sum()), REACH)
    return Scene(order, start, goal, mesh, stiff, contact)


def travel(
    scene: Scene, points: Tensor, done: float, progress: Callable[[int, int], None] | None = None
) -> tuple[Tensor, float, np.ndarray]:
    """Take the mesh along as the body grows; what is in the way is pushed aside, and shapes are kept meanwhile.

    Args:
        points: [N, 3], a share `done` of the way.

    Returns:
        the points; which share of the way they have come, 1 unless something is stuck; and the points that are stuck, if any.
    """
    bends = similarity(scene.start, scene.mesh, scene.stiff, scene.free)
    tell = None if progress is None else lambda: progress(int(100 * done), 100)
    stiffness = STIFFNESS
    for _ in range(_MOST_STEPS):
        there = min(1.0, done + 1 / STEPS)
        ahead = points + scene.at(there) - scene.at(done)
        share = scene.contact.free_share(points.numpy(), ahead.numpy())
        share = share if share == 1.0 else _BEFORE_CONTACT * share
        before = done
        done = there if share == 1.0 else done + share * (there - done)
        points = torch.lerp(points, ahead, share)
        points[scene.free :] = scene.at(done)[scene.free :]
        stiffness *= _STIFFER if share < _TIGHT else 1.0
        problem = Problem([bends, following(scene, done)], scene.contact, stiffness)
        points, _ = newton(problem, points, _RELAXING, _NEAR_ENOUGH, tell)
        if done == 1.0 or done - before < _STUCK / STEPS:
            break
    return points, done, np.zeros(0, np.int64) if done == 1.0 else scene.contact.tightest(points.numpy())


def following(scene: Scene, share: float, weight: float = FOLLOWING) -> Term:
    """Return the pull of the free points to where they would be without contact."""
    areas = scatter_faces_to_vertices(face_areas(scene.start, scene.mesh), scene.mesh, len(scene.start)) / 3
    return anchor(scene.at(share), torch.arange(scene.free), weight * areas)


def _surroundings(way: Way, free: Tensor) -> tuple[Tensor, Tensor]:
    """Return which vertices of the mesh [V] and of the body [B] come near a free one anywhere on the way."""
    from scipy.spatial import cKDTree

    near, near_body = torch.zeros_like(free), torch.zeros(len(way.body[0]), dtype=torch.bool)
    for share in (0.0, 0.5, 1.0):
        mesh, body = torch.lerp(way.rest, way.goal, share), torch.lerp(way.body[0].double(), way.body[1].double(), share)
        tree = cKDTree(mesh[free].numpy())
        for found, points in ((near, mesh), (near_body, body)):
            distance, _ = tree.query(points.numpy(), distance_upper_bound=_SURROUNDINGS)
            found |= torch.from_numpy(np.isfinite(distance))
    return near, near_body
