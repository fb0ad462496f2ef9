"""Labels that agree with their neighbours: iterated conditional modes, and islands that sink."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...geometry.mesh import face_areas, scatter_faces_to_vertices, unique_edges
from ..graph import pieces_of

SWEEPS = 8


def icm(
    cost: Tensor,  # [V, L] of giving a vertex a label
    edges: Tensor,  # [E, 2]
    weight: Tensor,  # [E] >= 0, what two neighbours of different labels cost
    sweeps: int = SWEEPS,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:  # [V] int64
    """Return labels of low cost, sum of cost[v, l_v] + sum of weight[e] where the ends of e differ.

    Iterated conditional modes (Besag 1986): vertex after vertex takes the label that is cheapest beside its neighbours' present
    ones, so the sum never rises. Vertices without a common edge move together. It ends when a sweep changes nothing.
    """
    labels = cost.argmin(1)
    both, weights = torch.cat([edges, edges.flip(1)]), torch.cat([weight, weight]).to(cost)
    turns = []
    for moving in _turns(edges, len(cost)):
        near = moving[both[:, 0]]
        row = moving.cumsum(0) - 1
        turns.append((moving, row[both[near, 0]], both[near, 1], weights[near]))
    for sweep in range(sweeps):
        before = labels.clone()
        for moving, row, neighbour, agreed in turns:
            if progress:
                progress(sweep, sweeps)
            own = cost[moving]
            own.index_put_((row, labels[neighbour]), -agreed, accumulate=True)
            labels[moving] = own.argmin(1)
        if labels.equal(before):
            break
    return labels


def sink_islands(
    labels: Tensor,  # [V] int64
    vertices: Tensor,  # [V, 3] metres
    faces: Tensor,  # [F, 3]
    smallest: float,  # square metres
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:  # [V]
    """Give every patch of one label that is smaller than `smallest` the label it borders on most, until none is left.

    A patch that borders on nothing, such as a button that is a mesh of its own, keeps its label.
    """
    edges = unique_edges(faces)
    thirds = face_areas(vertices, faces) / 3
    area = scatter_faces_to_vertices(thirds, faces, len(vertices))
    labels = labels.clone()
    while True:
        if progress:
            progress(0, 1)
        same = labels[edges[:, 0]] == labels[edges[:, 1]]
        patch = pieces_of(edges[same], len(labels))
        count = int(patch.max()) + 1
        size = torch.zeros(count).index_add_(0, patch, area)
        border = torch.cat([edges[~same], edges[~same].flip(1)])
        votes = torch.zeros(count, int(labels.max()) + 1)
        votes.index_put_((patch[border[:, 0]], labels[border[:, 1]]), torch.ones(len(border)), accumulate=True)
        sinking = (size < smallest) & (votes.sum(1) > 0)
        if not sinking.any():
            return labels
        # Of two neighbours the smaller goes first: together they might swap labels for ever.
        rank = size.argsort(stable=True).argsort()
        first, second = patch[border].unbind(1)
        waiting = first[sinking[first] & sinking[second] & (rank[first] > rank[second])]
        sinking[waiting] = False
        labels = torch.where(sinking[patch], votes.argmax(1)[patch], labels)


def _turns(edges: Tensor, count: int) -> list[Tensor]:
    """Split the vertices into sets without inner edges, as masks [V]: highest number among the undecided neighbours goes next."""
    number = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    left = torch.ones(count, dtype=torch.bool)
    turns = []
    while left.any():
        open_edges = edges[left[edges].all(1)]
        beaten = torch.where(number[open_edges[:, 0]] < number[open_edges[:, 1]], open_edges[:, 0], open_edges[:, 1])
        next_ones = left.clone()
        next_ones[beaten] = False
        turns.append(next_ones)
        left &= ~next_ones
    return turns
