"""What hangs from the shoulders: cutting torso and sleeves from the body's surface, and lengthening them below the hips."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure
from .hanging import hip_line, lengthen
from .noise import ridge, smoothstep
from .sheets import Sheet, clip, split
from .tailoring import ball, cloth_from, seen_from

FRONT, BACK, LEFT_SLEEVE, RIGHT_SLEEVE = range(4)
# Neck openings: metres wider and lower than a crew neck, and how deep its V reaches below, 0 for none.
NECKS = {
    "crew": (0.0, 0.0, 0.0),
    "close": (-0.006, -0.006, 0.0),
    "high": (-0.010, -0.012, 0.0),
    "wide": (0.012, 0.006, 0.0),
    "scoop": (0.020, 0.045, 0.0),
    "v": (0.002, 0.0, 0.150),
    "deep v": (0.006, 0.0, 0.215),
    "straps": (0.0, 0.0, 0.0),
}
STRAP_PLACE = 0.080  # metres from the middle to a shoulder strap
_SHOULDER = 0.034  # metres of cloth that a sleeveless garment has at least on each shoulder


@dataclass(frozen=True)
class Cut:
    """The pattern of a garment that hangs from the shoulders.

    sleeve:  length as a share of the arm to the wrist; 0 is sleeveless
    neck:    a name in NECKS
    length:  height of the hem: 1 at the waist, 0 at the crotch, -1 at the ankles
    ease:    metres between body and cloth when fitted, and when loose
    shape:   of the sleeves: "straight", "puffed", "flared" or "cuffed"
    collar:  "", or what is sewn to the neck: "shirt", "polo", "turtle", "band", "hood" or "lapels"
    details: what else is sewn on, see `trimmings`
    slope:   metres that cloth comes back in a metre below what it hangs from, fitted and loose
    flare:   metres that cloth goes outwards a metre below the waist, fitted and loose
    gap:     half the width of an open front in metres at the hem; 0 for what does not open
    reach:   metres below the neck where lapels or an open collar meet in front
    """

    sleeve: float
    neck: str
    length: float
    ease: tuple[float, float]
    shape: str = "straight"
    collar: str = ""
    details: tuple[str, ...] = ()
    slope: tuple[float, float] = (0.55, 0.10)
    flare: tuple[float, float] = (0.0, 0.0)
    gap: float = 0.0
    reach: float = 0.0


def hem_height(figure: Figure, cut: Cut) -> float:
    """Return the height of the hem in metres."""
    ankle = float(figure.joint("left_ankle")[1])
    span = figure.waist - figure.crotch if cut.length > 0 else figure.crotch - ankle
    return figure.crotch + cut.length * span


def edge_inside(figure: Figure, sheet: Sheet, cut: Cut, opened: bool = False) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    above_hem = sheet.position[:, 1] - hem_height(figure, cut) + 10 * sheet.values["armness"][:, 0]
    return torch.minimum(above_hem, _edge_above(figure, sheet, cut, opened))


def cut_bodice(figure: Figure, cut: Cut, opened: bool = False) -> Sheet:
    """Cut a garment from the body's surface, with its seams, down to its hem or the hips; values "edge", "neck" and "depth" added.

    "edge" is metres inside the edges, "neck" metres from the neck opening, "depth" metres in front of the side seams.
    """
    sheet = cloth_from(figure, "torso", "neck", "upper_arm", "lower_arm", "upper_leg", fine=False)
    hem, hips = hem_height(figure, cut), hip_line(figure)
    above = _edge_above(figure, sheet, cut, opened)
    height = sheet.position[:, 1] + 10 * sheet.values["armness"][:, 0]
    neck = neckline(figure, sheet.position, cut.neck)
    sheet = sheet.with_values(edge=torch.minimum(above, height - hem)[:, None], above=above[:, None], neck=neck[:, None])
    sheet = clip(sheet, torch.minimum(above, height - max(hem, hips)))
    return _mark_seams(figure, lengthen(figure, sheet, hips, hem, sum(cut.flare) / 2) if hem < hips else sheet)


def bodice_panels(figure: Figure, sheet: Sheet) -> tuple[Tensor, Tensor, Tensor]:
    """Return the panel of each face [F], a guess of its flat corners [F, 3, 2], and corners beyond a sleeve's cut [F, 3]."""
    faces = sheet.faces
    depth = sheet.values["depth"][:, 0]
    in_front = depth[faces].sum(1) > 0
    on_arm = sheet.values["armness"][:, 0][faces].mean(1) > 0.5
    left = sheet.position[:, 0][faces].mean(1) > 0
    panel = torch.where(on_arm, torch.where(left, LEFT_SLEEVE, RIGHT_SLEEVE), torch.where(in_front, FRONT, BACK))
    guess = seen_from(sheet, in_front)
    sleeve, below = _sleeve_guess(figure, sheet, depth, in_front)
    guess = torch.where(on_arm[:, None, None], sleeve, guess)
    on_seam = (depth.abs() < 1e-6)[faces] & below
    return panel, guess, on_seam & (on_arm & in_front)[:, None]


def arm_length(figure: Figure) -> float:
    """Return the metres from shoulder to wrist."""
    joints = [figure.joint(f"left_{name}") for name in ("shoulder", "elbow", "wrist")]
    return float((joints[1] - joints[0]).norm() + (joints[2] - joints[1]).norm())


def neck_centre(figure: Figure) -> Tensor:
    """Return the middle [3] of the line where the neck meets the torso."""
    low, high = _neck_ring(figure)
    return (low + high) / 2


def neckline(figure: Figure, point: Tensor, neck: str) -> Tensor:
    """Return the distance [V] outside the neck opening, without its V: an ellipsoid round the foot of the neck, lower in front."""
    if neck == "straps":  # a bodice that ends above the bust, a little higher where the straps begin
        return figure.armpit + 0.005 + 0.030 * ridge(point[:, 0].abs() - STRAP_PLACE, 0.05) * (point[:, 2] > 0) - point[:, 1]
    low, high = _neck_ring(figure)
    half = (high - low) / 2
    wider, lower, _ = NECKS[neck]
    centre = (low + high) / 2 + torch.tensor([0.0, 0.010 - lower, 0.010])
    edge = ball(point, centre, (float(half[0]) + 0.011 + wider, 0.055 + wider, float(half[2]) + 0.020 + wider))
    # What is above the opening, the neck itself, is outside as well.
    return torch.minimum(edge, centre[1] + 0.022 + lower - point[:, 1])


def front_opening(figure: Figure, height: Tensor, cut: Cut, opened: bool) -> Tensor:
    """Return half the width [V] in metres at which the front is open at heights [V]; negative where it is closed."""
    top = float(neck_centre(figure)[1]) + 0.012
    depth = NECKS[cut.neck][2] or cut.reach
    below = top - height
    wedge = 0.088 * (1 - below / depth) if depth else torch.full_like(height, -1.0)
    if not opened or not cut.gap:
        return wedge
    hem = hem_height(figure, cut)
    strip = 0.030 + (cut.gap - 0.030) * (below / (top - hem)).clamp(0, 1)
    return torch.maximum(strip, wedge)


def _edge_above(figure: Figure, sheet: Sheet, cut: Cut, opened: bool) -> Tensor:
    """Return metres [V] inside all edges but the hem."""
    point = sheet.position
    arm, armness = sheet.values["arm"][:, 0], sheet.values["armness"][:, 0]
    edge = neckline(figure, point, cut.neck)
    width = front_opening(figure, point[:, 1], cut, opened)
    beside = (point[:, 0].abs() - width) * 0.85
    edge = torch.where(point[:, 2] > float(figure.joint("left_shoulder")[2]), torch.minimum(edge, beside), edge)
    if cut.sleeve:
        return torch.minimum(edge, cut.sleeve * arm_length(figure) - arm)
    low, high = _neck_ring(figure)
    # Between neck and armhole a strap of cloth stays, on narrow shoulders too.
    least = float(high[0] - low[0]) / 2 + 0.011 + NECKS[cut.neck][0] + _SHOULDER + 0.085
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = figure.joint(f"{side}_shoulder") + torch.tensor([sign * (0.020 if cut.neck == "scoop" else 0.035), -0.02, 0.0])
        centre[0] = sign * max(abs(float(centre[0])), least)
        hole = ball(point, centre, (0.085, 0.115, 0.12))
        edge = torch.minimum(edge, torch.minimum(hole, 0.2 * (0.6 - armness)))
    return edge


def _neck_ring(figure: Figure) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest coordinates [3] of the line where the neck meets the torso."""
    neck, torso = figure.on_parts("neck")[figure.sheet.faces], figure.on_parts("torso")[figure.sheet.faces]
    between = figure.sheet.faces[neck.any(1) & torso.any(1)]
    points = figure.sheet.position[torch.unique(between)]
    return points.amin(0), points.amax(0)


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
