"""Sheets: patches of surface under construction, cut along lines and refined, with whatever varies linearly over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.geometry.mesh import unique_edges

# A cut that passes a vertex nearer than this share of an edge goes through the vertex, so that no sliver is left.
SNAP = 0.2


@dataclass(frozen=True)
class Sheet:
    """A triangulated patch.

    faces:  [F, 3] int64, counter-clockwise seen from outside
    values: name -> [V, C] float32, interpolated linearly where the sheet is cut; "position" is always there, metres
    """

    faces: Tensor
    values: dict[str, Tensor]

    @property
    def position(self) -> Tensor:
        return self.values["position"]

    def with_values(self, **values: Tensor) -> Sheet:
        """Return the sheet with some values added or replaced."""
        return Sheet(self.faces, {**self.values, **values})


def take(sheet: Sheet, keep: Tensor) -> Sheet:
    """Keep the faces where `keep` [F] is True, and the vertices that they use."""
    faces = sheet.faces[keep]
    is_used = torch.zeros(len(sheet.position), dtype=torch.bool)
    is_used[faces] = True
    compact, used = is_used.cumsum(0) - 1, is_used.nonzero()[:, 0]
    return Sheet(compact[faces], {name: value[used] for name, value in sheet.values.items()})


def split(
    sheet: Sheet,
    field: Tensor,  # [V]
) -> tuple[Sheet, Tensor]:
    """Insert the line where the field is zero into the triangulation.

    Returns:
        the sheet with the line as edges, and for each of its faces whether the field is positive there [F'].
    """
    sheet, field = _snap(sheet, field)
    sign = field.sign()
    corner_sign = sign[sheet.faces]
    mixed = (corner_sign.amax(1) > 0) & (corner_sign.amin(1) < 0)
    plain = sheet.faces[~mixed]
    plain_side = corner_sign[~mixed].sum(1) >= 0

    touching = (corner_sign[mixed] == 0).any(1)
    lone, through = sheet.faces[mixed][~touching], sheet.faces[mixed][touching]
    lone_sign = corner_sign[mixed][~touching]
    # Turn each face so that its special corner (the one alone on its side, or the one on the line) comes first.
    lone = _turn(lone, (lone_sign == -lone_sign.sum(1, keepdim=True).sign()).int().argmax(1))
    through = _turn(through, (corner_sign[mixed][touching] == 0).int().argmax(1))

    edges = torch.cat([lone[:, [0, 1]], lone[:, [0, 2]], through[:, [1, 2]]])
    low, high = edges.sort(1).values.unbind(1)
    key, inverse = torch.unique(low * len(field) + high, return_inverse=True)
    unique = torch.stack([key // len(field), key % len(field)], 1)
    start, end = field[unique[:, 0]], field[unique[:, 1]]
    amount = (start / (start - end))[:, None]
    low, high = unique.unbind(1)
    values = {name: torch.cat([value, torch.lerp(value[low], value[high], amount)]) for name, value in sheet.values.items()}
    p, q, r = (inverse + len(field)).split([len(lone), len(lone), len(through)])
    a, b, c = lone.unbind(1)
    d, e, f = through.unbind(1)
    pieces = [(a, p, q, sign[a]), (p, b, c, sign[b]), (p, c, q, sign[c]), (d, e, r, sign[e]), (d, r, f, sign[f])]
    faces = torch.cat([plain, *(torch.stack(piece[:3], 1) for piece in pieces)])
    side = torch.cat([plain_side, *(piece[3] > 0 for piece in pieces)])
    return Sheet(faces, values), side


def clip(sheet: Sheet, field: Tensor) -> Sheet:
    """Cut away what lies where the field [V] is negative, leaving a clean edge along its zero line."""
    cut, side = split(sheet, field)
    return take(cut, side)


def subdivide(sheet: Sheet) -> Sheet:
    """Split every face into four at its edge midpoints."""
    edges = unique_edges(sheet.faces)
    count = len(sheet.position)
    key = edges[:, 0] * count + edges[:, 1]

    def midpoint(a: Tensor, b: Tensor) -> Tensor:
        return count + torch.searchsorted(key, torch.minimum(a, b) * count + torch.maximum(a, b))

    a, b, c = sheet.faces.unbind(1)
    ab, bc, ca = midpoint(a, b), midpoint(b, c), midpoint(c, a)
    corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    values = {name: torch.cat([value, value[edges].mean(1)]) for name, value in sheet.values.items()}
    return Sheet(torch.cat([torch.stack(corner, 1) for corner in corners]), values)


def rim_edges(faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the edges that only one face has.

    Returns:
        the directed edges [E, 2]; the face of each [E]; which corner of that face each starts at [E].
    """
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = directed.sort(1).values.unbind(1)
    _, inverse, counts = torch.unique(low * (int(faces.max()) + 1) + high, return_inverse=True, return_counts=True)
    index = (counts[inverse] == 1).nonzero()[:, 0]
    return directed[index], index % len(faces), index // len(faces)


def neighbour_mean(faces: Tensor, vertex_count: int) -> Callable[[Tensor], Tensor]:
    """Return what averages values [V, C] over each vertex's neighbours; a rim vertex averages along the rim only."""
    import numpy as np
    from scipy.sparse import coo_matrix

    edges = unique_edges(faces)
    rim, _, _ = rim_edges(faces)
    on_rim = torch.zeros(vertex_count, dtype=torch.bool)
    on_rim[rim.flatten()] = True
    both = torch.cat([edges, edges.flip(1)])
    both = torch.cat([both[~on_rim[both[:, 0]]], rim, rim.flip(1)])
    degree = torch.bincount(both[:, 0], minlength=vertex_count).clamp_min(1)
    weight = (1 / degree[both[:, 0]].double()).numpy().astype(np.float32)
    matrix = coo_matrix((weight, both.T.numpy()), (vertex_count, vertex_count)).tocsr()

    def mean(values: Tensor) -> Tensor:
        return torch.from_numpy(matrix @ values.numpy())

    return mean


def averaging(faces: Tensor, vertex_count: int) -> Callable[[Tensor], Tensor]:
    """Return what averages values [V, C] over each vertex and its neighbours, the vertex counting as often as its faces."""
    import numpy as np
    from scipy.sparse import coo_matrix, diags

    rows = faces[:, [0, 0, 0, 1, 1, 1, 2, 2, 2]].flatten().numpy()
    columns = faces[:, [0, 1, 2, 0, 1, 2, 0, 1, 2]].flatten().numpy()
    count = coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (vertex_count, vertex_count)).tocsr()
    matrix = diags(1 / np.maximum(np.asarray(count.sum(1)).ravel(), 1)).astype(np.float32) @ count

    def mean(values: Tensor) -> Tensor:
        return torch.from_numpy(matrix @ values.numpy())

    return mean


def _snap(sheet: Sheet, field: Tensor) -> tuple[Sheet, Tensor]:
    """Move vertices that lie very near the line onto it, along the edge whose crossing is nearest."""
    edges = unique_edges(sheet.faces)
    edges = torch.cat([edges, edges.flip(1)])
    start, end = field[edges[:, 0]], field[edges[:, 1]]
    amount = start / (start - end)
    near = (start * end < 0) & (amount < SNAP)
    edges, amount = edges[near], amount[near]
    order = torch.argsort(amount, stable=True)
    edges, amount = edges[order], amount[order]
    order = torch.argsort(edges[:, 0], stable=True)
    edges, amount = edges[order], amount[order, None]
    first = torch.ones(len(edges), dtype=torch.bool)
    first[1:] = edges[1:, 0] != edges[:-1, 0]
    moved, towards, amount = edges[first, 0], edges[first, 1], amount[first]
    values = {name: value.clone() for name, value in sheet.values.items()}
    for name, value in sheet.values.items():
        values[name][moved] = torch.lerp(value[moved], value[towards], amount)
    field = field.clone()
    field[moved] = 0
    return Sheet(sheet.faces, values), field


def _turn(faces: Tensor, first: Tensor) -> Tensor:
    """Rotate each face so that its corner `first` [F] comes first."""
    order = (first[:, None] + torch.arange(3)) % 3
    return faces.gather(1, order)
