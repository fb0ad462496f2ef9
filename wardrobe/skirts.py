"""Skirts: rings of cloth laid round hips and legs, falling in folds or pleats."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure
from .details import METAL, Place, button, line, ribbed, seam
from .draping import Obstacle, hang, relax, wrap_hull
from .fabrics import Fabric, weave
from .hanging import skirt_skinning
from .noise import noise, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet
from .tailoring import finish, flat_panels, ring_faces, stitched
from .trousers import waistband

_BAND = 0.034  # metres of waistband
_ROW = 0.022  # metres between rings


@dataclass(frozen=True)
class SkirtCut:
    """The pattern of a skirt.

    length: as a share of the way from hip to ankle
    rise:   height of the waistband between crotch (0) and waist (1)
    ease:   metres between body and cloth when fitted, and when loose
    flare:  metres outwards a metre down, fitted and loose
    folds:  how many soft folds go round the hem; 0 for none
    depth:  metres that folds stand out a metre down
    pleats: how many pressed pleats go round; 0 for none
    cling:  metres that cloth comes back in a metre below the hips
    details: "slit", "buttons", "elastic"
    """

    length: float
    rise: float
    ease: tuple[float, float]
    flare: tuple[float, float]
    folds: int = 0
    depth: float = 0.0
    pleats: int = 0
    cling: float = 0.06
    details: tuple[str, ...] = ()


SKIRT_CUTS = {
    "skirt": SkirtCut(0.50, 0.92, (0.006, 0.010), (0.10, 0.34), 7, 0.05),
    "pencil skirt": SkirtCut(0.54, 0.94, (0.004, 0.008), (0.0, 0.0), cling=0.16, details=("slit", "darts")),
    "flared skirt": SkirtCut(0.48, 0.96, (0.005, 0.008), (0.34, 0.60), 8, 0.16),
    "pleated skirt": SkirtCut(0.40, 0.94, (0.006, 0.010), (0.14, 0.32), pleats=24),
    "mini skirt": SkirtCut(0.24, 0.84, (0.005, 0.010), (0.05, 0.24), details=("buttons",)),
    "long skirt": SkirtCut(0.88, 0.92, (0.006, 0.010), (0.06, 0.28), 9, 0.06, details=("elastic",)),
}


def skirt_edge(figure: Figure, sheet: Sheet, cut: SkirtCut) -> Tensor:
    """Return about how many metres [V] inside the edges a spot of the body's surface lies, negative outside."""
    top = waistband(figure, cut.rise) - sheet.position[:, 1] - 10 * sheet.values["armness"][:, 0]
    return torch.minimum(top, sheet.position[:, 1] - _hem_height(figure, cut))


def make_skirt(figure: Figure, cut: SkirtCut, fabric: Fabric, looseness: float, obstacle: Obstacle, seed: int) -> Piece:
    """Turn, drape and flatten a skirt: a front and a back panel."""
    columns = 4 * cut.pleats if cut.pleats else 96
    sheet, angle = _turned(figure, cut, looseness, columns, seed)
    panel = (angle.cos() > 1e-4)[sheet.faces].float().mean(1).round().long()
    in_front = panel == 1
    turn = angle[sheet.faces]
    turn = torch.where((turn > math.pi) & in_front[:, None], turn - 2 * math.pi, turn)
    turn = torch.where(in_front[:, None], turn, torch.where(turn < 0.5 * math.pi - 1e-4, turn + 2 * math.pi, turn) - math.pi)
    sheet = relax(sheet, obstacle, 0.006, rounds=1)
    guess = torch.stack([turn * 0.18, sheet.position[:, 1][sheet.faces]], -1)
    corner_uv = flat_panels(sheet, panel, guess)
    return finish(sheet, panel, corner_uv, "clothes", _painter(figure, cut, fabric, seed), fabric.cover)


def _turned(figure: Figure, cut: SkirtCut, looseness: float, columns: int, seed: int) -> tuple[Sheet, Tensor]:
    """Lay rings of vertices from the waist to the hem: the sheet, and the angle [V] of each vertex."""
    top, bottom = waistband(figure, cut.rise), _hem_height(figure, cut)
    rows = max(8, round((top - bottom) / _ROW))
    middle = float(figure.joint("pelvis")[2])
    parts = figure.on_parts("torso", "upper_leg", "lower_leg")
    points = figure.sheet.position[parts & (figure.sheet.position[:, 1] < top + 0.03)]
    axis = torch.tensor([0.0, top, middle]), torch.tensor([0.0, bottom, middle])
    ease, flare = (low + looseness * (high - low) for low, high in (cut.ease, cut.flare))
    tube = hang(wrap_hull(points, *axis), slope=cut.cling * (1.5 - looseness))
    angle = (torch.arange(columns) * (2 * math.pi / columns)).repeat(rows)
    down = torch.linspace(0, 1, rows).repeat_interleave(columns)
    height = top + down * (bottom - top)
    fallen = (top - height - 0.10).clamp_min(0)
    radius = tube.radius_at(angle, height) + ease + flare * fallen
    if cut.folds:
        ring = torch.stack([angle.sin() * 2.2, angle.cos() * 2.2, down * 0.7], 1)
        wave = torch.sin(angle * cut.folds + 3 * noise(ring, seed)) * (0.6 + 0.4 * noise(ring * 1.7, seed + 1))
        radius = radius + wave * fallen * (0.02 + cut.depth + 0.10 * flare)
    if cut.pleats:
        rise = torch.tensor([0.0, 0.4, 0.8, 1.0])[torch.arange(columns) % 4].repeat(rows)
        radius = radius + (rise - 0.4) * (0.003 + 0.014 * smoothstep(_BAND, 0.12, top - height) + 0.05 * fallen)
    position = tube.place(angle, height, radius)
    edge = torch.minimum(height - bottom, top - height)
    start = torch.stack([angle.sin(), height, angle.cos()], 1)  # the lathe's own coordinates: x and z tell the side
    values = {"position": position, "start": start, "edge": edge[:, None], "skinning": skirt_skinning(figure, position, flare)}
    return Sheet(ring_faces(rows, columns), values), angle


def _painter(figure: Figure, cut: SkirtCut, fabric: Fabric, seed: int) -> Callable[[Spots], Paint]:
    top, bottom = waistband(figure, cut.rise), _hem_height(figure, cut)

    def paint(spots: Spots) -> Paint:
        cloth = weave(fabric, spots.uv - torch.tensor([0.0, (top + bottom) / 2]), seed, spots.footprint)
        start, front, footprint = spots.values["start"], (spots.panel == 1).float(), spots.footprint
        below, everywhere = top - start[:, 1], torch.ones(len(start))
        sewn = cloth
        if cut.pleats:
            sewn = _pressed(sewn, cut, torch.atan2(start[:, 0], start[:, 2]), below, footprint)
        if "elastic" in cut.details:
            sewn = ribbed(sewn, spots.uv[:, 0], below, _BAND, footprint)
        sewn = seam(sewn, below - _BAND, everywhere, footprint)
        middle = Place(spots.uv[:, 0], -below, front, footprint)
        if "darts" in cut.details:
            sewn = seam(sewn, middle.x.abs() - 0.075 + 0.15 * below, (below > _BAND) & (below < 0.13), footprint)
        if "slit" in cut.details:
            sewn = seam(sewn, middle.x, (1 - front) * (start[:, 1] > bottom + 0.16), footprint)
            slit = line(middle.x, 0.005, footprint) * (1 - front) * (start[:, 1] < bottom + 0.16)
            sewn = Paint(sewn.color * (1 - 0.6 * slit)[:, None], sewn.relief)
        if "buttons" in cut.details:
            sewn = seam(sewn, middle.x.abs() - 0.022, front, footprint)
            sewn = _buttoned(sewn, middle, METAL if fabric.pattern == "denim" else None)
        return stitched(sewn, torch.where(below > 0.5 * (top - bottom), spots.values["edge"][:, 0], 1.0))

    return paint


def _buttoned(paint: Paint, place: Place, color: tuple[float, float, float] | None) -> Paint:
    """Sew buttons down the front, every six centimetres from the waistband."""
    down = place.y + 0.5 * _BAND
    nearest = down - (down / 0.06).round() * 0.06
    return button(paint, Place(place.x, nearest, place.where, place.footprint), 0.008, color)


def _pressed(paint: Paint, cut: SkirtCut, angle: Tensor, below: Tensor, footprint: Tensor | float) -> Paint:
    """Shade pleats: light on the edge that lies on top, dark in the fold beneath it."""
    share = torch.remainder(angle / (2 * math.pi) * cut.pleats, 1)
    within = smoothstep(_BAND, _BAND + 0.01, below)
    metres = 0.04
    fold = line((share - 0.90) * metres, 0.0035, footprint) * within
    shade = (0.22 * share - 0.11) * within
    return Paint(paint.color * (1 + shade - 0.45 * fold)[:, None], paint.relief)


def _hem_height(figure: Figure, cut: SkirtCut) -> float:
    hip, ankle = float(figure.joint("left_hip")[1]), float(figure.joint("left_ankle")[1])
    return hip + cut.length * (ankle - hip)
