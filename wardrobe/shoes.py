"""Shoes: turned round the foot slice by slice, so that toes vanish under leather, and cut open where skin or sock shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.body import JOINT_INDEX
from ..models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from .anatomy import Figure, smooth_normals
from .draping import Tube, bridge, hang, wrap_tube
from .leather import paint_shoe
from .noise import smoothstep
from .pieces import Color, Paint, Piece, Spots, joined
from .sheets import Sheet, clip, subdivide, take
from .tailoring import ring_faces, unrolled

_COLUMNS, _ROWS = 64, 36
_FOOT = 0.20  # metres from the ankle to the toes of the foot that shoes are designed on
_SOCK = 0.045  # metres of sock above the ankle, or above a collar that is higher


@dataclass(frozen=True)
class ShoeCut:
    """The pattern of a shoe.

    collar:  metres from the ankle's height up to the opening's edge, at the back, at the sides and in front
    shaft:   height of a boot as a share of the way from ankle to knee; 0 for what ends at its collar
    sole:    metres under the foot
    welt:    metres of sole that show above the ground
    bulk:    metres of leather over the foot
    point:   metres by which the toe is longer
    heel:    metres by which the foot's heel is raised on a stiletto; 0 for a foot that stands flat
    sock:    whether a sock shows above the collar
    details: what is sewn on, see `leather.paint_shoe`; of "straps" only sole and straps are left
    """

    collar: tuple[float, float, float]
    shaft: float = 0.0
    sole: float = 0.014
    welt: float = 0.022
    bulk: float = 0.0035
    point: float = 0.0
    heel: float = 0.0
    sock: bool = False
    details: tuple[str, ...] = ()


SHOE_CUTS = {
    "sneakers": ShoeCut((0.024, 0.012, 0.024), sock=True, details=("laces", "cap", "heel seam")),
    "running shoes": ShoeCut((0.020, 0.000, 0.016), sole=0.024, welt=0.036, sock=True, details=("laces", "flashes", "foam")),
    "high-tops": ShoeCut((0.070, 0.064, 0.078), sole=0.016, welt=0.026, sock=True, details=("laces", "cap", "patch")),
    "loafers": ShoeCut((-0.004, -0.020, -0.012), welt=0.018, bulk=0.003, point=0.004, details=("apron",)),
    "ballet flats": ShoeCut((-0.016, -0.040, -0.043), sole=0.007, welt=0.009, bulk=0.0015, point=0.004, details=("bow",)),
    "pumps": ShoeCut((-0.014, -0.036, -0.041), sole=0.007, welt=0.009, bulk=0.0015, point=0.016, heel=0.070),
    "sandals": ShoeCut((0.0, 0.0, 0.0), sole=0.018, welt=0.020, bulk=0.002, details=("straps",)),
    "ankle boots": ShoeCut((0.0, 0.0, 0.0), shaft=0.24, sole=0.022, welt=0.028, details=("elastic",)),
    "high boots": ShoeCut((0.0, 0.0, 0.0), shaft=0.86, sole=0.022, welt=0.026, bulk=0.003, details=("zip",)),
}


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes.

    color, sole, sock: sRGB
    cut: a name in SHOE_CUTS
    """

    color: Color
    sole: Color
    sock: Color
    cut: str = "sneakers"


def shoe_edge(figure: Figure, sheet: Sheet, cut: ShoeCut = SHOE_CUTS["sneakers"]) -> Tensor:
    """Return how many metres [V] below the top of shoes and socks a spot of the body's surface lies, negative where it is bare."""
    if "straps" in cut.details:
        return torch.full((len(sheet.position),), -1.0)
    edges = []
    for side in ("left", "right"):
        angle, _ = _axis(figure, side, _top(figure, cut)).polar(sheet.position)
        edges.append(_opening(figure, cut, angle) - sheet.position[:, 1])
    edge = torch.where(sheet.position[:, 0] > 0, *edges)
    # Above the knees nothing is near a shoe; round the opening a rim of skin is left below the leather.
    return edge if cut.sock or cut.shaft else edge - 0.010


def make_shoes(figure: Figure, shoes: Shoes, seed: int) -> list[Piece]:
    """Make the left and the right shoe, each with its sock.

    Raises:
        ValueError: if the cut is unknown.
    """
    if shoes.cut not in SHOE_CUTS:
        raise ValueError(f"There are no shoes '{shoes.cut}'; use one of {', '.join(SHOE_CUTS)}.")
    return [_make_shoe(figure, shoes, SHOE_CUTS[shoes.cut], side, sign, seed) for side, sign in (("left", 1.0), ("right", -1.0))]


def on_heels(pose: Tensor, joints: Tensor, cut: ShoeCut) -> Tensor:
    """Return a pose [55, 3] with the feet stretched as far as the shoes' heels are high, toes staying level.

    Args:
        pose: axis-angle radians.
        joints: [55, 3] of the figure at rest.
    """
    if not cut.heel:
        return pose
    stretched = pose.clone()
    for side in ("left", "right"):
        pitch = heel_pitch(joints, cut, side)
        for joint, angle in ((f"{side}_ankle", pitch), (f"{side}_foot", -pitch)):
            turn = axis_angle_to_matrix(torch.tensor([angle, 0.0, 0.0]))
            index = JOINT_INDEX[joint]
            stretched[index] = matrix_to_axis_angle(axis_angle_to_matrix(pose[index]) @ turn)
    return stretched


def heel_pitch(joints: Tensor, cut: ShoeCut, side: str) -> float:
    """Return by how many radians a foot is stretched on the shoes' heels."""
    return math.asin(min(0.7, cut.heel / _tread(joints, side)))


def _tread(joints: Tensor, side: str) -> float:
    """Return the metres from the middle of the heel to the ball of the foot."""
    return float(joints[JOINT_INDEX[f"{side}_foot"], 2] - joints[JOINT_INDEX[f"{side}_ankle"], 2]) + 0.03


def _make_shoe(figure: Figure, shoes: Shoes, cut: ShoeCut, side: str, sign: float, seed: int) -> Piece:
    top = _top(figure, cut)
    x, y = figure.sheet.position[:, 0], figure.sheet.position[:, 1]
    near = figure.on_parts("foot", "lower_leg") & (x * sign > 0) & (y < top + 0.04)
    foot = subdivide(take(figure.sheet, near[figure.sheet.faces].all(1)))
    tube = _last(foot, _axis(figure, side, top), cut)
    ground = float(foot.position[:, 1].min()) - cut.sole
    sheet = _turned(foot, figure, tube, cut, top, ground, side)
    if "straps" in cut.details:
        sheet = clip(sheet, _strapped(sheet, cut))
    elif not cut.sock:
        sheet = clip(sheet, -sheet.values["collar"][:, 0])
    angle, _ = tube.polar(sheet.position)
    flat = unrolled(torch.stack([angle, -sheet.values["along"][:, 0]], 1)[sheet.faces], 0.07)

    def paint(spots: Spots) -> Paint:
        return paint_shoe(spots, cut.details, cut.welt, shoes.color, shoes.sole, shoes.sock if cut.sock else None, seed)

    piece = _as_piece(sheet, flat, paint)
    return joined(piece, _stiletto(figure, sheet, cut, ground, side, paint)) if cut.heel else piece


def _as_piece(sheet: Sheet, flat: Tensor, paint: Callable[[Spots], Paint]) -> Piece:
    labels = torch.full((len(sheet.position),), LABEL_INDEX["shoes"])
    panel = torch.zeros(len(sheet.faces), dtype=torch.int64)
    return Piece(sheet, labels, flat, panel, density=1.0, cover=1.6, warmth=0.05, paint=paint)


def _top(figure: Figure, cut: ShoeCut) -> float:
    """Return the height at which shoe and sock end, metres."""
    ankle, knee = float(figure.joint("left_ankle")[1]), float(figure.joint("left_knee")[1])
    return ankle + (cut.shaft * (knee - ankle) or max(_SOCK, max(cut.collar) + 0.012))


def _opening(figure: Figure, cut: ShoeCut, angle: Tensor) -> Tensor:
    """Return the height [N] of the upper edge of shoe or sock at angles round the leg."""
    return torch.full_like(angle, _top(figure, cut)) if cut.sock or cut.shaft else _collar(figure, cut, angle)


def _collar(figure: Figure, cut: ShoeCut, angle: Tensor) -> Tensor:
    """Return the height [N] of the leather's edge at angles round the leg."""
    if cut.shaft:
        return torch.full_like(angle, _top(figure, cut))
    back, side, front = cut.collar
    ahead = angle.cos()
    bend = (front - side) * ahead.clamp_min(0) ** 2 + (back - side) * ahead.clamp_max(0) ** 2
    return float(figure.joint("left_ankle")[1]) + side + bend


def _axis(figure: Figure, side: str, top: float) -> Tube:
    """Return the axis round which a shoe is turned, from the middle of the leg down to near the heel."""
    sign = 1.0 if side == "left" else -1.0
    ankle, knee = figure.joint(f"{side}_ankle"), figure.joint(f"{side}_knee")
    points = figure.sheet.position
    below = points[figure.on_parts("foot") & (points[:, 0] * sign > 0) & (points[:, 1] < float(ankle[1]))]
    centre = (below.amin(0) + below.amax(0)) / 2
    share = max(0.0, (top - float(ankle[1])) / float(knee[1] - ankle[1]))
    upper = torch.lerp(ankle, knee, share if share > 0.15 else 0.0)
    axis_top = torch.tensor([float(upper[0]), top + 0.01, float(upper[2])])
    axis_bottom = torch.tensor([float(centre[0]), float(below[:, 1].min()), float(0.35 * centre[2] + 0.65 * ankle[2])])
    return Tube(axis_top, axis_bottom, torch.zeros(1, 1))


def _last(foot: Sheet, axis: Tube, cut: ShoeCut) -> Tube:
    """Shape the foot's outside as a shoemaker's last: convex slices, straight walls."""
    tube = hang(bridge(wrap_tube(foot.position, axis.top, axis.bottom)), 0.10 if cut.shaft < 0.5 else 0.16)
    table = torch.nn.functional.pad(tube.radius[None, None], (2, 2, 0, 0), mode="circular")
    table = torch.nn.functional.pad(table, (0, 0, 2, 2), mode="replicate")
    return Tube(tube.top, tube.bottom, torch.nn.functional.avg_pool2d(table, 5, 1)[0, 0])


def _turned(foot: Sheet, figure: Figure, tube: Tube, cut: ShoeCut, top: float, ground: float, side: str) -> Sheet:
    """Lay rings of vertices from the opening to the ground."""
    ankle = figure.joint(f"{side}_ankle")
    rows = _ROWS + round(24 * cut.shaft)
    height, angle, down = _rings(rows, top, ground)
    collar = _collar(figure, cut, angle)
    on_shoe = smoothstep(0.003, -0.003, height - collar)
    welt = smoothstep(cut.welt + 0.0015, cut.welt - 0.0015, height - ground) * (0.0 if cut.heel else 1.0)
    longer = cut.point * angle.cos().clamp_min(0) ** 8 * smoothstep(float(ankle[1]), ground, height)
    radius = tube.radius_at(angle, height.clamp_min(figure.floor + 0.002)) + 0.003 + cut.bulk * (on_shoe + welt) + longer
    # The last ring closes the sole towards its middle.
    position = tube.place(angle, height, radius * torch.where(down >= rows - 1, 0.05, 1.0))
    faces = ring_faces(rows, _COLUMNS)
    rings = position.view(rows, _COLUMNS, 3)
    along = torch.cat([torch.zeros(1, _COLUMNS), rings.diff(dim=0).norm(dim=-1).cumsum(0)]).reshape(-1, 1)
    size = float(foot.position[:, 2].max() - ankle[2]) / _FOOT
    across = position[:, 0] - _middle_line(foot, position)
    return Sheet(
        faces,
        {
            "position": position, "start": position, "normal": smooth_normals(position, faces, 1), "along": along,
            "skinning": _nearest_weights(foot, position), "above": (height - ground)[:, None],
            "collar": (height - collar)[:, None], "forward": ((position[:, 2] - ankle[2]) / size)[:, None],
            "across": (across * (1.0 if side == "left" else -1.0) / size)[:, None],
        },
    )  # fmt: skip


def _strapped(sheet: Sheet, cut: ShoeCut) -> Tensor:
    """Return metres [V] inside the sole or a strap of a sandal, negative between them."""
    above, forward = sheet.values["above"][:, 0], sheet.values["forward"][:, 0]
    height = sheet.values["collar"][:, 0]
    toes = 0.017 - (forward - 0.118 + 0.25 * sheet.values["across"][:, 0]).abs()
    instep = 0.010 - (forward - 0.052 - 0.2 * (above - 0.06)).abs()
    round_ankle = 0.008 - (height + 0.012 + 0.15 * forward).abs()
    behind = torch.minimum(0.008 - (forward + 0.004).abs(), -height - 0.01)
    return torch.stack([cut.welt - above, toes, instep, round_ankle, behind]).amax(0)


def _stiletto(figure: Figure, shoe: Sheet, cut: ShoeCut, ground: float, side: str, paint: Callable[[Spots], Paint]) -> Piece:
    """Make the heel: at rest it leans forwards and reaches below the sole, since the foot is stretched when it stands."""
    ankle = figure.joint(f"{side}_ankle")
    pitch = heel_pitch(figure.joints, cut, side)
    rows, columns = 9, 20
    down = torch.linspace(0, 1, rows)
    direction = torch.tensor([0.0, -math.cos(pitch), math.sin(pitch)])
    root = torch.tensor([float(ankle[0]), ground + 0.012, float(ankle[2]) - 0.032])
    lowest = float(_stretched(shoe.position, shoe.values["skinning"], figure, pitch, side)[:, 1].min())
    on_ankle = torch.zeros(1, len(JOINT_INDEX)).index_fill_(1, torch.tensor([JOINT_INDEX[f"{side}_ankle"]]), 1.0)
    length = float(_stretched(root[None], on_ankle, figure, pitch, side)[0, 1]) - lowest
    path = root + down[:, None] * direction * length
    width = torch.tensor([0.024, 0.022, 0.017, 0.0125, 0.0095, 0.008, 0.007, 0.007, 0.0005])
    path[-1] = path[-2]
    angle = torch.arange(columns) * (2 * math.pi / columns)
    ahead = torch.tensor([0.0, math.sin(pitch), math.cos(pitch)])
    ring = angle.sin()[:, None] * torch.tensor([1.0, 0.0, 0.0]) + angle.cos()[:, None] * ahead
    position = (path[:, None] + width[:, None, None] * ring).reshape(-1, 3)
    faces = ring_faces(rows, columns)
    count = len(position)
    heel = int(shoe.position[:, 2].argmin())
    values = {name: value[heel].expand(count, -1).clone() for name, value in shoe.values.items()}
    values |= {"position": position, "start": position, "normal": smooth_normals(position, faces, 1)}
    values["above"] = torch.full((count, 1), 0.02)
    values["skinning"] = on_ankle.repeat(count, 1)
    flat = unrolled(torch.stack([angle.repeat(rows), -length * down.repeat_interleave(columns)], 1)[faces], 0.015)
    return _as_piece(Sheet(faces, values), flat + torch.tensor([0.0, -0.4]), paint)


def _stretched(points: Tensor, skinning: Tensor, figure: Figure, pitch: float, side: str) -> Tensor:
    """Return points [N, 3] of a foot that is stretched by `pitch` radians in its ankle, toes level; else at rest."""
    ankle, toes = figure.joint(f"{side}_ankle"), figure.joint(f"{side}_foot")
    turn = axis_angle_to_matrix(torch.tensor([pitch, 0.0, 0.0]))
    with_toes = skinning[:, JOINT_INDEX[f"{side}_foot"], None]
    with_foot = skinning[:, JOINT_INDEX[f"{side}_ankle"], None]
    moved = (toes - ankle) @ turn.T + ankle - toes
    return points + with_foot * ((points - ankle) @ turn.T + ankle - points) + with_toes * moved


def _rings(rows: int, top: float, bottom: float) -> tuple[Tensor, Tensor, Tensor]:
    """Heights, angles and row numbers of the shoe's vertices; rows are closer near the ground, the last closes the sole."""
    row = torch.arange(rows).float()
    share = (row / (rows - 2)).clamp_max(1) ** 0.8
    height = top + share * (bottom - top)
    angle = torch.arange(_COLUMNS) * (2 * math.pi / _COLUMNS)
    return height.repeat_interleave(_COLUMNS), angle.repeat(rows), row.repeat_interleave(_COLUMNS)


def _nearest_weights(foot: Sheet, position: Tensor) -> Tensor:
    """Average the skinning [V, 55] of the nearest body vertices."""
    from scipy.spatial import cKDTree

    index = torch.from_numpy(cKDTree(foot.position.numpy()).query(position.numpy(), k=6)[1])
    return foot.values["skinning"][index].mean(1)


def _middle_line(foot: Sheet, position: Tensor) -> Tensor:
    """Return x [V] of the foot's middle line at each depth: feet point outwards a little."""
    heel, toe = foot.position[foot.position[:, 2].argmin()], foot.position[foot.position[:, 2].argmax()]
    amount = (position[:, 2] - heel[2]) / (toe[2] - heel[2])
    return torch.lerp(heel[0], toe[0], amount.clamp(0, 1))
