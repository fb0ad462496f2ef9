"""The mesh as a graph of vertices: connected pieces, harmonic filling and smoothing of per-vertex values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..geometry.mesh import unique_edges

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def components(faces: Tensor, vertex_count: int) -> Tensor:
    """Return the connected component [V] of every vertex, numbered from 0; a vertex without faces is its own."""
    return pieces_of(unique_edges(faces), vertex_count)


def pieces_of(edges: Tensor, vertex_count: int) -> Tensor:
    """Return which of the pieces that edges [E, 2] hold together every vertex [V] belongs to, numbered from 0."""
    from scipy.sparse.csgraph import connected_components

    _, label = connected_components(_symmetric(edges, torch.ones(len(edges)), vertex_count), directed=False)
    return torch.from_numpy(label).long()


def harmonic_fill(
    values: Tensor,  # [V, C], read where `known`
    known: Tensor,  # [V] bool
    vertices: Tensor,  # [V, 3]
    faces: Tensor,  # [F, 3]
) -> Tensor:  # [V, C]
    """Fill the unknown vertices with the smoothest continuation of the known ones (Laplace's equation on the mesh graph).

    Edges weigh by inverse length, which needs no good triangles and no manifold, and every filled value is a weighted mean of
    known ones. Vertices whose connected piece holds no known vertex keep their values.
    """
    from scipy.sparse import diags
    from scipy.sparse.linalg import splu

    piece = components(faces, len(vertices))
    reachable = torch.zeros(int(piece.max()) + 1, dtype=torch.bool)
    reachable[piece[known]] = True
    unknown = reachable[piece] & ~known
    filled = values.clone()
    if not unknown.any():
        return filled
    edges = unique_edges(faces)
    length = (vertices[edges[:, 0]] - vertices[edges[:, 1]]).double().norm(dim=-1)
    weights = 1 / length.clamp_min(1e-3 * float(length.mean()) + 1e-12)
    adjacency = _symmetric(edges, weights, len(vertices))
    laplacian = (diags(adjacency.sum(1).A1) - adjacency).tocsr()
    free, fixed = unknown.numpy(), known.numpy()
    right = -laplacian[free][:, fixed] @ values[known].double().numpy()
    solved = splu(laplacian[free][:, free].tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(right)
    filled[unknown] = torch.from_numpy(solved).to(values)
    return filled


def smooth(
    values: Tensor,  # [V, C]
    moving: Tensor,  # [V] bool
    faces: Tensor,
    steps: int,
    strength: float,  # 0..1, how far each step goes to the mean of the neighbours
) -> Tensor:  # [V, C]
    """Average values with their mesh neighbours at the moving vertices, a few times."""
    edges = unique_edges(faces)
    adjacency = _symmetric(edges, torch.ones(len(edges)), len(values))
    count = torch.from_numpy(adjacency.sum(1).A1).to(values)
    moving = (moving & (count > 0)).nonzero()[:, 0]
    rows = adjacency[moving.numpy()]
    smoothed = values.clone()
    for _ in range(steps):
        mean = torch.from_numpy(rows @ smoothed.numpy()).to(values) / count[moving, None]
        smoothed[moving] = (1 - strength) * smoothed[moving] + strength * mean
    return smoothed


def _symmetric(edges: Tensor, weights: Tensor, size: int) -> csr_matrix:
    """Return the symmetric sparse matrix with a weight for every edge."""
    from scipy.sparse import coo_matrix, csr_matrix

    first, second = edges.numpy().T
    half = coo_matrix((weights.double().numpy(), (first, second)), shape=(size, size))
    return csr_matrix(half + half.T)


def groups(points: Tensor, reach: float, edges: Tensor | None = None) -> list[Tensor]:
    """Return the indices of points [N, 3] in groups that edges [E, 2], or steps of at most `reach`, hold together, ascending."""
    from scipy.spatial import cKDTree

    pairs = torch.from_numpy(cKDTree(points.numpy()).query_pairs(reach, output_type="ndarray"))
    piece = pieces_of(pairs if edges is None else torch.cat([pairs, edges]), len(points))
    return [(piece == index).nonzero()[:, 0] for index in piece.unique()]
