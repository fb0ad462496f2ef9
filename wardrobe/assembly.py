"""From painted pieces to an avatar: one mesh, one lit texture, and Gaussians that are denser where people look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.avatars.types import Avatar
from ..models.body import BodyState
from ..models.body.skinning import apply_transforms, blend_transforms
from ..models.geometry import Mesh
from ..models.geometry.mesh import vertex_normals
from .atlas import Texels, fill_gutters, find_texels, pack
from .covering import cover
from .lighting import light_vertices
from .pieces import Piece, Spots

TEXTURE_SIZE = 2048
# The face gets more texels a metre than cloth: it is what people look at.
FACE_TEXELS = 2.6


def assemble(
    pieces: Sequence[Piece], state: BodyState, count: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Avatar:
    """Pose, light, paint and cover the pieces of a figure at rest; the avatar stands on the floor, y = 0.

    Args:
        state: the figure's body, in the pose to take.
        count: Gaussians in all.
    """
    report = progress or (lambda done, total: None)
    offsets = torch.tensor([0, *(len(piece.labels) for piece in pieces)]).cumsum(0)
    faces = torch.cat([piece.sheet.faces + offset for piece, offset in zip(pieces, offsets, strict=False)])
    skinning = torch.cat([piece.sheet.values["skinning"] for piece in pieces])
    labels = torch.cat([piece.labels for piece in pieces])
    rest = torch.cat([piece.sheet.position for piece in pieces])
    vertices = apply_transforms(blend_transforms(skinning, state.posed().transforms), rest)
    lift = torch.tensor([0.0, -float(vertices[:, 1].min()), 0.0])
    vertices = vertices + lift
    parameters = replace(state.parameters, translation=state.parameters.translation + lift)
    report(1, 4)
    warmth = torch.cat([torch.full((len(piece.labels),), piece.warmth) for piece in pieces])
    light = light_vertices(vertices, vertex_normals(vertices, faces), faces, warmth)
    report(2, 4)
    texture_uv, texture = _paint(pieces, labels, faces, light)
    mesh = Mesh(vertices, faces, texture_uv, texture)
    report(3, 4)
    features = torch.cat([piece.sheet.values.get("feature", torch.zeros(len(piece.labels), 1)) for piece in pieces])[:, 0]
    share = torch.cat([torch.full((len(piece.panel),), piece.cover) for piece in pieces])
    gaussians = cover(mesh, labels, features, share, count, seed)
    report(4, 4)
    return Avatar(mesh, gaussians, labels, skinning, BodyState(state.model, parameters))


def _paint(pieces: Sequence[Piece], labels: Tensor, faces: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """Lay out and paint the texture: UVs [F, 3, 2] and sRGB [S, S, 3]."""
    chart, density, corner_uv = _charts(pieces, labels, faces)
    texture_uv, fineness = pack(corner_uv, chart, density, TEXTURE_SIZE)
    texels = find_texels(texture_uv, TEXTURE_SIZE)
    color = torch.ones(TEXTURE_SIZE * TEXTURE_SIZE, 3)
    relief = torch.zeros(TEXTURE_SIZE * TEXTURE_SIZE)
    owner = torch.full((TEXTURE_SIZE * TEXTURE_SIZE,), -1)
    owner[texels.index] = chart[texels.face]
    start = 0
    for piece in pieces:
        stop = start + len(piece.panel)
        mine = ((texels.face >= start) & (texels.face < stop)).nonzero()[:, 0]
        spots = Texels(texels.index[mine], texels.face[mine] - start, texels.barycentric[mine])
        paint = piece.paint(_spots(piece, spots))
        color[spots.index] = _lit(paint.color, _mix_corners(light[faces[texels.face[mine]]], spots.barycentric))
        if paint.relief is not None:
            relief[spots.index] = paint.relief * piece.density * fineness
        start = stop
    square = (TEXTURE_SIZE, TEXTURE_SIZE)
    color = color.view(*square, 3) * _embossing(relief.view(square), owner.view(square))[..., None]
    return texture_uv, fill_gutters(color.clamp(0, 1), owner.view(square) >= 0)


def _embossing(relief: Tensor, owner: Tensor) -> Tensor:
    """Return the brightness [H, W] of relief (in texels) that is lit from above and a little from the left."""
    down, right = torch.zeros_like(relief), torch.zeros_like(relief)
    down[:-1] = (relief[1:] - relief[:-1]) * (owner[1:] == owner[:-1])
    right[:, :-1] = (relief[:, 1:] - relief[:, :-1]) * (owner[:, 1:] == owner[:, :-1])
    return (1 + 0.85 * down + 0.4 * right).clamp(0.6, 1.3)


def _charts(pieces: Sequence[Piece], labels: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number the panels of all pieces: chart of each face [F], density of each chart [C], corner UVs [F, 3, 2]."""
    charts, start = [], 0
    for piece in pieces:
        charts.append(piece.panel + start)
        start += int(piece.panel.max()) + 1
    _, chart = torch.unique(torch.cat(charts), return_inverse=True)
    density = torch.cat([torch.full((len(piece.panel),), piece.density) for piece in pieces])
    density = torch.where((labels[faces] == LABEL_INDEX["face"]).all(1), density * FACE_TEXELS, density)
    mean = torch.zeros(int(chart.max()) + 1).index_add_(0, chart, density) / torch.bincount(chart)
    return chart, mean, torch.cat([piece.corner_uv for piece in pieces])


def _spots(piece: Piece, texels: Texels) -> Spots:
    corners = piece.sheet.faces[texels.face]
    values = {
        name: _mix_corners(value[corners], texels.barycentric) for name, value in piece.sheet.values.items() if name != "skinning"
    }
    return Spots(_mix_corners(piece.corner_uv[texels.face], texels.barycentric), piece.panel[texels.face], values)


def _mix_corners(corner_values: Tensor, barycentric: Tensor) -> Tensor:
    return (corner_values * barycentric[..., None]).sum(1)


def _lit(color: Tensor, light: Tensor) -> Tensor:
    """Multiply colour by light, as light adds up: linearly; bright parts roll off instead of clipping."""
    linear = color.clamp(0, 1) ** 2.2 * light
    return (linear / (1 + (linear - 0.75).clamp_min(0))).clamp(0, 1) ** (1 / 2.2)
