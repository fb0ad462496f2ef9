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
from .atlas import fill_gutters, find_texels, pack
from .covering import cover
from .lighting import GAMMA, embossing, light_vertices, lit
from .pieces import Piece, mixed, spots_at

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
        index, face, barycentric = texels.index[mine], texels.face[mine], texels.barycentric[mine]
        paint = piece.paint(spots_at(piece, face - start, barycentric))
        color[index] = lit(paint.color, mixed(light, faces[face], barycentric)) ** (1 / GAMMA)
        if paint.relief is not None:
            relief[index] = paint.relief * piece.density * fineness
        start = stop
    square = (TEXTURE_SIZE, TEXTURE_SIZE)
    color = color.view(*square, 3) * embossing(relief.view(square), owner.view(square))[..., None]
    return texture_uv, fill_gutters(color.clamp(0, 1), owner.view(square) >= 0)


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
