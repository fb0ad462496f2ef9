"""How garments that hang from the shoulders are painted: their cloth, folds, fastenings, pockets and seams."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from . import details as sewn
from .anatomy import Figure
from .bodices import BACK, FRONT, LEFT_SLEEVE, RIGHT_SLEEVE, Cut, arm_length, front_opening, hem_height, neck_centre
from .details import BRASS, METAL, Place, place_on, ribbed, seam
from .fabrics import Fabric, weave
from .fitting import seam_distance
from .noise import ridge, smoothstep
from .pieces import Paint, Spots
from .prints import apply_print
from .tailoring import stitched, wrinkles

COLLAR, LEFT_LAPEL, RIGHT_LAPEL, BELT, STRAPS = range(4, 9)
_SHOULDER_DROP = 0.10  # metres from the top of the sleeve down to the armpit's height
_CHEST = 0.035  # metres from the armpits' height down to the middle of a print

_THREAD = (0.72, 0.50, 0.26)


def painter(figure: Figure, cut: Cut, fabric: Fabric, looseness: float, opened: bool, seed: int) -> Callable[[Spots], Paint]:
    """Return what paints a garment's spots."""

    def paint(spots: Spots) -> Paint:
        # Patterns are counted from the armpits' height, and on sleeves from as far below the shoulder.
        on_sleeve = (spots.panel == LEFT_SLEEVE) | (spots.panel == RIGHT_SLEEVE)
        origin = torch.where(on_sleeve, -_SHOULDER_DROP, figure.armpit)
        cloth = weave(fabric, torch.stack([spots.uv[:, 0], spots.uv[:, 1] - origin], 1), seed, spots.footprint)
        relief = _wrinkled(figure, cut, looseness, spots, seed)
        made = Paint(cloth.color, relief if cloth.relief is None else relief + cloth.relief)
        chest = Place(spots.uv[:, 0], spots.uv[:, 1] - figure.armpit + _CHEST, (spots.panel == FRONT).float(), spots.footprint)
        made = apply_print(made, fabric.print, chest)
        made = _edges(figure, cut, spots, made)
        made = _seams(figure, cut, spots, made)
        made = _fastened(figure, cut, opened, spots, made)
        made = _pocketed(figure, cut, fabric, spots, made)
        return _belted(figure, cut, opened, spots, made)

    return paint


def _wrinkled(figure: Figure, cut: Cut, looseness: float, spots: Spots, seed: int) -> Tensor:
    """Wrinkles where cloth is pushed together: in the elbow, at the waist, below the arm."""
    point, arm = spots.values["start"], spots.values["arm"][:, 0]
    height, on_body = point[:, 1], arm < 0.02
    elbow = ridge(arm - 0.50 * arm_length(figure), 0.07) * (cut.sleeve > 0.6)
    side = smoothstep(0.03, 0.13, point[:, 0].abs())
    waist = ridge(height - figure.waist, 0.09) * side * on_body
    armpit = ridge(height - figure.armpit + 0.02, 0.06) * smoothstep(0.07, 0.14, point[:, 0].abs()) * (arm < 0.1)
    where = 0.03 + 0.6 * elbow + 0.34 * waist + 0.34 * armpit
    folds = wrinkles(spots.uv, where * (0.5 + 0.6 * looseness), 0.8 * (point[:, 0] / 0.05).tanh(), seed)
    if "gathered" not in cut.details and "waisted" not in cut.details:
        return folds
    # Where much cloth is sewn to little it falls in fine pleats.
    sleeve_end = smoothstep(0.10, 0.02, cut.sleeve * arm_length(figure) - arm) * (arm > 0.05) * (cut.shape == "puffed")
    below_waist = smoothstep(0.0, 0.02, figure.waist - height) * smoothstep(0.22, 0.03, figure.waist - height) * on_body
    pleats = 0.0025 * torch.sin(spots.uv[:, 0] * 330) * torch.maximum(sleeve_end, below_waist * ("waisted" in cut.details))
    return folds + pleats


def _edges(figure: Figure, cut: Cut, spots: Spots, paint: Paint) -> Paint:
    """Finish the edges: hems stitched or ribbed, cuffs, the turned edges of collars and lapels."""
    edge, fp = spots.values["edge"][:, 0], spots.footprint
    on_sleeve = (spots.panel == LEFT_SLEEVE) | (spots.panel == RIGHT_SLEEVE)
    if "ribbed" in cut.details:
        only_hem = "zip" in cut.details or cut.collar == "hood"
        gathered = torch.where(spots.panel <= BACK, _above_hem(figure, cut, spots), edge) if only_hem else edge
        gathered = torch.where(spots.panel == COLLAR, 1.0, gathered) if cut.collar == "hood" else gathered
        return ribbed(paint, spots.uv[:, 0], gathered, 0.05, fp)
    paint = stitched(paint, edge)
    if cut.shape == "cuffed":
        paint = seam(paint, edge - 0.055, on_sleeve, fp)
    if "elastic" in cut.details:
        paint = seam(paint, _above_hem(figure, cut, spots) - 0.048, spots.panel <= BACK, fp)
    if "cuffs" in cut.details:
        paint = seam(paint, edge - 0.026, on_sleeve, fp)
    lapels = (spots.panel == LEFT_LAPEL) | (spots.panel == RIGHT_LAPEL)
    # What is turned over catches the light, and ends in a shadow.
    color = torch.where(lapels[:, None], 0.03 + 1.08 * paint.color, paint.color)
    shade = 1 - 0.40 * smoothstep(0.007, 0.001, edge) * ((spots.panel == COLLAR) | lapels)
    return Paint(color * shade[:, None], paint.relief)


def _above_hem(figure: Figure, cut: Cut, spots: Spots) -> Tensor:
    return spots.values["start"][:, 1] - hem_height(figure, cut)


def _seams(figure: Figure, cut: Cut, spots: Spots, paint: Paint) -> Paint:
    start, fp = spots.values["start"], spots.footprint
    body = (spots.panel <= BACK) & (spots.values["arm"][:, 0] < 0.02)
    front = spots.panel == FRONT
    if "waist seam" in cut.details:
        paint = seam(paint, start[:, 1] - figure.waist, body, fp)
    if "yoke" in cut.details:
        paint = seam(paint, start[:, 1] - figure.armpit - 0.045, body, fp, _THREAD)
        lean = start[:, 0].abs() - 0.062 - 0.12 * (start[:, 1] - figure.waist)
        paint = seam(paint, lean, front & body & (start[:, 1] < figure.armpit + 0.045), fp, _THREAD)
    if "wrap" in cut.details:
        tip = float(neck_centre(figure)[1]) - 0.203
        slant = start[:, 0] - 0.60 * (tip - start[:, 1]).clamp(0, 0.16) - 0.10 * (tip - 0.16 - start[:, 1]).clamp_min(0)
        below = front & body & (start[:, 1] < tip)
        paint = seam(paint, slant, below, fp)
        shadow = 0.22 * smoothstep(0.018, 0.0, slant) * (slant > 0) * below
        paint = Paint(paint.color * (1 - shadow)[:, None], paint.relief)
    if "quilted" in cut.details:
        near = seam_distance(figure, spots.values)
        near = torch.minimum(near, 0.085 - near)
        near = torch.where(spots.panel <= RIGHT_SLEEVE, near, 0.05)
        paint = seam(paint, near, torch.ones_like(near), fp)
        paint = Paint(paint.color * (1 - 0.20 * smoothstep(0.018, 0.0, near))[:, None], paint.relief)
    return paint


def _fastened(figure: Figure, cut: Cut, opened: bool, spots: Spots, paint: Paint) -> Paint:
    """Sew on buttons or a zip: down the middle, or along the edges of an open front."""
    details = cut.details
    front = (spots.panel == FRONT) & (spots.values["arm"][:, 0] < 0.02)
    neck, hem = float(neck_centre(figure)[1]) - 0.02, hem_height(figure, cut)
    place = place_on(spots, front, y=neck)
    width = front_opening(figure, spots.values["start"][:, 1], cut, opened).clamp_min(0)
    meets = neck + 0.02 - cut.reach
    if "placket" in details or "short placket" in details:
        reach = 0.145 if "short placket" in details else neck - hem
        inside = front & (place.y > -reach) & (place.y < 0.03)
        paint = seam(paint, place.x.abs() - 0.016, inside, spots.footprint)
        paint = sewn.button_row(paint, _at(place, inside), 0.06 if "short placket" in details else 0.09)
    if "strings" in details or "cord" in details:
        paint = sewn.drawstrings(paint, place.moved(y=0.01), 0.17, 0.085)
    beside = Place(place.x.abs() - width - 0.0035, place.y, front, place.footprint)
    if "zip" in details:
        paint = sewn.zip_fastener(paint, beside if opened else place, neck - hem + 0.02, METAL, 0.007)
    # Buttons sit on the wearer's left, in from the edge; a closed front laps over the middle.
    lapped = Place(place.x - width - 0.014 * opened, place.y, front & (spots.values["start"][:, 1] < meets - 0.02), place.footprint)
    if "buttons" in details or "studs" in details:
        paint = seam(paint, place.x.abs() - width - 0.030 if opened else place.x + 0.016, lapped.where, spots.footprint)
        paint = sewn.button_row(paint, lapped, 0.085, 0.009, BRASS if "studs" in details else None)
    if "two buttons" in details:
        paint = seam(paint, place.x + 0.018, lapped.where & (not opened), spots.footprint)
        for drop in (0.03, 0.13):
            paint = sewn.button(paint, lapped.moved(y=meets - drop - neck), 0.011, (0.12, 0.10, 0.09))
    if "double buttons" in details:
        paint = seam(paint, place.x + 0.10, lapped.where & (not opened), spots.footprint)
        column = Place(place.x.abs() - width - 0.062, place.y, lapped.where, place.footprint)
        paint = sewn.button_row(paint, column, 0.125, 0.011, (0.20, 0.15, 0.11))
    return paint


def _pocketed(figure: Figure, cut: Cut, fabric: Fabric, spots: Spots, paint: Paint) -> Paint:
    details = cut.details
    front = (spots.panel == FRONT) & (spots.values["arm"][:, 0] < 0.02)
    chest, hips = figure.armpit - 0.005, figure.waist - 0.055
    place = place_on(spots, front)
    both = place.both_sides()
    thread = _THREAD if fabric.pattern == "denim" else None
    if "chest pocket" in details:
        paint = sewn.patch_pocket(paint, place.moved(0.080, chest), 0.095, 0.110, thread=thread)
    if "flap chest pockets" in details:
        paint = sewn.patch_pocket(paint, both.moved(0.092, chest + 0.03), 0.100, 0.105, 0.042, thread or _THREAD)
    if "flap pockets" in details:
        paint = sewn.patch_pocket(paint, both.moved(0.105, hips - 0.02), 0.105, 0.048, point=0.0)
    if "slit pockets" in details:
        paint = sewn.slit_pocket(paint, both.moved(0.118, hips + 0.02), 0.145, 0.22)
    if "welt pockets" in details:
        paint = _welt(paint, both.moved(0.095, hips + 0.03), 0.090)
    if "breast pocket" in details:
        paint = _welt(paint, place.moved(0.098, chest), 0.085)
    if "pouch" in details:
        hem = hem_height(figure, cut)
        paint = sewn.pouch_pocket(paint, place.moved(y=hem + 0.055), 0.27, 0.155)
    return paint


def _welt(paint: Paint, place: Place, width: float) -> Paint:
    """Cut a pocket that shows as a narrow strip of doubled cloth, a little higher towards the side."""
    outline = torch.maximum(place.x.abs() - width / 2, (place.y - 0.12 * place.x).abs() - 0.010)
    return seam(paint, outline, place.where, place.footprint)


def _belted(figure: Figure, cut: Cut, opened: bool, spots: Spots, paint: Paint) -> Paint:
    """Dye the belt darker than the cloth, and close it with a buckle in front."""
    on_belt = (spots.panel == BELT).float()
    paint = Paint(paint.color * (1 - 0.28 * on_belt)[:, None], paint.relief)
    if "belt" not in cut.details or opened:
        return paint
    start = spots.values["start"]
    where = on_belt * (start[:, 2] > float(figure.joint("left_shoulder")[2]))
    outline = torch.maximum(start[:, 0].abs() - 0.026, (start[:, 1] - figure.waist).abs() - 0.019)
    frame = sewn.edge((outline + 0.005).abs() - 0.005, spots.footprint) * where
    return Paint(torch.lerp(paint.color, torch.tensor(METAL).expand_as(paint.color), frame[:, None]), paint.relief)


def _at(place: Place, where: Tensor) -> Place:
    return Place(place.x, place.y, where, place.footprint)
