"""Trousers, shorts and leggings: cut from the surface of hips and legs, and hung from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure, smooth_normals
from .bands import over
from .details import BRASS, METAL, Place, belt_loops, button, drawstrings, line, patch_pocket, place_on, ribbed, seam, slit_pocket
from .draping import Obstacle, bridge, fall_to, hang, relax, wrap_tube
from .fabrics import Fabric, weave
from .noise import noise, ridge, smoothstep
from .pieces import Color, Paint, Piece, Spots
from .sheets import Sheet, clip, neighbour_mean, split, subdivide
from .tailoring import cloth_from, finish, flat_panels, halved, seen_from, stitched, wrinkles

THREAD: Color = (0.72, 0.50, 0.26)
_BAND = 0.036  # metres of waistband


@dataclass(frozen=True)
class TrouserCut:
    """The pattern of trousers.

    length: of the leg, as a share of the way from hip to ankle
    rise:   height of the waistband between crotch (0) and waist (1)
    ease:   metres between body and cloth when fitted, and when loose
    cling:  metres that cloth comes back in a metre below what it hangs from, fitted and loose
    spread: metres that legs widen a metre below the crotch, fitted and loose
    details: what is sewn on, see `_sewn`
    """

    length: float
    rise: float
    ease: tuple[float, float]
    cling: tuple[float, float]
    spread: tuple[float, float] = (0.0, 0.0)
    details: tuple[str, ...] = ()


_TAILORED = ("fly", "slant pockets", "loops", "welt pockets")
_DENIM = ("fly", "scoop pockets", "loops", "patch pockets", "yoke", "faded")
TROUSER_CUTS = {
    "trousers": TrouserCut(1.0, 0.80, (0.006, 0.018), (0.16, 0.02), details=(*_TAILORED, "crease")),
    "slim trousers": TrouserCut(0.95, 0.78, (0.003, 0.007), (1.2, 0.5), details=_TAILORED),
    "jeans": TrouserCut(0.99, 0.74, (0.004, 0.012), (0.42, 0.08), details=_DENIM),
    "wide-leg trousers": TrouserCut(0.98, 0.94, (0.006, 0.014), (0.10, 0.0), (0.05, 0.12), (*_TAILORED[:3], "crease", "falling")),
    "cargo trousers": TrouserCut(0.97, 0.78, (0.012, 0.026), (0.16, 0.03), details=(*_TAILORED, "cargo pockets")),
    "joggers": TrouserCut(0.97, 0.80, (0.010, 0.024), (0.22, 0.05), details=("drawstring", "cuffs", "slant pockets")),
    "leggings": TrouserCut(0.96, 0.92, (0.0, 0.0012), (9.0, 9.0), details=("elastic",)),
    "shorts": TrouserCut(0.42, 0.78, (0.010, 0.024), (0.20, 0.04), (0.02, 0.06), _TAILORED),
    "denim shorts": TrouserCut(0.27, 0.76, (0.006, 0.014), (0.30, 0.06), (0.02, 0.06), (*_DENIM, "frayed")),
    "running shorts": TrouserCut(0.25, 0.80, (0.008, 0.018), (0.10, 0.0), (0.06, 0.16), ("drawstring", "side stripe")),
}  # fmt: skip


def trouser_edge(figure: Figure, sheet: Sheet, cut: TrouserCut) -> Tensor:
    """Return about how many metres [V] inside the edges a spot of the body's surface lies, negative outside."""
    top = waistband(figure, cut.rise) - sheet.position[:, 1] - 10 * sheet.values["armness"][:, 0]
    return torch.minimum(top, cut.length * leg_length(figure) - sheet.values["leg"][:, 0])


def make_trousers(figure: Figure, cut: TrouserCut, fabric: Fabric, looseness: float, obstacle: Obstacle, seed: int) -> Piece:
    """Cut, drape and flatten trousers: four panels, front and back of each leg."""
    sheet = cloth_from(figure, "torso", "upper_leg", "lower_leg", "foot", fine=False)
    edge = trouser_edge(figure, sheet, cut)
    sheet = clip(sheet.with_values(edge=edge[:, None]), edge)
    sheet, _ = split(sheet, sheet.values["start"][:, 0])
    depth = _side_depth(figure, sheet)
    sheet, _ = split(sheet.with_values(depth=depth[:, None]), depth)
    in_front = sheet.values["depth"][:, 0][sheet.faces].sum(1) > 0
    left = sheet.values["start"][:, 0][sheet.faces].sum(1) > 0
    panel = in_front.long() * 2 + left.long()
    guess = seen_from(sheet, in_front)
    sheet = _drape(figure, sheet, cut, looseness, obstacle)
    corner_uv = halved(flat_panels(sheet, panel, guess))
    sheet = _refined(figure, sheet, cut, looseness, obstacle, seed)
    return finish(sheet, panel.repeat(4), corner_uv, "clothes", _painter(figure, cut, fabric, looseness, seed), fabric.cover)


def waistband(figure: Figure, rise: float) -> float:
    """Return the height of a waistband in metres; rise 0 is the crotch, 1 the waist."""
    return figure.crotch + rise * (figure.waist - figure.crotch)


def leg_length(figure: Figure) -> float:
    """Return the metres from the hip to the ankle along the leg."""
    joints = [figure.joint(f"left_{name}") for name in ("hip", "knee", "ankle")]
    return float((joints[1] - joints[0]).norm() + (joints[2] - joints[1]).norm())


def _drape(figure: Figure, sheet: Sheet, cut: TrouserCut, looseness: float, obstacle: Obstacle) -> Sheet:
    ease, cling, spread = (_between(pair, looseness) for pair in (cut.ease, cut.cling, cut.spread))
    height, leg = sheet.position[:, 1], sheet.values["leg"][:, 0]
    at_waist = smoothstep(waistband(figure, cut.rise) - 0.12, waistband(figure, cut.rise), height)
    room = 0.004 + ease * (1 - 0.85 * at_waist)
    position = sheet.position + room[:, None] * sheet.values["normal"]
    hips = figure.on_parts("torso", "upper_leg") & (figure.sheet.position[:, 1] < figure.waist + 0.05)
    middle = float(figure.joint("pelvis")[2])
    seat = wrap_tube(
        figure.sheet.position[hips & (figure.sheet.position[:, 1] > figure.crotch - 0.12)],
        torch.tensor([0.0, figure.waist + 0.05, middle]),
        torch.tensor([0.0, figure.crotch - 0.10, middle]),
    )
    above = smoothstep(figure.crotch - 0.03, figure.crotch + 0.05, height)
    bridged = 0.95 if cling < 5 else 0.7
    position = fall_to(position, hang(bridge(seat, bridged), max(0.9, cling)), room, above)
    gathered = _gathered(figure, cut, leg)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        thigh = figure.on_parts("upper_leg", "lower_leg") & (figure.sheet.position[:, 0] * sign > 0)
        top, bottom = figure.joint(f"{side}_hip").clone(), figure.joint(f"{side}_ankle").clone()
        top[1] = figure.crotch
        points = figure.sheet.position[thigh & (figure.sheet.position[:, 1] < figure.crotch)]
        tube = hang(bridge(wrap_tube(points, top, bottom), 1.0 if cling < 5 else 0.5), cling)
        below = smoothstep(figure.crotch - 0.02, figure.crotch - 0.14, height) * (position[:, 0] * sign > 0)
        extra = room + spread * (figure.crotch - height).clamp_min(0)
        position = fall_to(position, tube, extra, below * (1 - gathered))
        # Trouser legs do not pass through each other.
        inner = (sheet.position[:, 0] * sign > 0.004) & (height < figure.crotch)
        position[inner, 0] = sign * (position[inner, 0] * sign).clamp_min(0.003)
    sheet = sheet.with_values(position=position, draped=position)
    return relax(sheet, obstacle, 0.004, 6, hung=position - sheet.values["start"])


def _refined(figure: Figure, sheet: Sheet, cut: TrouserCut, looseness: float, obstacle: Obstacle, seed: int) -> Sheet:
    """Make the draped sheet finer, give its hems back the width that relaxing took, and fold it."""
    tight = cut.cling[0] > 5
    sheet = relax(subdivide(sheet), obstacle, 0.003 if tight else 0.004, 1)
    to_hem = cut.length * leg_length(figure) - sheet.values["leg"][:, 0]
    wide = 0.0 if tight else 0.9 * smoothstep(0.12, 0.02, to_hem)[:, None]
    position = sheet.position + wide * (sheet.values["draped"] - sheet.position)
    position = position + _folds(figure, sheet, cut, looseness, to_hem, seed)[:, None] * sheet.values["normal"]
    position = obstacle.push_out(position, 0.003 if tight else 0.004)
    if not tight:
        # Shoes push a hem up here and out there; it lies in one line all the same.
        average = neighbour_mean(sheet.faces, len(position))
        for _ in range(3):
            position = torch.lerp(position, average(position), smoothstep(0.06, 0.02, to_hem)[:, None])
    kept = {name: value for name, value in sheet.values.items() if name != "draped"}
    return Sheet(sheet.faces, {**kept, "position": position, "normal": smooth_normals(position, sheet.faces, 1)})


def _folds(figure: Figure, sheet: Sheet, cut: TrouserCut, looseness: float, to_hem: Tensor, seed: int) -> Tensor:
    """Return folds [V] in metres: wide legs fall in upright ones, long legs bunch over the foot, elastic gathers."""
    start = sheet.values["start"]
    if "falling" in cut.details:
        turn = torch.atan2(start[:, 0].abs() - float(figure.joint("left_knee")[0]), sheet.values["depth"][:, 0])
        wave = torch.sin(4 * turn + 1.5 * noise(torch.stack([turn.cos() * 2, turn.sin() * 2, start[:, 0].sign()], 1), seed))
        outside = smoothstep(-0.06, 0.0, _beside_axis(figure, start))  # legs do not fold into each other
        return 0.022 * wave * outside * smoothstep(figure.crotch, figure.floor, start[:, 1])
    if "cuffs" in cut.details:
        return 0.006 * smoothstep(0.05, 0.08, to_hem) * smoothstep(0.24, 0.10, to_hem) * _rolls(start, to_hem, seed)
    if cut.length > 0.9 and cut.cling[0] < 1:
        return 0.004 * (0.4 + looseness) * smoothstep(0.20, 0.03, to_hem) * _rolls(start, to_hem, seed)
    return torch.zeros_like(to_hem)


def _rolls(start: Tensor, to_hem: Tensor, seed: int) -> Tensor:
    """Return folds [N] that run round the leg, -1..1, never quite level."""
    return torch.sin(to_hem * 110 + 3.5 * noise(start * 9, seed))


def _gathered(figure: Figure, cut: TrouserCut, leg: Tensor) -> Tensor:
    """Return how much [V] a cuff holds the leg, 0..1."""
    if "cuffs" not in cut.details:
        return torch.zeros_like(leg)
    end = cut.length * leg_length(figure)
    return smoothstep(end - 0.085, end - 0.05, leg)


def _painter(figure: Figure, cut: TrouserCut, fabric: Fabric, looseness: float, seed: int) -> Callable[[Spots], Paint]:
    middle = waistband(figure, cut.rise) - 0.5 * cut.length * leg_length(figure)

    def paint(spots: Spots) -> Paint:
        cloth = weave(fabric, spots.uv - torch.tensor([0.0, middle]), seed, spots.footprint)
        relief = _creases(figure, cut, spots, looseness, seed)
        relief = relief if cloth.relief is None else relief + cloth.relief
        sewn = _sewn(figure, cut, Paint(cloth.color, relief), spots, seed)
        edge = spots.values["edge"][:, 0]
        return sewn if {"frayed", "cuffs"} & {*cut.details} else stitched(sewn, edge)

    return paint


def _creases(figure: Figure, cut: TrouserCut, spots: Spots, looseness: float, seed: int) -> Tensor:
    """Return wrinkles [N] in metres where cloth is pushed together: in the crotch, behind and over the knees, at the ankles."""
    start, leg = spots.values["start"], spots.values["leg"][:, 0]
    height, x = start[:, 1], start[:, 0].abs()
    knee = ridge(height - float(figure.joint("left_knee")[1]), 0.08)
    crotch = ridge(height - figure.crotch - 0.01, 0.07) * smoothstep(0.12, 0.02, x)
    ankle = smoothstep(0.18, 0.02, cut.length * leg_length(figure) - leg) * (cut.length > 0.9)
    where = 0.10 + 0.5 * knee + 0.5 * crotch + 0.4 * ankle
    loose = 0.15 if cut.cling[0] > 5 else 0.5 + 0.5 * looseness
    return wrinkles(spots.uv, where * loose, 0.5 * (start[:, 0] / 0.05).tanh(), seed)


def _sewn(figure: Figure, cut: TrouserCut, paint: Paint, spots: Spots, seed: int) -> Paint:
    """Sew on what the cut's details name."""
    details, footprint = cut.details, spots.footprint
    front = (spots.panel >= 2).float()
    top, wide = waistband(figure, cut.rise), _hip_width(figure)
    ahead, behind = place_on(spots, front, y=top), place_on(spots, 1 - front, y=top)
    both, below = ahead.both_sides(), (ahead.y < -_BAND).float()
    thread = THREAD if "faded" in details else None
    if thread:
        paint = _faded(figure, paint, spots)
    if "crease" in details:
        paint = _pressed(figure, paint, spots)
    if "slant pockets" in details:
        paint = slit_pocket(paint, both.moved(0.60 * wide, -_BAND), 0.145, 0.33, thread)
    if "scoop pockets" in details:
        curve = torch.hypot(both.x - 0.90 * wide, 0.8 * (both.y + 0.030))
        shown = front * below * (both.x < 0.90 * wide)
        for offset, sewn_with in ((0.36 * wide, None), (0.36 * wide + 0.005, thread)):
            paint = seam(paint, curve - offset, shown, footprint, sewn_with)
    if "welt pockets" in details:
        welt = behind.both_sides().moved(0.47 * wide, -0.095)
        paint = seam(paint, torch.maximum(welt.x.abs() - 0.058, welt.y.abs() - 0.006), welt.where, footprint)
    if "yoke" in details:
        paint = seam(paint, behind.y + 0.062 + 0.03 * (1 - both.x / wide), behind.where, footprint, thread)
    if "patch pockets" in details:
        paint = patch_pocket(paint, behind.both_sides().moved(0.47 * wide, -0.115), 0.76 * wide, 0.145, thread=thread)
    if "cargo pockets" in details:
        outer = (_beside_axis(figure, spots.values["start"]) > 0.02).float()
        side = Place(spots.values["depth"][:, 0], spots.values["start"][:, 1] - figure.crotch + 0.12, outer, footprint)
        paint = patch_pocket(paint, side, 0.15, 0.19, flap=0.055, point=0.0)
    if "side stripe" in details:
        outer = (_beside_axis(figure, spots.values["start"]) > 0.02) & (ahead.y < -_BAND)
        white = line(spots.values["depth"][:, 0], 0.011, footprint) * outer
        paint = Paint(over(paint.color, torch.tensor([0.95, 0.95, 0.94]), white), paint.relief)
    paint = _waist(paint, ahead, both, cut, thread)
    edge, on_leg = spots.values["edge"][:, 0], spots.values["leg"][:, 0] > 0.5 * cut.length * leg_length(figure)
    if "cuffs" in details:
        paint = ribbed(paint, spots.uv[:, 0], torch.where(on_leg, edge, 1.0), 0.055, footprint)
    return _frayed(paint, spots, torch.where(on_leg, edge, 1.0), seed) if "frayed" in details else paint


def _waist(paint: Paint, ahead: Place, both: Place, cut: TrouserCut, thread: Color | None) -> Paint:
    """Sew the waistband: with fly, button and belt loops, or with elastic and a drawstring."""
    everywhere, footprint = torch.ones_like(ahead.x), ahead.footprint
    elastic = "drawstring" in cut.details or "elastic" in cut.details
    if elastic:
        paint = ribbed(paint, ahead.x, -ahead.y, _BAND, footprint)
    paint = seam(paint, ahead.y + _BAND, everywhere, footprint)
    if "drawstring" in cut.details:
        return drawstrings(paint, ahead.moved(y=-0.5 * _BAND), 0.15, 0.030)
    if "fly" not in cut.details:
        return paint
    below = ahead.where * (ahead.y < -_BAND)
    paint = seam(paint, both.x - 0.001, below, footprint)
    curved = torch.where(ahead.y > -0.145, ahead.x - 0.030, torch.hypot(ahead.x, ahead.y + 0.145) - 0.030)
    paint = seam(paint, curved, below * (ahead.x > 0) * (ahead.y > -0.18), footprint, thread)
    if "loops" in cut.details:
        paint = belt_loops(paint, Place(ahead.x, ahead.y + 0.5 * _BAND, everywhere, footprint), 0.13)
    return button(paint, ahead.moved(y=-0.5 * _BAND), 0.0085, BRASS if thread else METAL)


def _faded(figure: Figure, paint: Paint, spots: Spots) -> Paint:
    """Wash denim out where it is worn: over the thighs and the seat."""
    start = spots.values["start"]
    knee = float(figure.joint("left_knee")[1])
    axis = torch.lerp(figure.joint("left_hip")[0], figure.joint("left_knee")[0], 0.5)
    worn = ridge(start[:, 0].abs() - axis, 0.055) * ridge(start[:, 1] - 0.45 * knee - 0.55 * figure.crotch, 0.20)
    return Paint(over(paint.color, torch.tensor([0.84, 0.87, 0.90]), 0.20 * worn), paint.relief)


def _pressed(figure: Figure, paint: Paint, spots: Spots) -> Paint:
    """Press a crease down the middle of each leg, in front and behind."""
    start = spots.values["start"]
    across = _beside_axis(figure, start)
    shown = smoothstep(figure.crotch + 0.05, figure.crotch - 0.10, start[:, 1])
    fold = line(across, 0.0022, spots.footprint) * shown
    shade = 0.05 * shown * torch.tanh(across / 0.02) * (-((across / 0.045) ** 2)).exp()
    return Paint(paint.color * (1 - 0.16 * fold + shade)[:, None], paint.relief + 0.002 * fold)


def _frayed(paint: Paint, spots: Spots, edge: Tensor, seed: int) -> Paint:
    """Unravel a cut hem into pale threads."""
    ragged = 0.016 + 0.007 * noise(spots.uv * 300, seed + 7) + 0.006 * noise(spots.uv * 70, seed + 8)
    threads = 0.75 * smoothstep(0.004, -0.004, edge - ragged)
    return Paint(over(paint.color, torch.tensor([0.88, 0.89, 0.90]), threads), paint.relief)


def _beside_axis(figure: Figure, start: Tensor) -> Tensor:
    """Return how far [N] to the outside of its leg's axis, from hip to ankle, each spot lies."""
    hip, ankle = figure.joint("left_hip"), figure.joint("left_ankle")
    down = ((hip[1] - start[:, 1]) / (hip[1] - ankle[1])).clamp(0, 1)
    return start[:, 0].abs() - torch.lerp(hip[0], ankle[0], down)


def _hip_width(figure: Figure) -> float:
    """Return half the width of the hips in metres."""
    at_hips = figure.on_parts("torso", "upper_leg") & ((figure.sheet.position[:, 1] - figure.crotch - 0.06).abs() < 0.04)
    return float(figure.sheet.position[at_hips, 0].max())


def _side_depth(figure: Figure, sheet: Sheet) -> Tensor:
    """Return how far [V] in front of the side seams each vertex lies: from the hips' side down to the ankle's."""
    hip, ankle = figure.joint("left_hip"), figure.joint("left_ankle")
    amount = ((hip[1] - sheet.values["start"][:, 1]) / (hip[1] - ankle[1])).clamp(0, 1)
    return sheet.values["start"][:, 2] - torch.lerp(hip[2], ankle[2], amount)


def _between(pair: tuple[float, float], share: float) -> float:
    return pair[0] + share * (pair[1] - pair[0])
