"""The terms of GSReshape's objective, each a sum of squares over small groups of vertices.

"Intersection-free Garment Retargeting" (Huang et al. 2025), which the paper adapts, names them: similarity, fit, curvature and
torsion of boundary curves, and the place of these curves. Instead of the last, `anchor` holds every vertex near a given place.
Every term is 1/2 sum |r(x)|^2, whose Hessian J^T J (Gauss and Newton) is positive semidefinite by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from ...geometry.mesh import face_areas
from .distance_grid import DistanceGrid

Residual = Callable[..., Tensor]  # points [K, 3], then constants of the group -> [M]


@dataclass(frozen=True)
class Term:
    """S groups of K vertices and what is to vanish in each.

    groups:    [S, K] int64
    residual:  of one group: points [K, 3] and its constants -> [M]; every group's is weighed by `weight`
    constants: each [S, ...]
    weight:    [S] of the squares
    """

    groups: Tensor
    residual: Residual
    constants: tuple[Tensor, ...]
    weight: Tensor

    def energy(self, points: Tensor) -> float:
        """Return 1/2 sum of the weighted squares at points [N, 3] float64."""
        return float(0.5 * (self.weight[:, None] * self._values(points).square()).sum())

    def linearized(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted residuals [S, M] and their derivatives [S, M, K, 3]."""
        if not len(self.groups):
            return points.new_zeros(0, 1), points.new_zeros(0, 1, *self.groups.shape[1:], 3)
        root = self.weight.sqrt()
        jacobian = vmap(jacrev(self.residual))(points[self.groups], *self.constants)
        return root[:, None] * self._values(points), root[:, None, None, None] * jacobian

    def _values(self, points: Tensor) -> Tensor:
        if not len(self.groups):
            return points.new_zeros(0, 1)
        return vmap(self.residual)(points[self.groups], *self.constants)


def similarity(rest: Tensor, faces: Tensor, weight: Tensor, free: int) -> Term:
    """Return L_sim: neighbouring triangles keep their shapes beside each other, up to one similarity.

    For two faces on one edge, the unit vector from one's far corner to the other's is written in each face's own frame at rest;
    deformed, both frames should tell the same vector. Frames are linear in size, so that growing all over costs nothing.

    weight: [V] of vertices, averaged over a group
    free:   of the vertices, the first so many move; groups without one are left out, as in all terms
    """
    groups = _hinges(faces)
    groups = groups[(groups < free).any(1)]
    if not len(groups):
        return Term(groups, _disagreement, (), rest.new_zeros(0))
    points = rest[groups]
    across = points[:, 3] - points[:, 2]
    aim = across / across.norm(dim=1, keepdim=True).clamp_min(1e-12)
    frames = vmap(_frames)(points)  # [S, 2, 3, 3], columns
    regular = torch.linalg.det(frames).abs().amin(1) > 1e-15
    groups, aim, frames = groups[regular], aim[regular], frames[regular]
    told = torch.linalg.solve(frames, aim[:, None, :, None].expand(-1, 2, -1, -1))[..., 0]  # [S, 2, 3]
    areas = _hinge_areas(rest, groups)
    return Term(groups, _disagreement, (told,), areas * weight[groups].mean(1))


def fit(rest: Tensor, faces: Tensor, ease: Tensor, grid: DistanceGrid, weight: Tensor, free: int) -> Term:
    """Return L_fit: surface that stands further off the target body than its ease is drawn in; nothing pushes it out.

    Seven places of each face are looked at: corners, middles of edges and of the face, in the proportions 1 to 4 to 9.

    ease:   [V] metres that each vertex stood above its own body
    weight: [V]
    """
    places = torch.tensor(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]], dtype=rest.dtype
    )
    shares = torch.tensor([1, 1, 1, 4, 4, 4, 9], dtype=rest.dtype) / 24
    kept = (weight[faces].mean(1) > 0) & (faces < free).any(1)
    groups = faces[kept]
    count = len(groups)
    bary = places.expand(count, -1, -1).reshape(-1, 3)
    allowed = (places @ ease[groups][..., None])[..., 0].clamp_min(0).reshape(-1)
    weights = (face_areas(rest, groups) * weight[groups].mean(1))[:, None] * shares
    return _Fit(groups.repeat_interleave(len(places), 0), _no_residual, (bary, allowed), weights.reshape(-1), grid)


def anchor(aim: Tensor, chosen: Tensor, weight: Tensor) -> Term:
    """Return the pull of chosen vertices [S] to their places in aim [V, 3], with weights [V]."""
    return Term(chosen[:, None], _away, (aim[chosen],), weight[chosen])


def curves(rest: Tensor, faces: Tensor, weight: float) -> list[Term]:
    """Return L_curv and L_tor: boundary curves keep the angles between their edges and the twist from each to the next.

    Both compare (cos, sin) with those at rest, so that no angle jumps. Curves of fewer than four vertices have no twist.
    """
    if not weight:
        return []
    groups = _border(faces)
    if not len(groups):
        return []
    told = vmap(_bends)(rest[groups])
    return [Term(groups, _bent, (told,), torch.full((len(groups),), weight, dtype=rest.dtype))]


def _hinges(faces: Tensor) -> Tensor:
    """Return [S, 4] for every edge between two faces: its ends, then the far corners."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    far = torch.cat([faces[:, 2], faces[:, 0], faces[:, 1]])
    ordered, order = edges.sort(1).values, None
    key = ordered[:, 0] * (int(faces.max()) + 1) + ordered[:, 1]
    key, order = key.sort(stable=True)
    pair = (key[1:] == key[:-1]).nonzero()[:, 0]
    first, second = order[pair], order[pair + 1]
    groups = torch.cat([ordered[first], far[first, None], far[second, None]], 1)
    return groups[groups[:, 2] != groups[:, 3]]


def _border(faces: Tensor) -> Tensor:
    """Return every four vertices in a row [S, 4] on the borders of a mesh."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    size = int(faces.max()) + 1 if len(faces) else 1
    key = edges.amin(1) * size + edges.amax(1)
    _, inverse, count = torch.unique(key, return_inverse=True, return_counts=True)
    border = edges[count[inverse] == 1]
    after = torch.full((size,), -1)
    after[border[:, 0]] = border[:, 1]
    row = [border[:, 0], border[:, 1]]
    for _ in range(2):
        row.append(torch.where(row[-1] >= 0, after[row[-1].clamp_min(0)], -1))
    groups = torch.stack(row, 1)
    distinct = (groups.sort(1).values.diff(dim=1) > 0).all(1)
    return groups[(groups >= 0).all(1) & distinct]


def _hinge_areas(rest: Tensor, groups: Tensor) -> Tensor:
    return face_areas(rest, groups[:, [0, 1, 2]]) + face_areas(rest, groups[:, [0, 1, 3]])


def _frames(points: Tensor) -> Tensor:
    """Return the frames [2, 3, 3] of both faces: the edge, the edge to the far corner, and a normal as long as they are."""
    edge = points[1] - points[0]
    frames = []
    for far, sign in ((points[2], 1.0), (points[3], -1.0)):
        side = far - points[0]
        normal = sign * torch.linalg.cross(edge, side)
        length = (normal.square().sum() + 1e-24).sqrt()
        frames.append(torch.stack([edge, side, normal / length.sqrt()], 1))
    return torch.stack(frames)


def _disagreement(points: Tensor, told: Tensor) -> Tensor:
    first, second = (_frames(points) @ told[..., None])[..., 0]
    return first - second


def _away(points: Tensor, aim: Tensor) -> Tensor:
    return points[0] - aim


def _bends(points: Tensor) -> Tensor:
    """Return (cos, sin) of the angle between the first two of three edges, and of the twist over all three: [4]."""
    first, second, third = (points[1:] - points[:-1]).unbind(0)
    first, second, third = (edge / (edge.square().sum() + 1e-24).sqrt() for edge in (first, second, third))
    one, other = torch.linalg.cross(first, second), torch.linalg.cross(second, third)
    both = ((one.square().sum() + 1e-12) * (other.square().sum() + 1e-12)).sqrt()
    return torch.stack([first @ second, (one.square().sum() + 1e-24).sqrt(), one @ other / both, one @ third / both.sqrt()])


def _bent(points: Tensor, told: Tensor) -> Tensor:
    return _bends(points) - told


def _no_residual(*_: Tensor) -> Tensor:
    raise NotImplementedError  # a fit looks all its places up at once


@dataclass(frozen=True)
class _Fit(Term):
    """The fit, whose residual is read from a grid for all places together."""

    grid: DistanceGrid

    def _values(self, points: Tensor) -> Tensor:
        return self._gap(points)[0][:, None]

    def linearized(self, points: Tensor) -> tuple[Tensor, Tensor]:
        gap, slope = self._gap(points)
        root, (bary, _) = self.weight.sqrt(), self.constants
        return (root * gap)[:, None], root[:, None, None, None] * bary[:, None, :, None] * slope[:, None, None, :]

    def _gap(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return by how much each place stands too far off [S], and how that changes as it moves [S, 3]."""
        bary, allowed = self.constants
        height, slope = self.grid.sample((bary[..., None] * points[self.groups]).sum(1))
        gap = height - allowed
        return gap.clamp_min(0), slope * (gap > 0)[:, None]
