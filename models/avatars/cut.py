"""Cutting an avatar's faces along the zero line of a function on its vertices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..geometry import Mesh
from .binding import rebind, world_gaussians
from .selection import replace_gaussians, select_gaussians
from .types import Avatar, BoundGaussians

_ON_LINE = 1e-5  # metres: vertices this near count as on the line, so that no slivers arise


@dataclass(frozen=True)
class _Pieces:
    """The triangles [P] that replace the cut faces.

    parent: [P] face they are cut from
    start, end, part: [P, 3]; each corner is the point start + part * (end - start) of the parent's edge between two of its corners
    (0..2); part is 0 where the corner is a corner of the parent
    """

    parent: Tensor
    start: Tensor
    end: Tensor
    part: Tensor


def split_faces(avatar: Avatar, height: Tensor, where: Tensor) -> Avatar:
    """Cut faces so that none of them crosses height 0.

    Vertices on the line belong to both sides. Gaussians keep their place, each on the piece that it lies on, so their number and
    order stay. Uncut faces come first, in their old order.

    Args:
        height: [V] metres, signed, linear inside a face.
        where: [F] bool; faces outside keep crossing.
    """
    mesh = avatar.mesh
    height = torch.where(height.abs() < _ON_LINE, 0.0, height)
    corner_height = height[mesh.faces]
    cut = where & (corner_height > 0).any(1) & (corner_height < 0).any(1)
    if not cut.any():
        return avatar
    pieces = _pieces(corner_height, cut)
    rows = torch.arange(len(pieces.parent))[:, None]
    parent_faces = mesh.faces[pieces.parent]
    first, second = parent_faces[rows, pieces.start], parent_faces[rows, pieces.end]  # [P, 3] vertices
    faces, new_first, new_second, part = _number_corners(first, second, pieces.part, len(mesh.vertices))

    def between(values: Tensor) -> Tensor:
        share = part.reshape(-1, *[1] * (values.dim() - 1)).to(values)
        return torch.cat([values, (1 - share) * values[new_first] + share * values[new_second]])

    corner_uv = None
    if mesh.corner_uv is not None:
        uv = mesh.corner_uv[pieces.parent]
        mixed = torch.lerp(uv[rows, pieces.start], uv[rows, pieces.end], pieces.part[:, :, None])
        corner_uv = torch.cat([mesh.corner_uv[~cut], mixed])
    nearer = torch.where(part < 0.5, new_first, new_second)
    split = Mesh(
        vertices=between(mesh.vertices),
        faces=torch.cat([mesh.faces[~cut], faces]),
        corner_uv=corner_uv,
        texture=mesh.texture,
        colors=None if mesh.colors is None else between(mesh.colors),
    )
    return Avatar(
        split,
        _carry(avatar, split, cut, pieces),
        labels=None if avatar.labels is None else torch.cat([avatar.labels, avatar.labels[nearer]]),
        skinning=None if avatar.skinning is None else between(avatar.skinning),
        body=avatar.body,
    )


def _pieces(corner_height: Tensor, cut: Tensor) -> _Pieces:
    """Cut each face through the corner that lies on the line (two pieces) or off the corner that is alone on its side (three)."""
    sign = corner_height.sign()
    through = cut & (sign == 0).any(1)
    off = cut & ~through
    on_line = (sign == 0).int().argmax(1)
    alone = (sign == -sign.sum(1, keepdim=True)).int().argmax(1)  # two of one sign sum to +-1 together with the third
    found = []
    for chosen, lead, table in (
        # corners relative to the lead corner: (start, end) pairs
        (through, on_line, (((0, 0), (1, 1), (1, 2)), ((0, 0), (1, 2), (2, 2)))),
        (off, alone, (((0, 0), (0, 1), (0, 2)), ((0, 1), (1, 1), (2, 2)), ((0, 1), (2, 2), (0, 2)))),
    ):
        parent = chosen.nonzero()[:, 0]
        for triangle in table:
            relative = torch.tensor(triangle)  # [3, 2]
            ends = (relative[None] + lead[parent][:, None, None]) % 3  # [n, 3, 2]
            start, end = ends.unbind(-1)
            low = corner_height[parent].gather(1, start)
            high = corner_height[parent].gather(1, end)
            part = torch.where(start == end, 0.0, low / torch.where(start == end, 1.0, low - high))
            found.append(_Pieces(parent, start, end, part))
    return _Pieces(*(torch.cat([getattr(piece, name) for piece in found]) for name in ("parent", "start", "end", "part")))


def _number_corners(first: Tensor, second: Tensor, part: Tensor, vertex_count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give every cut edge one new vertex; return faces [P, 3] and, per new vertex, its edge's two ends and the part between."""
    new = first != second
    swap = first > second
    low, high = torch.where(swap, second, first)[new], torch.where(swap, first, second)[new]
    share = torch.where(swap, 1 - part, part)[new]
    edges, index = torch.unique(torch.stack([low, high], dim=1), dim=0, return_inverse=True)
    faces = first.clone()
    faces[new] = vertex_count + index
    shares = torch.zeros(len(edges), dtype=share.dtype)
    shares[index] = share
    return faces, edges[:, 0], edges[:, 1], shares


def _carry(avatar: Avatar, split: Mesh, cut: Tensor, pieces: _Pieces) -> BoundGaussians:
    """Bind the Gaussians of cut faces to the pieces they lie on; neighbours whose vertex normals turned are bound afresh too."""
    bound, mesh = avatar.gaussians, avatar.mesh
    new_face = torch.full((len(mesh.faces),), -1, dtype=torch.int64)
    kept = int((~cut).sum())
    new_face[~cut] = torch.arange(kept)
    moved = replace(bound, face=new_face[bound.face])
    riders = cut[bound.face].nonzero()[:, 0]
    face, barycentric = moved.face.clone(), bound.barycentric.clone()
    best = torch.full((len(riders),), -torch.inf)
    order = torch.argsort(pieces.parent, stable=True)
    begin = torch.searchsorted(pieces.parent[order], bound.face[riders])
    corners = torch.zeros(len(pieces.parent), 3, 3)  # barycentrics in the parent, per corner
    corners.scatter_add_(2, pieces.start[..., None], (1 - pieces.part)[..., None])
    corners.scatter_add_(2, pieces.end[..., None], pieces.part[..., None])
    for step in range(3):
        place = (begin + step).clamp_max(len(order) - 1)
        piece = order[place]
        own = pieces.parent[piece] == bound.face[riders]
        inside, _ = torch.linalg.solve_ex(corners[piece], bound.barycentric[riders][:, None, :], left=False)
        inside = inside[:, 0]
        score = torch.where(own & inside.isfinite().all(1), inside.amin(1), -torch.inf)
        better = score > best
        best = torch.where(better, score, best)
        face[riders[better]], barycentric[riders[better]] = kept + piece[better], inside[better]
    moved = replace(moved, face=face, barycentric=barycentric)
    turned = torch.zeros(len(split.vertices), dtype=torch.bool)
    turned[mesh.faces[cut]] = True
    turned[len(mesh.vertices) :] = True
    again = torch.zeros(len(bound), dtype=torch.bool)
    again[riders] = True
    again |= (bound.offset != 0) & turned[split.faces[face]].any(1)
    world = world_gaussians(mesh, select_gaussians(bound, again))
    return replace_gaussians(moved, again, rebind(world, split, face[again], barycentric[again]))
