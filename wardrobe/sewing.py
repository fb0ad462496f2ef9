"""A pattern, a cloth and a figure make a garment: cut, fitted, laid out flat, with collar and belt sewn on."""

from __future__ import annotations

from dataclasses import replace

import torch

from .anatomy import Figure
from .belts import belt, straps
from .bodices import Cut, bodice_panels, cut_bodice
from .collars import COLLARS, Patch, lapel
from .draping import Obstacle
from .fabrics import Fabric
from .fitting import fit, refined
from .pieces import Piece, joined
from .tailoring import finish, flat_panels, halved
from .trimmings import BELT, COLLAR, LEFT_LAPEL, RIGHT_LAPEL, STRAPS, painter


def sew(
    figure: Figure,
    cut: Cut,
    fabric: Fabric,
    looseness: float,
    obstacle: Obstacle,
    seed: int,
    opened: bool = False,
    over: bool = False,
) -> Piece:
    """Make a garment that hangs from the shoulders.

    Args:
        looseness: 0 fitted .. 1 loose.
        obstacle: what it lies on: the body, and garments worn beneath.
        opened: whether a front that can open does.
        over: whether it is worn over another garment.
    """
    sheet = cut_bodice(figure, cut, opened)
    panel, guess, across = bodice_panels(figure, sheet)
    sheet = fit(figure, sheet, cut, looseness, obstacle, over)
    corner_uv = halved(flat_panels(sheet, panel, guess, across))
    sheet = refined(figure, sheet, cut, looseness, obstacle, seed, over)
    piece = finish(
        sheet, panel.repeat(4), corner_uv, "clothes", painter(figure, cut, fabric, looseness, opened, seed), fabric.cover
    )
    on_top = obstacle.joined(sheet.position, sheet.values["normal"]) if cut.collar else obstacle
    if cut.collar:
        collar = COLLARS[cut.collar](sheet, on_top)
        faces = torch.full((len(collar.flat),), COLLAR)
        piece = joined(piece, finish(collar.sheet, faces, collar.flat, "clothes", piece.paint, piece.cover))
    if cut.collar == "lapels":
        piece = _with(piece, lapel(figure, sheet, cut, opened, 1.0), LEFT_LAPEL)
        piece = _with(piece, lapel(figure, sheet, cut, opened, -1.0), RIGHT_LAPEL)
    if "belt" in cut.details or "sash" in cut.details:
        piece = _with(piece, belt(figure, sheet, cut, opened), BELT)
    if cut.neck == "straps":
        piece = _with(piece, straps(figure, sheet), STRAPS)
    return piece


def _with(piece: Piece, patch: Patch, panel: int) -> Piece:
    """Lay a patch on as a panel of its own."""
    labels = piece.labels[:1].expand(len(patch.sheet.position))
    panels = torch.full((len(patch.flat),), panel)
    return joined(piece, replace(piece, sheet=patch.sheet, labels=labels, corner_uv=patch.flat, panel=panels))
