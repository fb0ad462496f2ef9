"""Hats: turned round the skull on an axis that leans back, from the middle of the crown down to the brim.

A hat is labelled as hair: whoever swaps heads (`models.avatars`) takes it along with the head that wears it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.body import JOINT_INDEX
from .anatomy import Figure, smooth_normals
from .bands import seen
from .details import Place, button, line, ribbed, seam
from .draping import Obstacle, Tube, bridge, wrap_tube
from .fabrics import Fabric, weave
from .noise import noise, ridge, smoothstep
from .pieces import Paint, Piece, Spots
from .prints import apply_print
from .sheets import Sheet, clip
from .tailoring import ring_faces, unrolled

_COLUMNS, _ROWS = 64, 30
_SKULL = 0.1128  # metres from the eyes to the top of the template's head
_TOP, _WALL, _BRIM = range(3)


@dataclass(frozen=True)
class HatCut:
    """The pattern of a hat.

    front, back: metres above the eyes of the band's lower edge on the forehead and at the back of the head
    crown:   its outline from the middle of the top down to the band: (share of the band's radius, share of the way from the band
             to the top of the skull, metres above that)
    brim:    (metres outwards, metres upwards) from the band's lower edge on; none for hats without one
    ease:    metres between skull and hat
    details: "cuff", "ribs", "gores", "visor", "curled", "pinched", "floppy", "puffed", "bobble", "ribbon", "topstitched", "open"
    """

    front: float
    back: float
    crown: tuple[tuple[float, float, float], ...]
    brim: tuple[tuple[float, float], ...] = ()
    ease: float = 0.006
    details: tuple[str, ...] = ()


_DOME = ((0.0, 1.0, 0.014), (0.35, 0.97, 0.013), (0.62, 0.86, 0.012), (0.82, 0.66, 0.010), (0.94, 0.42, 0.005), (1.0, 0.0, 0.0))
HAT_CUTS = {
    "beanie": HatCut(0.036, -0.012, _DOME, ease=0.009, details=("cuff", "ribs")),
    "bobble hat": HatCut(0.036, -0.014, _DOME, ease=0.010, details=("cuff", "ribs", "bobble")),
    "baseball cap": HatCut(
        0.045, -0.008, ((0.0, 1.0, 0.012), (0.45, 0.96, 0.012), (0.78, 0.80, 0.012), (0.97, 0.45, 0.010), (1.0, 0.0, 0.0)),
        ((0.030, -0.008), (0.078, -0.034)), 0.007, ("gores", "visor"),
    ),
    "bucket hat": HatCut(
        0.048, 0.0, ((0.0, 1.0, 0.014), (0.84, 1.0, 0.012), (0.90, 0.92, 0.010), (1.0, 0.0, 0.0)),
        ((0.020, -0.014), (0.050, -0.042)), 0.009, ("topstitched",),
    ),
    "sun hat": HatCut(
        0.050, 0.008, ((0.0, 1.0, 0.016), (0.55, 1.0, 0.012), (0.82, 0.88, 0.010), (0.96, 0.55, 0.004), (1.0, 0.0, 0.0)),
        ((0.020, 0.002), (0.070, -0.006), (0.130, -0.030)), 0.010, ("floppy", "ribbon"),
    ),
    "fedora": HatCut(
        0.050, 0.014, ((0.0, 1.0, 0.026), (0.55, 1.0, 0.034), (0.80, 1.0, 0.030), (0.90, 0.85, 0.022), (1.0, 0.0, 0.0)),
        ((0.018, 0.000), (0.055, 0.000)), 0.009, ("pinched", "curled", "ribbon"),
    ),
    "beret": HatCut(
        0.050, 0.004, ((0.0, 1.0, 0.022), (0.70, 0.98, 0.020), (1.15, 0.74, 0.014), (1.25, 0.50, 0.010), (1.14, 0.30, 0.0),
                       (1.0, 0.14, 0.0), (1.0, 0.0, 0.0)), ease=0.006, details=("puffed",),
    ),
    "headband": HatCut(0.040, -0.004, ((1.0, 0.0, 0.046), (1.0, 0.0, 0.0)), ease=0.013, details=("open",)),
}  # fmt: skip


@dataclass(frozen=True)
class HatGarment:
    """A hat to be made.

    cut: a name in HAT_CUTS
    """

    cut: str
    fabric: Fabric


def hat_edge(figure: Figure, points: Tensor, cut: HatCut) -> Tensor:
    """Return how far [N] in metres points [N, 3] at rest lie inside the hat or above it, where no hair can be; negative outside.

    Under a brim hair may hang; within a headband's width there is none, above it hair goes on.
    """
    seat = _seat(figure, cut)
    local = seat.into(points)
    out = (local[:, [0, 2]].norm(dim=1) - float(seat.skull.radius.mean())).clamp_min(0)
    height = local[:, 1] - _brim_height(cut, out) * ("visor" not in cut.details)
    if "open" in cut.details:
        return torch.minimum(height, cut.crown[0][2] - height)
    return height


def pressed_hair(figure: Figure, points: Tensor, cut: HatCut) -> Tensor:
    """Return points [N, 3] of hair at rest, pressed to the skull where the hat is and softly just below its edge."""
    seat, inside = _seat(figure, cut), hat_edge(figure, points, cut)
    local = seat.into(points)
    angle, radius = torch.atan2(local[:, 0], local[:, 2]), local[:, [0, 2]].norm(dim=1)
    low = smoothstep(-0.040, 0.002, inside)
    height = torch.lerp(local[:, 1], local[:, 1].clamp(max=seat.top + 0.003), low)
    close = seat.skull.radius_at(angle, height.clamp(max=seat.top)) + 0.5 * cut.ease
    radius = torch.lerp(radius, torch.minimum(radius, close), low)
    return seat.out_of(torch.stack([radius * angle.sin(), height, radius * angle.cos()], 1))


def make_hat(figure: Figure, garment: HatGarment, obstacle: Obstacle, seed: int) -> list[Piece]:
    """Make a hat, of one piece or more.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in HAT_CUTS:
        raise ValueError(f"There is no hat '{garment.cut}'; use one of {', '.join(HAT_CUTS)}.")
    cut, seat = HAT_CUTS[garment.cut], _seat(figure, HAT_CUTS[garment.cut])
    local, kind, angle = _turned(seat, cut, seed)
    faces = ring_faces(len(kind), _COLUMNS)
    rings = local.view(len(kind), _COLUMNS, 3)
    along = torch.cat([torch.zeros(1, _COLUMNS), rings.diff(dim=0).norm(dim=-1).cumsum(0)])
    on_brim = along - along[int((kind < _BRIM).sum()) - 1]
    part = kind.repeat_interleave(_COLUMNS)
    values = {"position": seat.out_of(local), "local": local, "brim": on_brim.reshape(-1, 1), "along": along.reshape(-1, 1)}
    sheet = Sheet(faces, {**values, "part": part[:, None].float()})
    if "visor" in cut.details:
        sheet = clip(sheet, torch.where(part == _BRIM, _visor(angle) - 0.03, 1.0))
    panel = sheet.values["part"][sheet.faces, 0].amax(1).ceil().long()
    flat = _laid_out(sheet, panel)
    paint = _painter(cut, garment.fabric, seat, seed)
    pieces = [_as_piece(sheet, panel, flat, paint, garment.fabric)]
    return [*pieces, _bobble(seat, local, garment.fabric, seed)] if "bobble" in cut.details else pieces


@dataclass(frozen=True)
class _Seat:
    """How a hat sits: its own axes, whose origin is the middle of the band's lower edge, and the skull inside it.

    origin: [3]
    axes:   [3, 3] rows: to the wearer's left, up the hat, forwards
    scale:  size of the head, 1 for the template's
    top:    metres from the band up to the top of the skull
    skull:  in the hat's own axes
    """

    origin: Tensor
    axes: Tensor
    scale: float
    top: float
    skull: Tube

    def into(self, points: Tensor) -> Tensor:
        """Turn world points [N, 3] into the hat's axes."""
        return (points - self.origin) @ self.axes.T

    def out_of(self, points: Tensor) -> Tensor:
        """Turn points [N, 3] in the hat's axes into the world."""
        return points @ self.axes + self.origin


def _seat(figure: Figure, cut: HatCut) -> _Seat:
    canonical, position = figure.sheet.values["canonical"], figure.sheet.position
    x, y, z = canonical[:, 0].abs(), canonical[:, 1], canonical[:, 2]
    ear = (x > 0.0735) & (z < -0.055) & (z > -0.105) & (y < 0.012)
    skull = position[figure.on_parts("head") & ~ear & (y > -0.045) & ((y > 0.025) | (z < -0.03))]
    eyes = float(figure.joint("left_eye")[1])
    scale = (float(skull[:, 1].max()) - eyes) / _SKULL
    brow = skull[skull[:, 1] > eyes + 0.03 * scale]
    low, high = brow.amin(0), brow.amax(0)
    depth = float(high[2] - low[2])
    rise = (cut.front - cut.back) * scale
    lean = math.atan2(rise, depth)
    axes = torch.tensor([[1.0, 0.0, 0.0], [0.0, math.cos(lean), -math.sin(lean)], [0.0, math.sin(lean), math.cos(lean)]])
    origin = torch.stack([torch.zeros(()), eyes + torch.tensor(cut.back * scale + rise / 2), (low[2] + high[2]) / 2])
    local = (skull - origin) @ axes.T
    top = float(local[:, 1].max())
    tube = bridge(wrap_tube(local, torch.tensor([0.0, top + 0.002, 0.0]), torch.tensor([0.0, -0.03, 0.0])))
    table = torch.nn.functional.pad(tube.radius[None, None], (3, 3, 0, 0), mode="circular")
    table = torch.nn.functional.pad(table, (0, 0, 2, 2), mode="replicate")
    return _Seat(origin, axes, scale, top, Tube(tube.top, tube.bottom, torch.nn.functional.avg_pool2d(table, (5, 7), 1)[0, 0]))


def _turned(seat: _Seat, cut: HatCut, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lay rings from the middle of the crown to the rim: points [R * C, 3] in the hat's axes, kinds [R], angles [R * C]."""
    outline = [(share, rise * seat.top + up * seat.scale, 0.0) for share, rise, up in cut.crown]
    outline += [(1.0, up * seat.scale, out * seat.scale) for out, up in cut.brim]
    points = torch.tensor(outline)
    crown = len(cut.crown)
    shares, kinds = [], []
    # Rows are dealt out by length; the corners of the outline stay sharp.
    length = torch.hypot((points[1:, 0] - points[:-1, 0]) * 0.085 + points[1:, 2] - points[:-1, 2], points[1:, 1] - points[:-1, 1])
    for index, (start, end) in enumerate(pairwise(points)):
        rows = max(2, round(_ROWS * float(length[index] / length.sum())))
        shares.append(torch.lerp(start, end, torch.linspace(0, 1, rows + 1)[:-1, None]))
        flat = abs(float(end[0] - start[0])) * 0.085 > abs(float(end[1] - start[1]))
        kinds += [_BRIM if index >= crown - 1 else _TOP if flat else _WALL] * rows
    # A ring's kind is that of the faces above it.
    profile = torch.cat([*shares, points[-1:]])
    kind = torch.tensor([kinds[0], *kinds])
    kind[1:] = torch.tensor(kinds)
    angle = torch.arange(_COLUMNS) * (2 * math.pi / _COLUMNS)
    share, height, out = (column.repeat_interleave(_COLUMNS) for column in profile.unbind(1))
    angle = angle.repeat(len(profile))
    on_brim = (out > 0).float()
    around = seat.skull.radius_at(angle, torch.full_like(angle, 0.25 * seat.top)) + cut.ease
    skull = seat.skull.radius_at(angle, height.clamp(max=seat.top)) + cut.ease
    snug = torch.where((share < 1.001) & (height < 0.8 * seat.top), torch.maximum(share * around, skull), share * around)
    radius = torch.where(share < 1e-6, 0.0005, snug)
    reach = _visor(angle) if "visor" in cut.details else torch.ones_like(angle)
    height, out = height * torch.where(on_brim > 0, reach, 1.0), out * reach
    radius, height, moved = _shaped(cut, seat, angle, radius, height, out, seed)
    local = torch.stack([radius * angle.sin(), height, radius * angle.cos()], 1) + moved
    return local, kind, angle


def _shaped(
    cut: HatCut, seat: _Seat, angle: Tensor, radius: Tensor, height: Tensor, out: Tensor, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Bend a turned hat into shape: radius and height [N], and by how much [N, 3] its spots are moved."""
    up = (height / seat.top).clamp(0, 1.3)
    ring = torch.stack([angle.sin(), angle.cos(), 6 * up], 1)
    moved = torch.zeros(len(angle), 3)
    details = cut.details
    if "cuff" in details:
        radius = radius + 0.006 * smoothstep(0.046, 0.040, height) + 0.002 * noise(ring * 1.5, seed)
        top = smoothstep(0.75, 1.1, up)
        moved[:, 2] = -0.010 * top
    if "floppy" in details:
        wave = torch.sin(angle * 5 + 2 * noise(ring[:, :2], seed)) + 0.6 * torch.sin(angle * 2 + 1.3)
        height = height + 0.075 * wave * out * (out > 0)
    if "curled" in details:
        height = height + (0.40 * out * angle.sin() ** 2 - 0.25 * out * angle.cos()) * (out > 0)
        radius = radius * (1 - 0.05 * out / 0.06 * angle.sin() ** 2)
    if "visor" in details:
        height = height - 4.0 * out * (radius * angle.sin()) ** 2 / 0.085
    if "pinched" in details:
        x, high = radius * angle.sin(), smoothstep(0.55, 1.05, up)
        radius = radius * (1 - 0.13 * high * (ridge(angle - 0.75, 0.45) + ridge(angle - 2 * math.pi + 0.75, 0.45)))
        height = height - 0.022 * ridge(x, 0.022) * smoothstep(0.9, 1.05, up)
    if "puffed" in details:
        loose = smoothstep(0.2, 0.6, up)
        moved = loose[:, None] * torch.tensor([0.016, 0.0, -0.014]) * seat.scale
        height = height - 0.20 * (radius * angle.sin()) * loose + 0.003 * noise(ring * 2, seed) * loose
    return radius + out, height, moved


def _visor(angle: Tensor) -> Tensor:
    """Return how far [N] a visor reaches at angles from the front, 0..1."""
    return smoothstep(math.cos(math.radians(64)), math.cos(math.radians(30)), angle.cos())


def _brim_height(cut: HatCut, out: Tensor) -> Tensor:
    """Return the height [N] of the brim's surface at metres outside the band."""
    points = ((0.0, 0.0), *cut.brim)
    height = torch.zeros_like(out)
    for (near, low), (far, high) in pairwise(points):
        height = height + (high - low) * ((out - near) / (far - near)).clamp(0, 1)
    return height


def _laid_out(sheet: Sheet, panel: Tensor) -> Tensor:
    """Lay the parts out flat [F, 3, 2]: the top and the brim round their middle, the wall unrolled."""
    local, along, brim = (sheet.values[name][sheet.faces] for name in ("local", "along", "brim"))
    angle = torch.atan2(local[..., 0], local[..., 2])
    around = local[..., [0, 2]].norm(dim=-1)
    wall = sheet.values["local"][:, [0, 2]].norm(dim=1)[sheet.values["brim"][:, 0].abs().argmin()]
    radius = torch.where((panel == _TOP)[:, None], along[..., 0], brim[..., 0] + float(wall))
    radius = torch.where((along[..., 0] < 1e-6), 0.0, radius)
    round_middle = torch.stack([radius * angle.sin(), -radius * angle.cos()], -1)
    unwound = unrolled(torch.stack([angle, -along[..., 0]], -1), float(around.mean()) if len(around) else 0.09)
    return torch.where((panel == _WALL)[:, None, None], unwound, round_middle)


def _as_piece(sheet: Sheet, panel: Tensor, flat: Tensor, paint: Callable[[Spots], Paint], fabric: Fabric) -> Piece:
    count = len(sheet.position)
    skinning = torch.zeros(count, len(JOINT_INDEX))
    skinning[:, JOINT_INDEX["head"]] = 1.0
    sheet = sheet.with_values(skinning=skinning, start=sheet.position, normal=smooth_normals(sheet.position, sheet.faces, 0))
    labels = torch.full((count,), LABEL_INDEX["hair"])
    return Piece(sheet, labels, flat, panel, density=1.0, cover=fabric.cover, warmth=0.08, paint=paint)


def _painter(cut: HatCut, fabric: Fabric, seat: _Seat, seed: int) -> Callable[[Spots], Paint]:
    ribbon = fabric.colors[1] if len(fabric.colors) > 1 else tuple(0.35 * channel for channel in fabric.colors[0])

    def paint(spots: Spots) -> Paint:
        local, brim, footprint = spots.values["local"], spots.values["brim"][:, 0], spots.footprint
        angle, height = torch.atan2(local[:, 0], local[:, 2]), local[:, 1]
        around = angle * 0.085
        cloth = weave(fabric, spots.uv, seed, footprint)
        crown = (spots.panel != _BRIM).float()
        sewn = Paint(cloth.color, cloth.relief if cloth.relief is not None else torch.zeros(len(height)))
        if "ribs" in cut.details:
            sewn = _ribs(sewn, around, height, footprint)
        if "gores" in cut.details:
            gore = torch.remainder(angle + math.pi / 6, math.pi / 3) - math.pi / 6
            sewn = seam(sewn, gore * local[:, [0, 2]].norm(dim=1), crown, footprint)
            hole = torch.hypot((torch.remainder(angle, math.pi / 3) - math.pi / 6) * 0.07, height - 0.70 * seat.top) - 0.003
            sewn = Paint(sewn.color * (1 - 0.5 * line(hole, 0.002, footprint) * crown)[:, None], sewn.relief)
            middle = Place(local[:, 0], local[:, 2], crown * (height > 0.9 * seat.top), footprint)
            sewn = button(sewn, middle, 0.007, fabric.colors[0])
            sewn = apply_print(sewn, fabric.print, Place(around, height - 0.45 * seat.top, crown * (angle.cos() > 0), footprint))
        if cut.brim:
            for distance in (0.006, 0.014, 0.022, 0.030, 0.038, 0.046)[: 6 if "topstitched" in cut.details else 1]:
                sewn = seam(sewn, brim - distance, 1 - crown, footprint)
        if "ribbon" in cut.details:
            on = smoothstep(0.031, 0.030, height) * crown
            sewn = Paint(torch.lerp(sewn.color, torch.tensor(ribbon).expand_as(sewn.color), on[:, None]), sewn.relief + 0.001 * on)
        if "puffed" in cut.details:
            sewn = ribbed(sewn, around, height, 0.012, footprint)
        if "open" in cut.details:
            sewn = seam(sewn, (height - 0.5 * cut.crown[0][2]).abs() - 0.4 * cut.crown[0][2], crown, footprint)
        # The crease between crown and brim lies in shadow.
        crease = ridge(brim, 0.006) if cut.brim else torch.zeros_like(brim)
        return Paint(sewn.color * (1 - 0.25 * crease)[:, None], sewn.relief)

    return paint


def _ribs(paint: Paint, around: Tensor, height: Tensor, footprint: Tensor | float) -> Paint:
    """Knit ribs 14 mm wide, finer on the cuff, with a shadow above it."""
    rib = torch.cos(around * (2 * math.pi / 0.0140)) * seen(0.014, footprint)
    shadow = ridge(height - 0.046, 0.004) + 0.4 * smoothstep(0.012, 0.0, height)
    return Paint(paint.color * (0.93 + 0.08 * rib - 0.22 * shadow)[:, None], paint.relief + 0.0015 * rib)


def _bobble(seat: _Seat, local: Tensor, fabric: Fabric, seed: int) -> Piece:
    """Make the bobble on top: a ball of yarn ends."""
    rows, columns = 18, 30
    polar = torch.linspace(0.02, math.pi - 0.02, rows).repeat_interleave(columns)
    angle = (torch.arange(columns) * (2 * math.pi / columns)).repeat(rows)
    outwards = torch.stack([polar.sin() * angle.sin(), polar.cos(), polar.sin() * angle.cos()], 1)
    shaggy = 1 + 0.10 * noise(outwards * 5, seed) + 0.06 * noise(outwards * 11, seed + 1)
    centre = local[0] + torch.tensor([0.0, 0.026, 0.0]) * seat.scale
    points = centre + outwards * (0.036 * seat.scale * shaggy)[:, None]
    faces = ring_faces(rows, columns)
    color = torch.tensor(fabric.colors[1] if len(fabric.colors) > 1 else fabric.colors[0])

    def paint(spots: Spots) -> Paint:
        yarn = noise(spots.values["local"] * 260, seed + 2)
        return Paint(color * (0.92 + 0.16 * yarn)[:, None], 0.002 * yarn)

    flat = unrolled(torch.stack([angle, -polar * 0.036], 1)[faces], 0.036)
    sheet = Sheet(faces, {"position": seat.out_of(points), "local": points})
    return _as_piece(sheet, torch.zeros(len(faces), dtype=torch.int64), flat, paint, fabric)
