"""Sewn-on details as paint: seams, buttons, zips, pockets, cuffs, drawstrings and belt loops.

Each takes the paint so far and the place where the detail belongs, and returns the paint with the detail on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .noise import ridge, smoothstep
from .pieces import Color, Paint, Spots

METAL: Color = (0.66, 0.64, 0.60)
BRASS: Color = (0.66, 0.52, 0.30)


@dataclass(frozen=True)
class Place:
    """Where N spots lie, seen from a detail's own origin.

    x, y:      [N] metres sideways (to the wearer's left) and upwards
    where:     [N] bool or 0..1, where the detail may show at all: its panel
    footprint: metres of cloth that a spot stands for, a number or [N]; see `Spots`
    """

    x: Tensor
    y: Tensor
    where: Tensor
    footprint: Tensor | float = 0.0

    def moved(self, x: float | Tensor = 0.0, y: float | Tensor = 0.0) -> Place:
        """Return the place seen from an origin `x` metres further left and `y` metres higher."""
        return replace(self, x=self.x - x, y=self.y - y)

    def both_sides(self) -> Place:
        """Return the place folded at x = 0, so that what is sewn on the left appears on the right as well."""
        return replace(self, x=self.x.abs())


def place_on(spots: Spots, where: Tensor, x: float = 0.0, y: float = 0.0) -> Place:
    """Return where spots lie on the garment before it was draped (value "start"), seen from (`x`, `y`) in metres."""
    start = spots.values["start"]
    return Place(start[:, 0] - x, start[:, 1] - y, where, spots.footprint)


def line(distance: Tensor, width: float, footprint: Tensor | float = 0.0) -> Tensor:
    """Draw a line at distance 0: 0..1 [N]. Seen from afar it is as wide as a spot, and fainter, but never gone."""
    wide = _at_least(0.45 * footprint, width)
    return ridge(distance, wide) * (width / wide) ** 0.5


def edge(distance: Tensor, footprint: Tensor | float = 0.0, soft: float = 0.0007) -> Tensor:
    """Return 1 where the signed distance [N] is negative, 0 where positive, with an edge as soft as a spot."""
    half = _at_least(0.5 * footprint, soft)
    return smoothstep(1.0, -1.0, distance / half)


def seam(paint: Paint, distance: Tensor, where: Tensor, footprint: Tensor | float = 0.0, thread: Color | None = None) -> Paint:
    """Sew a seam where `distance` [N] is 0: a groove, darker than the cloth or of the colour of its thread."""
    amount = line(distance, 0.0013, footprint) * where
    color = paint.color * (1 - 0.42 * amount)[:, None]
    if thread is not None:
        color = _covered(paint.color, thread, 0.75 * amount)
    return Paint(color, _relief(paint) - 0.001 * amount)


def button(paint: Paint, place: Place, radius: float = 0.006, color: Color | None = None) -> Paint:
    """Sew a button on at the origin; without a colour it is pearl on dark cloth, horn on light cloth."""
    shown = color or ((0.93, 0.91, 0.87) if float(paint.color.mean()) < 0.6 else (0.42, 0.36, 0.31))
    distance = torch.hypot(place.x, place.y)
    disc = edge(distance - radius, place.footprint) * place.where
    rim = line(distance - radius, 0.0012, place.footprint) * place.where
    holes = edge(torch.hypot(place.x.abs() - 0.28 * radius, place.y) - 0.16 * radius) * place.where
    if not _is_fine(place.footprint, 0.004):
        holes = torch.zeros_like(disc)
    result = _covered(paint.color * (1 - 0.30 * rim)[:, None], shown, disc) * (1 - 0.6 * holes)[:, None]
    return Paint(result, _relief(paint) + 0.0015 * disc)


def button_row(paint: Paint, place: Place, spacing: float, radius: float = 0.006, color: Color | None = None) -> Paint:
    """Sew buttons on at the origin and every `spacing` metres above and below it."""
    nearest = place.y - (place.y / spacing).round() * spacing
    return button(paint, replace(place, y=nearest), radius, color)


def zip_fastener(paint: Paint, place: Place, length: float, teeth: Color = METAL, width: float = 0.007) -> Paint:
    """Sew a zip in that runs from the origin down `length` metres, its slider at the top."""
    inside = edge((place.y + length / 2).abs() - length / 2, place.footprint) * place.where
    tape = edge(place.x.abs() - 2.1 * width, place.footprint) * inside
    row = edge(place.x.abs() - width / 2, place.footprint) * inside
    color = paint.color * (1 - 0.30 * tape)[:, None]
    notch = 0.80 + 0.20 * torch.sin(place.y * (2 * math.pi / 0.004)) if _is_fine(place.footprint, 0.002) else 0.85
    color = _covered(color, teeth, row) * (1 - row * (1 - notch))[:, None]
    slider = torch.maximum((place.x.abs() - 0.006), (place.y + 0.018).abs() - 0.018)
    slider = edge(slider, place.footprint) * place.where
    color = _covered(color, tuple(0.8 * channel for channel in teeth), slider)
    stitches = line(place.x.abs() - 2.1 * width, 0.0012, place.footprint) * inside
    return Paint(color * (1 - 0.3 * stitches)[:, None], _relief(paint) + 0.0012 * row + 0.002 * slider - 0.0008 * stitches)


def patch_pocket(
    paint: Paint, place: Place, width: float, height: float, flap: float = 0.0, thread: Color | None = None, point: float = 0.015
) -> Paint:
    """Sew a pocket on whose opening's middle is the origin; with a flap of so many metres, or none.

    Args:
        point: metres by which its lower edge is pointed.
    """
    x, fp = place.x.abs(), place.footprint
    below = torch.maximum(place.y, -place.y - height + point * x / (width / 2))
    outline = torch.maximum(x - width / 2, below)
    result = _lined(paint, outline, place, thread)
    shade = edge(outline, fp) * smoothstep(-0.030, 0.0, place.y) * place.where
    lift = edge(outline, fp) * place.where
    result = Paint(result.color * (1 - 0.10 * shade)[:, None], _relief(result) + 0.0015 * lift)
    if not flap:
        return seam(result, torch.where(x < width / 2, place.y + 0.022, 1.0), place.where, fp, thread)
    cover = torch.maximum(x - width / 2 - 0.003, (place.y + flap / 2 - 0.006).abs() - flap / 2)
    cast = torch.maximum(x - width / 2, (place.y + flap + 0.001).abs() - 0.006)
    dark = edge(cast, fp) * place.where
    result = Paint(result.color * (1 - 0.25 * dark)[:, None], _relief(result) + 0.002 * edge(cover, fp) * place.where)
    return button(_lined(result, cover, place, thread), place.moved(y=0.012 - flap), 0.005)


def slit_pocket(paint: Paint, place: Place, length: float, lean: float = 0.0, thread: Color | None = None) -> Paint:
    """Cut a pocket's opening `length` metres down from the origin, leaning out `lean` metres a metre; shaded inside."""
    across = (place.x + lean * place.y) / (1 + lean * lean) ** 0.5
    along = (place.y + length / 2).abs() - length / 2
    distance = torch.maximum(across.abs(), along)
    shade = edge(torch.maximum((across + 0.006).abs() - 0.006, along), place.footprint) * place.where
    darker = Paint(paint.color * (1 - 0.16 * shade)[:, None], _relief(paint) - 0.001 * shade)
    result = seam(darker, distance, place.where, place.footprint)
    twin = torch.maximum((across - 0.007).abs(), along)
    return seam(result, twin, place.where, place.footprint, thread)


def pouch_pocket(paint: Paint, place: Place, width: float, height: float) -> Paint:
    """Sew a hoodie's pouch on, its lower edge's middle at the origin: hands go in at the slanting sides."""
    x, fp = place.x.abs(), place.footprint
    up = place.y / height
    half = width / 2 * (1 - 0.42 * smoothstep(0.30, 1.0, up))
    outline = torch.maximum(torch.maximum(x - half, -place.y), place.y - height)
    lift = edge(outline, fp) * place.where
    opening = edge(outline.abs() - 0.007, fp) * ((up > 0.30) & (up < 0.97)) * place.where * (outline > -0.007)
    result = Paint(paint.color * (1 - 0.28 * opening)[:, None], _relief(paint) + 0.003 * lift)
    return _lined(result, outline, place, None)


def drawstrings(paint: Paint, place: Place, length: float, apart: float = 0.05, color: Color | None = None) -> Paint:
    """Hang two cords from the origin, `length` metres down, with a knot at each end; without a colour they are white or dark."""
    shown = color or ((0.92, 0.91, 0.88) if float(paint.color.mean()) < 0.75 else (0.35, 0.34, 0.33))
    side = torch.sign(place.x)
    reach = length * (1 - 0.08 * side)  # no two cords end at one height
    sway = apart / 2 + 0.006 * torch.sin(place.y * 22 + side)
    x, fp = place.x.abs() - sway, place.footprint
    cord = torch.maximum(x.abs() - 0.0032, (place.y + reach / 2).abs() - reach / 2)
    knot = torch.hypot(x, 0.7 * (place.y + reach)) - 0.0065
    distance = torch.minimum(cord, knot)
    shadow = edge(distance - 0.003, fp, 0.003) * place.where
    amount = edge(distance, fp) * place.where
    dark = paint.color * (1 - 0.28 * shadow)[:, None]
    return Paint(_covered(dark, shown, amount), _relief(paint) + 0.003 * amount)


def ribbed(paint: Paint, across: Tensor, to_edge: Tensor, depth: float, footprint: Tensor | float = 0.0) -> Paint:
    """Knit a cuff: upright ribs over the last `depth` metres before the edge [N], with a line above them.

    Args:
        across: [N] metres along the edge.
    """
    rib = torch.sin(across * (2 * math.pi / 0.0085)) if _is_fine(footprint, 0.0045) else torch.zeros_like(across)
    on_cuff = edge(to_edge - depth, footprint)
    shade = 1 - on_cuff * (0.10 - 0.10 * rib) - 0.22 * line(to_edge - depth, 0.0016, footprint)
    return Paint(paint.color * shade[:, None], _relief(paint) + 0.0008 * rib * on_cuff)


def belt_loops(paint: Paint, place: Place, spacing: float, height: float = 0.045) -> Paint:
    """Sew loops over a waistband whose middle is y = 0, one every `spacing` metres to either side of x = spacing / 2."""
    offset = place.x.abs() / spacing - 0.5
    away = (offset - offset.round()).abs() * spacing
    outline = torch.maximum(away - 0.006, place.y.abs() - height / 2)
    lift = edge(outline, place.footprint) * place.where
    return _lined(Paint(paint.color, _relief(paint) + 0.002 * lift), outline, place, None)


def _lined(paint: Paint, outline: Tensor, place: Place, thread: Color | None) -> Paint:
    """Sew along a closed outline (signed distance [N], negative inside), with a second row of stitches in thread inside it."""
    result = seam(paint, outline, place.where, place.footprint)
    return result if thread is None else seam(result, outline + 0.006, place.where, place.footprint, thread)


def _covered(color: Tensor, shown: Color, amount: Tensor) -> Tensor:
    return torch.lerp(color, torch.tensor(shown).expand_as(color), amount[:, None])


def _relief(paint: Paint) -> Tensor:
    return torch.zeros(len(paint.color)) if paint.relief is None else paint.relief


def _at_least(value: Tensor | float, low: float) -> Tensor | float:
    return value.clamp_min(low) if isinstance(value, Tensor) else max(value, low)


def _is_fine(footprint: Tensor | float, limit: float) -> bool:
    """Tell whether details of about `limit` metres can be seen at all."""
    return float(footprint.min() if isinstance(footprint, Tensor) else footprint) < limit
