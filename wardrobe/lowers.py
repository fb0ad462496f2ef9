"""Lower garments: trousers and shorts cut from the surface of hips and legs, skirts turned on a lathe round them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX
from .anatomy import Figure
from .draping import Obstacle, Tube, bridge, fall_to, hang, relax, wrap_tube
from .fabrics import Fabric, weave
from .noise import noise, ridge, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet, clip, split
from .tailoring import cloth_from, finish, flat_panels, ring_faces, seen_from, stitched, wrinkles


@dataclass(frozen=True)
class LowerCut:
    """The pattern of a lower garment.

    length: of the leg, as a share of the way from hip to ankle
    rise:   height of the waistband between crotch (0) and waist (1)
    ease:   metres between body and cloth when fitted, and when loose
    flare:  of a skirt, metres outwards a metre down, fitted and loose; None for trousers
    """

    length: float
    rise: float
    ease: tuple[float, float]
    flare: tuple[float, float] | None = None


LOWER_CUTS = {
    "trousers": LowerCut(0.99, 0.80, (0.006, 0.020)),
    "jeans": LowerCut(0.98, 0.74, (0.004, 0.014)),
    "shorts": LowerCut(0.42, 0.78, (0.010, 0.024)),
    "skirt": LowerCut(0.50, 0.92, (0.006, 0.010), (0.02, 0.45)),
    "long skirt": LowerCut(0.86, 0.92, (0.006, 0.010), (0.06, 0.30)),
}

_COLUMNS, _ROWS = 96, 44


@dataclass(frozen=True)
class LowerGarment:
    """A lower garment to be made.

    cut: a name in LOWER_CUTS
    looseness: 0 fitted .. 1 loose
    """

    cut: str
    fabric: Fabric
    looseness: float = 0.5


def lower_edge(figure: Figure, sheet: Sheet, cut: LowerCut) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    top = _waistband(figure, cut) - sheet.position[:, 1] - 10 * sheet.values["armness"][:, 0]
    if cut.flare:
        return torch.minimum(top, sheet.position[:, 1] - _hem_height(figure, cut))
    return torch.minimum(top, cut.length * _leg_length(figure) - sheet.values["leg"][:, 0])


def make_lower(figure: Figure, garment: LowerGarment, obstacle: Obstacle, seed: int) -> Piece:
    """Cut, drape and flatten a lower garment.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in LOWER_CUTS:
        raise ValueError(f"There is no lower garment '{garment.cut}'; use one of {', '.join(LOWER_CUTS)}.")
    cut = LOWER_CUTS[garment.cut]
    if cut.flare:
        return _make_skirt(figure, garment, cut, obstacle, seed)
    return _make_trousers(figure, garment, cut, obstacle, seed)


def _make_trousers(figure: Figure, garment: LowerGarment, cut: LowerCut, obstacle: Obstacle, seed: int) -> Piece:
    sheet = cloth_from(figure, "torso", "upper_leg", "lower_leg", "foot")
    edge = lower_edge(figure, sheet, cut)
    sheet = clip(sheet.with_values(edge=edge[:, None]), edge)
    sheet, _ = split(sheet, sheet.values["start"][:, 0])
    sheet, _ = split(sheet, _side_depth(figure, sheet))
    in_front = _side_depth(figure, sheet)[sheet.faces].sum(1) > 0
    left = sheet.values["start"][:, 0][sheet.faces].sum(1) > 0
    panel = in_front.long() * 2 + left.long()
    guess = seen_from(sheet, in_front)
    sheet = _drape_trousers(figure, sheet, cut, garment.looseness, obstacle)
    corner_uv = flat_panels(sheet, panel, guess)
    return finish(sheet, panel, corner_uv, "clothes", _trouser_painter(figure, garment, cut, seed), garment.fabric.cover)


def _drape_trousers(figure: Figure, sheet: Sheet, cut: LowerCut, looseness: float, obstacle: Obstacle) -> Sheet:
    ease = cut.ease[0] + looseness * (cut.ease[1] - cut.ease[0])
    height = sheet.position[:, 1]
    waistband = smoothstep(_waistband(figure, cut) - 0.12, _waistband(figure, cut), height)
    room = 0.004 + ease * (1 - 0.85 * waistband)
    position = sheet.position + room[:, None] * sheet.values["normal"]
    hips = figure.on_parts("torso", "upper_leg") & (figure.sheet.position[:, 1] < figure.waist + 0.05)
    middle = float(figure.joint("pelvis")[2])
    seat = wrap_tube(
        figure.sheet.position[hips & (figure.sheet.position[:, 1] > figure.crotch - 0.12)],
        torch.tensor([0.0, figure.waist + 0.05, middle]),
        torch.tensor([0.0, figure.crotch - 0.10, middle]),
    )
    above = smoothstep(figure.crotch - 0.03, figure.crotch + 0.05, height)
    position = fall_to(position, hang(bridge(seat, 0.95), 0.9), room, above)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        leg = figure.on_parts("upper_leg", "lower_leg") & (figure.sheet.position[:, 0] * sign > 0)
        top, bottom = figure.joint(f"{side}_hip").clone(), figure.joint(f"{side}_ankle").clone()
        top[1] = figure.crotch
        points = figure.sheet.position[leg & (figure.sheet.position[:, 1] < figure.crotch)]
        tube = hang(bridge(wrap_tube(points, top, bottom)), 0.42 - 0.36 * looseness)
        below = smoothstep(figure.crotch - 0.02, figure.crotch - 0.14, height) * (position[:, 0] * sign > 0)
        position = fall_to(position, tube, room, below)
        # Trouser legs do not pass through each other.
        inner = (sheet.position[:, 0] * sign > 0.004) & (height < figure.crotch)
        position[inner, 0] = sign * (position[inner, 0] * sign).clamp_min(0.003)
    return relax(sheet.with_values(position=position), obstacle, 0.004, 16, hung=position - sheet.position)


def _trouser_painter(figure: Figure, garment: LowerGarment, cut: LowerCut, seed: int) -> Callable[[Spots], Paint]:
    def paint(spots: Spots) -> Paint:
        cloth = weave(garment.fabric, spots.uv, seed)
        start = spots.values["start"]
        leg, height, x = spots.values["leg"][:, 0], start[:, 1], start[:, 0].abs()
        knee = ridge(height - float(figure.joint("left_knee")[1]), 0.08)
        crotch = ridge(height - figure.crotch - 0.01, 0.07) * smoothstep(0.12, 0.02, x)
        ankle = smoothstep(0.18, 0.02, cut.length * _leg_length(figure) - leg) * (cut.length > 0.9)
        where = 0.10 + 0.5 * knee + 0.5 * crotch + 0.4 * ankle
        relief = wrinkles(spots.uv, where * (0.5 + 0.5 * garment.looseness), 0.5 * (start[:, 0] / 0.05).tanh(), seed)
        relief = relief if cloth.relief is None else relief + cloth.relief
        color, more = _trouser_details(figure, garment, cut, spots, cloth.color)
        return stitched(Paint(color, relief + more), spots.values["edge"][:, 0])

    return paint


def _trouser_details(figure: Figure, garment: LowerGarment, cut: LowerCut, spots: Spots, color: Tensor) -> tuple[Tensor, Tensor]:
    """Sew on a waistband, a fly and pockets: colours [N, 3] and relief [N]."""
    start = spots.values["start"]
    below = _waistband(figure, cut) - start[:, 1]
    x = start[:, 0].abs()
    front = spots.panel >= 2
    band = ridge(below - 0.036, 0.0012)
    fly = ridge(x - 0.002, 0.0012) * front * (below > 0.036) * (start[:, 1] > figure.crotch)
    curve = torch.hypot(x - 0.150, (below - 0.030) * 0.8)
    pocket = ridge(curve - 0.062, 0.0013) * front * (below > 0.036) * (x < 0.15)
    patch_x, patch_y = (x - 0.078).abs() - 0.058, (below - 0.145).abs() - 0.062
    outline = torch.maximum(patch_x, patch_y)
    back_pocket = ridge(outline, 0.0013) * ~front * (garment.cut == "jeans")
    lines = torch.stack([band, fly, pocket, back_pocket]).amax(0)
    thread = torch.tensor([0.72, 0.50, 0.26]) if garment.cut == "jeans" else None
    dark = color * (1 - 0.42 * lines)[:, None]
    if thread is not None:
        twin = ridge(curve - 0.0665, 0.0009) * front * (below > 0.036) * (x < 0.15)
        inner = ridge(outline + 0.006, 0.0009) * ~front
        dark = torch.lerp(dark, thread.expand_as(dark), (0.7 * torch.maximum(twin, inner))[:, None])
    button = smoothstep(0.0085, 0.0075, torch.hypot(start[:, 0], below - 0.018)) * front
    metal = torch.tensor([0.62, 0.55, 0.42])
    return torch.lerp(dark, metal.expand_as(dark), button[:, None]), -0.001 * lines + 0.002 * button


def _make_skirt(figure: Figure, garment: LowerGarment, cut: LowerCut, obstacle: Obstacle, seed: int) -> Piece:
    sheet = _turn_skirt(figure, garment, cut, seed)
    panel = (sheet.values["start"][:, 2] > 0)[sheet.faces].float().mean(1).round().long()
    column = torch.arange(_COLUMNS).repeat(_ROWS)
    angle = (column * 2 * math.pi / _COLUMNS)[sheet.faces]
    in_front = panel == 1
    angle = torch.where((angle > math.pi) & in_front[:, None], angle - 2 * math.pi, angle)
    angle = torch.where(in_front[:, None], angle, torch.where(angle < 0.5 * math.pi - 1e-4, angle + 2 * math.pi, angle) - math.pi)
    guess = torch.stack([angle * 0.18, sheet.position[:, 1][sheet.faces]], -1)
    sheet = relax(sheet, obstacle, 0.006, rounds=2)
    corner_uv = flat_panels(sheet, panel, guess)

    def paint(spots: Spots) -> Paint:
        cloth = weave(garment.fabric, spots.uv, seed)
        band = ridge(spots.values["edge"][:, 0] - 0.034, 0.0012) * (spots.values["start"][:, 1] > figure.crotch)
        return stitched(Paint(cloth.color * (1 - 0.35 * band)[:, None], cloth.relief), spots.values["edge"][:, 0])

    return finish(sheet, panel, corner_uv, "clothes", paint, garment.fabric.cover)


def _turn_skirt(figure: Figure, garment: LowerGarment, cut: LowerCut, seed: int) -> Sheet:
    """Lay rings of vertices from the waist to the hem, falling from the hips in folds."""
    top_height, bottom_height = _waistband(figure, cut), _hem_height(figure, cut)
    middle = float(figure.joint("pelvis")[2])
    parts = figure.on_parts("torso", "upper_leg", "lower_leg")
    points = figure.sheet.position[parts & (figure.sheet.position[:, 1] < top_height + 0.03)]
    axis = torch.tensor([0.0, top_height, middle]), torch.tensor([0.0, bottom_height, middle])
    flare = cut.flare[0] + garment.looseness * (cut.flare[1] - cut.flare[0])
    tube: Tube = hang(bridge(wrap_tube(points, *axis)), slope=0.12 * (1 - garment.looseness))
    angle = (torch.arange(_COLUMNS) * (2 * math.pi / _COLUMNS)).repeat(_ROWS)
    down = torch.linspace(0, 1, _ROWS).repeat_interleave(_COLUMNS)
    height = top_height + down * (bottom_height - top_height)
    fallen = (top_height - height - 0.10).clamp_min(0)
    ring = torch.stack([angle.sin() * 2.2, angle.cos() * 2.2, down * 0.7], 1)
    folds = torch.sin(angle * 9 + 3 * noise(ring, seed)) * (0.6 + 0.4 * noise(ring * 1.7, seed + 1))
    ease = cut.ease[0] + garment.looseness * (cut.ease[1] - cut.ease[0])
    radius = tube.radius_at(angle, height) + ease + flare * fallen + folds * fallen * (0.02 + 0.16 * flare)
    position = tube.place(angle, height, radius)
    faces = ring_faces(_ROWS, _COLUMNS)
    side = smoothstep(-0.09, 0.09, position[:, 0])
    leg_share = 0.75 * smoothstep(figure.crotch + 0.10, figure.crotch - 0.18, height)
    skinning = torch.zeros(len(position), len(JOINT_INDEX))
    skinning[:, JOINT_INDEX["pelvis"]] = 1 - leg_share
    skinning[:, JOINT_INDEX["left_hip"]] = leg_share * side
    skinning[:, JOINT_INDEX["right_hip"]] = leg_share * (1 - side)
    edge = torch.minimum(height - bottom_height, top_height - height)
    start = torch.stack([angle.sin(), height, angle.cos()], 1)  # the lathe's own coordinates: x and z tell the side
    values = {"position": position, "start": start, "edge": edge[:, None], "skinning": skinning}
    return Sheet(faces, values)


def _waistband(figure: Figure, cut: LowerCut) -> float:
    return figure.crotch + cut.rise * (figure.waist - figure.crotch)


def _leg_length(figure: Figure) -> float:
    joints = [figure.joint(f"left_{name}") for name in ("hip", "knee", "ankle")]
    return float((joints[1] - joints[0]).norm() + (joints[2] - joints[1]).norm())


def _hem_height(figure: Figure, cut: LowerCut) -> float:
    hip, ankle = float(figure.joint("left_hip")[1]), float(figure.joint("left_ankle")[1])
    return hip + cut.length * (ankle - hip)


def _side_depth(figure: Figure, sheet: Sheet) -> Tensor:
    """Return how far [V] in front of the side seams each vertex lies: from the hips' side down to the ankle's."""
    hip, ankle = figure.joint("left_hip"), figure.joint("left_ankle")
    amount = ((hip[1] - sheet.values["start"][:, 1]) / (hip[1] - ankle[1])).clamp(0, 1)
    return sheet.values["start"][:, 2] - torch.lerp(hip[2], ankle[2], amount)
