"""What a dressed person is put together from, and what its paint knows of the spot being painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .sheets import Sheet, take

Color = tuple[float, float, float]  # sRGB in 0..1


@dataclass(frozen=True)
class Spots:
    """N spots of a piece to be painted.

    uv:     [N, 2] metres on the flat panel; u to the right, v up as seen from outside
    panel:  [N] int64
    values: the sheet's values, interpolated: name -> [N, C]
    footprint: metres of cloth that a spot stands for, a number or [N]; patterns finer than that fade to their mean
    """

    uv: Tensor
    panel: Tensor
    values: dict[str, Tensor]
    footprint: Tensor | float = 0.0


@dataclass(frozen=True)
class Paint:
    """How N spots look.

    color:  [N, 3] sRGB in 0..1 under white light
    relief: [N] metres above the surface, for embossing, or None
    """

    color: Tensor
    relief: Tensor | None = None


@dataclass(frozen=True)
class Piece:
    """Skin, a garment, a shoe or hair on the figure at rest.

    sheet:     values "position", "normal", "skinning" and whatever its paint reads
    labels:    [V] int64, index into LABELS
    corner_uv: [F, 3, 2] metres on flat panels; each panel has its own plane
    panel:     [F] int64, the panel of each face
    density:   texels along a metre, against 1 for cloth
    cover:     Gaussians an area, against 1 for plain surfaces; more where there is a pattern to show
    warmth:    0..1, how much light bleeds through as in skin
    paint:     colours spots; asked once, with all spots of the piece
    """

    sheet: Sheet
    labels: Tensor
    corner_uv: Tensor
    panel: Tensor
    density: float
    cover: float
    warmth: float
    paint: Callable[[Spots], Paint]


def spots_at(
    piece: Piece,
    face: Tensor,  # [N] int64
    barycentric: Tensor,  # [N, 3]
    footprint: Tensor | float = 0.0,
) -> Spots:
    """Return spots of a piece, with all that varies over it."""
    corners = piece.sheet.faces[face]
    names = [name for name in piece.sheet.values if name != "skinning"]
    widths = [piece.sheet.values[name].shape[1] for name in names]
    together = torch.cat([piece.sheet.values[name] for name in names], 1)
    values = dict(zip(names, mixed(together, corners, barycentric).split(widths, 1), strict=True))
    uv = (piece.corner_uv[face] * barycentric[..., None]).sum(1)
    return Spots(uv, piece.panel[face], values, footprint)


def mixed(values: Tensor, corners: Tensor, barycentric: Tensor) -> Tensor:
    """Interpolate values [V, C] of the vertices `corners` [N, 3]: [N, C]."""
    total = values[corners[:, 0]] * barycentric[:, :1]
    for corner in (1, 2):
        total = total.addcmul_(values[corners[:, corner]], barycentric[:, corner : corner + 1])
    return total


def joined(first: Piece, second: Piece) -> Piece:
    """Return two pieces of the same kind as one, painted by the first; both sheets have the same values."""
    count = len(first.labels)
    values = {name: torch.cat([value, second.sheet.values[name]]) for name, value in first.sheet.values.items()}
    return replace(
        first,
        sheet=Sheet(torch.cat([first.sheet.faces, second.sheet.faces + count]), values),
        labels=torch.cat([first.labels, second.labels]),
        corner_uv=torch.cat([first.corner_uv, second.corner_uv]),
        panel=torch.cat([first.panel, second.panel]),
    )


def kept(piece: Piece, keep: Tensor) -> Piece:
    """Return the piece with only the faces where `keep` [F] is True."""
    used = torch.unique(piece.sheet.faces[keep])
    return replace(
        piece,
        sheet=take(piece.sheet, keep),
        labels=piece.labels[used],
        corner_uv=piece.corner_uv[keep],
        panel=piece.panel[keep],
    )
