"""Upper garments: cut from the surface of torso and arms, hung from chest and shoulders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure
from .collars import shirt_collar
from .draping import Obstacle, bridge, fall_to, hang, relax, wrap_tube
from .fabrics import Fabric, weave
from .noise import ridge, smoothstep
from .pieces import Paint, Piece, Spots, joined
from .sheets import Sheet, clip, split
from .tailoring import ball, cloth_from, finish, flat_panels, seen_from, stitched, wrinkles

_SHOULDER_DROP = 0.10  # metres from the top of the sleeve down to the armpit's height
_FRONT, _BACK, _LEFT_SLEEVE, _RIGHT_SLEEVE, _COLLAR = range(5)


@dataclass(frozen=True)
class UpperCut:
    """The pattern of an upper garment.

    sleeve:   length as a share of the arm to the wrist; 0 is sleeveless
    neck:     "crew", "v", "scoop" or "collar"
    length:   height of the hem between crotch (0) and waist (1)
    ease:     metres between body and cloth when fitted, and when loose
    """

    sleeve: float
    neck: str
    length: float
    ease: tuple[float, float]


UPPER_CUTS = {
    "tank": UpperCut(0.0, "scoop", 0.35, (0.004, 0.016)),
    "t-shirt": UpperCut(0.30, "crew", 0.28, (0.006, 0.024)),
    "v-neck": UpperCut(0.26, "v", 0.30, (0.005, 0.020)),
    "long sleeve": UpperCut(0.97, "crew", 0.28, (0.006, 0.022)),
    "shirt": UpperCut(0.97, "collar", 0.20, (0.008, 0.026)),
    "sweater": UpperCut(0.98, "crew", 0.34, (0.012, 0.030)),
}


@dataclass(frozen=True)
class UpperGarment:
    """An upper garment to be made.

    cut: a name in UPPER_CUTS
    looseness: 0 fitted .. 1 loose
    """

    cut: str
    fabric: Fabric
    looseness: float = 0.5


def upper_hem(figure: Figure, cut: UpperCut) -> float:
    """Return the height of the hem in metres."""
    return figure.crotch + cut.length * (figure.waist - figure.crotch)


def upper_edge(figure: Figure, sheet: Sheet, cut: UpperCut) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    point = sheet.position
    arm, armness = sheet.values["arm"][:, 0], sheet.values["armness"][:, 0]
    edge = point[:, 1] - upper_hem(figure, cut) + 10 * armness
    edge = torch.minimum(edge, _neckline(figure, point, cut.neck))
    if cut.sleeve:
        return torch.minimum(edge, cut.sleeve * _arm_length(figure) - arm)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = figure.joint(f"{side}_shoulder") + torch.tensor([sign * 0.035, -0.02, 0.0])
        hole = ball(point, centre, (0.085, 0.115, 0.12))
        edge = torch.minimum(edge, torch.minimum(hole, 0.2 * (0.35 - armness)))
    return edge


def make_upper(figure: Figure, garment: UpperGarment, obstacle: Obstacle, seed: int) -> Piece:
    """Cut, drape and flatten an upper garment.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in UPPER_CUTS:
        raise ValueError(f"There is no upper garment '{garment.cut}'; use one of {', '.join(UPPER_CUTS)}.")
    cut = UPPER_CUTS[garment.cut]
    sheet = cloth_from(figure, "torso", "neck", "upper_arm", "lower_arm", "upper_leg")
    edge = upper_edge(figure, sheet, cut)
    sheet = clip(sheet.with_values(edge=edge[:, None]), edge)
    sheet = _mark_seams(figure, sheet)
    panel, guess, opened = _panels(figure, sheet)
    sheet = _drape(figure, sheet, cut, garment.looseness, obstacle)
    corner_uv = flat_panels(sheet, panel, guess, opened)
    piece = finish(sheet, panel, corner_uv, "clothes", _painter(figure, garment, cut, seed), garment.fabric.cover)
    if cut.neck != "collar":
        return piece
    collar, flat = shirt_collar(sheet, obstacle.joined(sheet.position, sheet.values["normal"]))
    return joined(piece, finish(collar, torch.full((len(flat),), _COLLAR), flat, "clothes", piece.paint, piece.cover))


def _neckline(figure: Figure, point: Tensor, neck: str) -> Tensor:
    """Return the distance [V] outside the neck opening: an ellipsoid round the foot of the neck, lower in front."""
    low, high = _neck_ring(figure)
    half = (high - low) / 2
    wider, lower = {"crew": (0.0, 0.0), "v": (0.002, 0.0), "scoop": (0.024, 0.014), "collar": (-0.006, -0.006)}[neck]
    centre = (low + high) / 2 + torch.tensor([0.0, 0.010 - lower, 0.010])
    edge = ball(point, centre, (float(half[0]) + 0.011 + wider, 0.055 + wider, float(half[2]) + 0.020 + wider))
    # What is above the opening, the neck itself, is outside as well.
    edge = torch.minimum(edge, centre[1] + 0.022 - point[:, 1])
    if neck == "v":
        tip = centre[1] - 0.150
        wedge = (point[:, 0].abs() - 0.62 * (point[:, 1] - tip)) * 0.85
        edge = torch.where(point[:, 2] > centre[2], torch.minimum(edge, wedge), edge)
    return edge


def _neck_ring(figure: Figure) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest coordinates [3] of the line where the neck meets the torso."""
    neck, torso = figure.on_parts("neck")[figure.sheet.faces], figure.on_parts("torso")[figure.sheet.faces]
    between = figure.sheet.faces[neck.any(1) & torso.any(1)]
    points = figure.sheet.position[torch.unique(between)]
    return points.amin(0), points.amax(0)


def _arm_length(figure: Figure) -> float:
    joints = [figure.joint(f"left_{name}") for name in ("shoulder", "elbow", "wrist")]
    return float((joints[1] - joints[0]).norm() + (joints[2] - joints[1]).norm())


def _arm_axis_depth(figure: Figure, sheet: Sheet) -> Tensor:
    """Return how far [V] each vertex lies in front of the axis of the arm."""
    shoulder, elbow, wrist = (figure.joint(f"left_{name}") for name in ("shoulder", "elbow", "wrist"))
    upper = float((elbow - shoulder).norm())
    arm = sheet.values["arm"][:, 0].clamp_min(0)
    first = (arm / upper).clamp(0, 1)
    second = ((arm - upper) / float((wrist - elbow).norm())).clamp(0, 1)
    axis = shoulder[2] + first * (elbow[2] - shoulder[2]) + second * (wrist[2] - elbow[2])
    return sheet.values["start"][:, 2] - axis


def _mark_seams(figure: Figure, sheet: Sheet) -> Sheet:
    """Cut the side, shoulder and sleeve seams into the triangulation, so that panels end on clean lines."""
    sheet, _ = split(sheet, sheet.values["armness"][:, 0] - 0.5)
    depth = _side_depth(figure, sheet)
    sheet, _ = split(sheet.with_values(depth=depth[:, None]), depth)
    return sheet


def _side_depth(figure: Figure, sheet: Sheet) -> Tensor:
    """Return how far [V] in front of the side seam, or of the sleeve's seam, each vertex lies."""
    shoulder = float(figure.joint("left_shoulder")[2])
    torso = sheet.values["start"][:, 2] - shoulder
    amount = smoothstep(0.15, 0.85, sheet.values["armness"][:, 0])
    return torch.lerp(torso, _arm_axis_depth(figure, sheet), amount)


def _panels(figure: Figure, sheet: Sheet) -> tuple[Tensor, Tensor, Tensor]:
    """Return the panel of each face [F], a guess of its flat corners [F, 3, 2], and corners beyond a sleeve's cut [F, 3]."""
    faces = sheet.faces
    depth = sheet.values["depth"][:, 0]
    in_front = depth[faces].sum(1) > 0
    on_arm = sheet.values["armness"][:, 0][faces].mean(1) > 0.5
    left = sheet.position[:, 0][faces].mean(1) > 0
    panel = torch.where(on_arm, torch.where(left, _LEFT_SLEEVE, _RIGHT_SLEEVE), torch.where(in_front, _FRONT, _BACK))
    guess = seen_from(sheet, in_front)
    sleeve, below = _sleeve_guess(figure, sheet, depth, in_front)
    guess = torch.where(on_arm[:, None, None], sleeve, guess)
    on_seam = (depth.abs() < 1e-6)[faces] & below
    return panel, guess, on_seam & (on_arm & in_front)[:, None]


def _sleeve_guess(figure: Figure, sheet: Sheet, depth: Tensor, in_front: Tensor) -> tuple[Tensor, Tensor]:
    """Unroll sleeves as tubes that are cut open below: flat corners [F, 3, 2], and which corners lie below the arm [F, 3]."""
    direction = torch.nn.functional.normalize(figure.joint("left_elbow") - figure.joint("left_shoulder"), dim=0)
    upwards = torch.tensor([-direction[1], direction[0]])  # in the plane of x and y, across the arm
    point = sheet.values["start"]
    mirrored = torch.stack([point[:, 0].abs(), point[:, 1]], 1)
    height = (mirrored - figure.joint("left_shoulder")[:2]) @ upwards
    height = (height[sheet.faces]).clamp(-0.3, 0.3)
    ahead = depth[sheet.faces]
    # On a seam the angle is exactly 0 or pi; its sign is the face's.
    ahead = torch.where(in_front[:, None], ahead.clamp_min(1e-7), ahead.clamp_max(-1e-7))
    angle = torch.atan2(ahead, height)
    side = torch.where(point[:, 0] > 0, 1.0, -1.0)[sheet.faces]
    flat = torch.stack([-angle * 0.05 * side, -sheet.values["arm"][:, 0][sheet.faces]], -1)
    return flat, height < 0


def _drape(figure: Figure, sheet: Sheet, cut: UpperCut, looseness: float, obstacle: Obstacle) -> Sheet:
    ease = cut.ease[0] + looseness * (cut.ease[1] - cut.ease[0])
    armness = sheet.values["armness"][:, 0]
    # Cloth rests on the shoulders; its ease is below them and towards the end of the sleeves.
    below = smoothstep(figure.armpit + 0.12, figure.armpit, sheet.position[:, 1])
    down_sleeve = smoothstep(0.02, 0.20, sheet.values["arm"][:, 0])
    room = 0.004 + ease * torch.maximum(0.12 + 0.88 * below * (armness < 0.3), (0.12 + 0.9 * down_sleeve) * (armness > 0))
    position = sheet.position + room[:, None] * sheet.values["normal"]
    torso = figure.on_parts("torso", "upper_leg") & (figure.sheet.values["leg"][:, 0] < 0.3)
    middle = figure.sheet.position[figure.on_parts("torso")][:, 2].mean()
    top = torch.tensor([0.0, figure.armpit + 0.08, float(middle)])
    bottom = torch.tensor([0.0, float(sheet.position[:, 1].min()) - 0.03, float(middle)])
    body = wrap_tube(figure.sheet.position[torso & (figure.sheet.position[:, 1] < float(top[1]) + 0.02)], top, bottom)
    tube = hang(bridge(body), slope=0.55 - 0.45 * looseness)
    amount = smoothstep(figure.armpit + 0.06, figure.armpit - 0.06, position[:, 1]) * smoothstep(0.25, 0.05, armness)
    position = fall_to(position, tube, torch.full((len(position),), ease + 0.003), amount)
    return relax(sheet.with_values(position=position), obstacle, 0.004, 16, hung=position - sheet.position)


def _painter(figure: Figure, garment: UpperGarment, cut: UpperCut, seed: int) -> Callable[[Spots], Paint]:
    def paint(spots: Spots) -> Paint:
        # Patterns are counted from the armpits' height, and on sleeves from as far below the shoulder.
        on_sleeve = (spots.panel == _LEFT_SLEEVE) | (spots.panel == _RIGHT_SLEEVE)
        origin = torch.where(on_sleeve, -_SHOULDER_DROP, figure.armpit)
        cloth = weave(garment.fabric, torch.stack([spots.uv[:, 0], spots.uv[:, 1] - origin], 1), seed)
        relief = _folds(figure, garment, cut, spots, seed)
        relief = relief if cloth.relief is None else relief + cloth.relief
        edge = spots.values["edge"][:, 0]
        if garment.cut == "sweater":
            return Paint(cloth.color * _ribbing(spots.uv[:, 0], edge)[:, None], relief)
        paint = stitched(Paint(cloth.color, relief), edge)
        return _buttoned(spots, paint) if cut.neck == "collar" else paint

    return paint


def _folds(figure: Figure, garment: UpperGarment, cut: UpperCut, spots: Spots, seed: int) -> Tensor:
    """Wrinkles where cloth is pushed together: in the elbow, at the waist, below the arm."""
    point, arm = spots.values["start"], spots.values["arm"][:, 0]
    height, on_body = point[:, 1], arm < 0.02
    elbow = ridge(arm - 0.50 * _arm_length(figure), 0.07) * (cut.sleeve > 0.6)
    side = smoothstep(0.03, 0.13, point[:, 0].abs())
    waist = ridge(height - figure.waist, 0.09) * side * on_body
    armpit = ridge(height - figure.armpit + 0.02, 0.06) * smoothstep(0.07, 0.14, point[:, 0].abs()) * (arm < 0.1)
    where = 0.03 + 0.6 * elbow + 0.34 * waist + 0.34 * armpit
    return wrinkles(spots.uv, where * (0.5 + 0.6 * garment.looseness), 0.8 * (point[:, 0] / 0.05).tanh(), seed)


def _ribbing(across: Tensor, edge: Tensor) -> Tensor:
    """Return the brightness [N] of knitted cuffs: fine upright ribs on the last five centimetres."""
    rib = 0.90 + 0.10 * torch.sin(across * (2 * math.pi / 0.0085))
    on_cuff = smoothstep(0.052, 0.048, edge)
    return (1 - on_cuff * (1 - rib)) * (1 - 0.22 * ridge(edge - 0.05, 0.0014))


def _buttoned(spots: Spots, paint: Paint) -> Paint:
    """Sew a placket with buttons down the front, every nine centimetres."""
    x, y = spots.values["start"][:, 0], spots.values["start"][:, 1]
    front = (spots.panel == _FRONT) & (spots.values["arm"][:, 0] < 0)
    line = ridge(x.abs() - 0.016, 0.0010) * front
    drop = (y / 0.09 - (y / 0.09).round()) * 0.09
    radius = torch.hypot(x, drop)
    disc = smoothstep(0.0062, 0.0055, radius) * front
    rim = ridge(radius - 0.0060, 0.0010) * front
    holes = smoothstep(0.0012, 0.0008, torch.hypot(x.abs() - 0.0016, drop)) * front
    pearl = torch.tensor([0.93, 0.91, 0.87]) if float(paint.color.mean()) < 0.6 else torch.tensor([0.42, 0.36, 0.31])
    color = paint.color * (1 - 0.30 * line - 0.30 * rim)[:, None]
    color = torch.lerp(color, pearl.expand_as(color), disc[:, None]) * (1 - 0.6 * holes)[:, None]
    return Paint(color, paint.relief - 0.0008 * line + 0.0015 * disc)
