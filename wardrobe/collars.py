"""What is sewn to the neck of a garment: shirt collars, bands, turtlenecks, hoods that lie on the back, lapels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .anatomy import Figure, smooth_normals
from .bodices import NECKS, Cut, front_opening
from .draping import Obstacle
from .noise import ridge, smoothstep
from .sheets import Sheet, rim_edges
from .tailoring import ring_faces

_COLUMNS = 56
_UP = torch.tensor([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Patch:
    """A piece of cloth to sew on.

    sheet: with the values of the sheet that it is sewn to
    flat:  [F, 3, 2] metres, its corners laid out flat
    """

    sheet: Sheet
    flat: Tensor


@dataclass(frozen=True)
class Neck:
    """The rim of a neck opening, seen in C columns from its left front round the back to its right front.

    base:     [C, 3] points on the rim
    angle:    [C] radians from the front (+Z) towards +X
    outwards: [C, 3] unit, horizontal
    front:    [C] 1 at the front ends, 0 from the sides backwards
    vertex:   [C] the sheet's vertex that is nearest
    """

    base: Tensor
    angle: Tensor
    outwards: Tensor
    front: Tensor
    vertex: Tensor


def shirt_collar(sheet: Sheet, obstacle: Obstacle, stand: float = 0.030, fall: float = 0.036, point: float = 0.022) -> Patch:
    """Fold a collar down over its stand; its points are `point` metres longer than its back."""
    neck = _neck(sheet, math.radians(9))
    rise = stand * (1 - 0.6 * neck.front)
    length = fall + point * neck.front

    def profile(share: float) -> Tensor:
        return neck.base + 0.003 * neck.outwards + (_UP - 0.25 * neck.outwards) * (rise * share)[:, None]

    rows = [profile(row / 4) for row in range(5)]
    for row in range(1, 8):
        share = row / 7
        out = 0.006 + 0.011 * share + 0.014 * neck.front[:, None] * share
        rows.append(rows[4] - _UP * (length * share)[:, None] + neck.outwards * out)
    risen = [rise * row / 4 for row in range(5)]
    fallen = [rise + length * row / 7 for row in range(1, 8)]
    front = torch.minimum(neck.angle - neck.angle[0], neck.angle[-1] - neck.angle) * 0.075
    edge = [torch.full_like(length, 0.05)] * 5 + [torch.minimum(length * (1 - row / 7), front) for row in range(1, 8)]
    return _sewn(sheet, neck, rows, risen + fallen, edge, obstacle, 5, 0.007)


def band_collar(sheet: Sheet, obstacle: Obstacle, height: float = 0.040) -> Patch:
    """Stand a band up round the neck, open in front."""
    neck = _neck(sheet, math.radians(3))
    rows = [neck.base + 0.002 * neck.outwards + (_UP - 0.20 * neck.outwards) * height * row / 5 for row in range(6)]
    down = [torch.full_like(neck.angle, height * row / 5) for row in range(6)]
    edge = [height - value for value in down]
    return _sewn(sheet, neck, rows, down, edge, obstacle, 1, 0.006)


def turtleneck(sheet: Sheet, obstacle: Obstacle, height: float = 0.066) -> Patch:
    """Wrap a tube tightly round the neck, lower under the chin, and fold its upper part over."""
    neck = _neck(sheet, -math.pi)
    tall = height * (1 - 0.2 * neck.front)
    rows = [neck.base + 0.003 * neck.outwards + (_UP - 0.12 * neck.outwards) * (tall * row / 6)[:, None] for row in range(7)]
    over = 0.82 * tall
    for row in range(1, 7):
        drop = (over * row / 6)[:, None]
        rows.append(rows[6] - _UP * drop + neck.outwards * (0.009 + 0.12 * drop))
    down = [tall * row / 6 for row in range(7)] + [tall + over * row / 6 for row in range(1, 7)]
    edge = [torch.full_like(tall, 0.06)] * 7 + [over * (1 - row / 6) for row in range(1, 7)]
    return _sewn(sheet, neck, rows, down, edge, obstacle, 1, 0.008)


def hood(sheet: Sheet, obstacle: Obstacle) -> Patch:
    """Lay a hood on the back: a thick roll round the neck that ends in a pouch behind."""
    neck = _neck(sheet, math.radians(12))
    behind = 1 - smoothstep(math.radians(15), math.radians(120), (neck.angle - math.pi).abs())
    rise = 0.018 + 0.034 * (1 - neck.front)
    length = 0.050 + 0.20 * behind**1.5
    puff = 0.022 + 0.030 * behind
    rows, down = [], []
    for row in range(6):
        share = row / 5
        lean = 0.35 * rise * share**2
        rows.append(neck.base + _UP * (rise * (1 - (1 - share) ** 2))[:, None] + neck.outwards * lean[:, None])
        down.append(rise * share)
    for row in range(1, 12):
        share = row / 11
        out = puff * math.sin(math.pi * min(1.0, 0.12 + share * 0.93)) ** 0.7
        rows.append(rows[5] - _UP * (length * share)[:, None] + neck.outwards * (out + 0.012 * share)[:, None])
        down.append(rise + length * share)
    # What lies on the back is pouch, as thick as cloth that holds air; its lower end lies on the garment.
    edge = [torch.full_like(length, 0.06)] * 6 + [length * (1 - row / 11) for row in range(1, 12)]
    return _sewn(sheet, neck, rows, down, edge, obstacle, 6, 0.010)


def lapel(figure: Figure, sheet: Sheet, cut: Cut, opened: bool, sign: float) -> Patch:
    """Turn the front edge on one side (+1 left, -1 right) back over the chest, from where the fronts meet up to the neck."""
    start = sheet.values["start"]
    rim = torch.unique(rim_edges(sheet.faces)[0])
    width = front_opening(figure, start[:, 1], cut, opened)
    on_edge = (start[rim, 0] * sign - width[rim]).abs() < 0.012
    on_edge &= (start[rim, 2] > float(figure.joint("left_shoulder")[2])) & (sheet.values["armness"][rim, 0] < 0.1)
    edge = rim[on_edge & (start[rim, 1] > figure.waist - 0.25)]
    edge = edge[start[edge, 1].argsort()]
    top = float(start[edge[-1], 1])
    bottom = top - (NECKS[cut.neck][2] or cut.reach) * 0.95
    rows, columns = 16, 6
    height = torch.linspace(bottom, top, rows)
    nearest = (start[edge, 1][None] - height[:, None]).abs()
    weight = ridge(nearest, 0.02) + 1e-9
    spine = weight @ sheet.position[edge] / weight.sum(1, keepdim=True)
    vertex = edge[nearest.argmin(1)]
    share = torch.linspace(0, 1, rows)
    breadth = 0.092 * torch.where(share < 0.76, (share / 0.76).clamp_min(0.02) ** 0.8, 1 - 0.6 * (share - 0.76) / 0.24)
    across = torch.linspace(0, 1, columns)
    position = spine[:, None] + torch.zeros(rows, columns, 3)
    position[..., 0] += sign * breadth[:, None] * across
    position[..., 1] += 0.10 * breadth[:, None] * across
    position = _laid_on(sheet, position.view(-1, 3), 0.008).view(rows, columns, 3)
    position[:, 0] = spine + torch.tensor([0.0, 0.0, 0.005])
    index = torch.arange(rows * columns).view(rows, columns)
    here, beside, above, opposite = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = torch.cat([torch.stack([here, beside, above], -1), torch.stack([beside, opposite, above], -1)]).reshape(-1, 3)
    faces = faces if sign > 0 else faces.flip(1)
    position = position.view(-1, 3)
    values = {name: value[vertex].repeat_interleave(columns, 0) for name, value in sheet.values.items()}
    to_edge = torch.minimum(breadth[:, None] * (1 - across), (1 - share)[:, None] * 0.25 + 0.0 * across)
    values |= {"position": position, "edge": to_edge.reshape(-1, 1), "normal": smooth_normals(position, faces, 1)}
    flat = torch.stack([sign * breadth[:, None] * across, height[:, None] + 0.0 * across], -1).view(-1, 2)
    return Patch(Sheet(faces, values), flat[faces])


def _laid_on(sheet: Sheet, points: Tensor, above: float) -> Tensor:
    """Move points [N, 3] forwards or back until they lie `above` metres before the sheet's front."""
    front = sheet.position[(sheet.values["normal"][:, 2] > 0.1) & (sheet.values["armness"][:, 0] < 0.3)]
    distance = torch.cdist(points[:, :2], front[:, :2])
    weight = torch.exp(-((distance / 0.015) ** 2)) + 1e-12
    points = points.clone()
    points[:, 2] = (weight @ front[:, 2]) / weight.sum(1) + above
    return points


def _neck(sheet: Sheet, start: float) -> Neck:
    """Measure the neck opening of a draped sheet, from the angle `start` in front, or further back where the rim begins."""
    rim = torch.unique(rim_edges(sheet.faces)[0])
    rim = rim[(sheet.values["neck"][rim, 0].abs() < 0.006) & (sheet.values["armness"][rim, 0] < 0.5)]
    points = sheet.position[rim]
    centre = (points.amin(0) + points.amax(0)) / 2
    middle = points[points[:, 0].abs() < 0.03]
    centre[2] = (points[:, 2].amin() + points[:, 2].amax()) / 2 if len(middle) > 1 else centre[2]
    rim_angle = torch.atan2(points[:, 0] - centre[0], points[:, 2] - centre[2]) % (2 * math.pi)
    begin = max(start, float(torch.minimum(rim_angle, 2 * math.pi - rim_angle).min())) if start > 0 else start
    angle = torch.linspace(begin, 2 * math.pi - begin if start > 0 else begin + 2 * math.pi, _COLUMNS)
    away = (rim_angle[None] - angle[:, None] + math.pi) % (2 * math.pi) - math.pi
    weight = ridge(away, 0.09) + 1e-9
    base = weight @ points / weight.sum(1, keepdim=True)
    outwards = torch.nn.functional.normalize((base - centre) * torch.tensor([1.0, 0.0, 1.0]), dim=1)
    turned = torch.minimum(angle % (2 * math.pi), -angle % (2 * math.pi))
    front = smoothstep(max(begin, 0.0) + math.radians(60), max(begin, 0.0), turned)
    return Neck(base, angle, outwards, front, rim[away.abs().argmin(1)])


def _sewn(
    sheet: Sheet,
    neck: Neck,
    rows: list[Tensor],
    down: list[Tensor],
    edge: list[Tensor],
    obstacle: Obstacle,
    loose: int,
    clearance: float,
) -> Patch:
    """Make a patch of rows of points [C, 3] that go up from the neck; those from row `loose` on keep clear of the obstacle."""
    position = torch.cat(rows)
    fixed = loose * _COLUMNS
    laid = obstacle.push_out(position[fixed:], clearance).view(-1, _COLUMNS, 3)
    for _ in range(3):
        laid = torch.cat([laid[:, :1], (laid[:, :-2] + 2 * laid[:, 1:-1] + laid[:, 2:]) / 4, laid[:, -1:]], 1)
    position = torch.cat([position[:fixed], laid.view(-1, 3)])
    faces = ring_faces(len(rows), _COLUMNS)
    faces = faces[(faces % _COLUMNS).amax(1) - (faces % _COLUMNS).amin(1) < 2]
    values = {name: value[neck.vertex.repeat(len(rows))] for name, value in sheet.values.items()}
    values |= {"position": position, "edge": torch.cat(edge)[:, None], "normal": smooth_normals(position, faces, 1)}
    along = ((neck.angle - neck.angle.mean()) * 0.07).repeat(len(rows))
    flat = torch.stack([along, -torch.cat(down)], 1)[faces]
    return Patch(Sheet(faces, values), flat)


COLLARS: dict[str, Callable[[Sheet, Obstacle], Patch]] = {
    "shirt": shirt_collar,
    "polo": lambda sheet, obstacle: shirt_collar(sheet, obstacle, 0.022, 0.032, 0.010),
    "lapels": lambda sheet, obstacle: shirt_collar(sheet, obstacle, 0.026, 0.050, 0.004),
    "band": band_collar,
    "turtle": turtleneck,
    "hood": hood,
}
