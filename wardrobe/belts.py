"""Strips of cloth round waist and shoulders: belts, sashes, straps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .anatomy import Figure, smooth_normals
from .bodices import STRAP_PLACE, Cut, front_opening
from .collars import Patch
from .draping import Tube, wrap_tube
from .sheets import Sheet

_STRAP = 0.014  # metres across a shoulder strap


def belt(figure: Figure, sheet: Sheet, cut: Cut, opened: bool) -> Patch:
    """Lay a belt round the waist of a draped sheet, as far as the sheet goes round."""
    columns, rows, tall = 72, 4, 0.040
    near = ((sheet.position[:, 1] - figure.waist).abs() < 0.06) & (sheet.values["armness"][:, 0] < 0.05)
    middle = float(figure.joint("pelvis")[2])
    axis = [torch.tensor([0.0, figure.waist + height, middle]) for height in (0.05, -0.05)]
    tube: Tube = wrap_tube(sheet.position[near], *axis)
    gap = float(front_opening(figure, torch.tensor([figure.waist]), cut, opened)) if opened else 0.0
    begin = math.asin(min(0.9, (gap + 0.004) / float(tube.radius_at(torch.zeros(1), axis[0][1:2] - 0.05)))) if gap > 0 else 0.0
    angle = torch.linspace(begin, 2 * math.pi - begin, columns).repeat(rows)
    down = torch.linspace(0, 1, rows).repeat_interleave(columns)
    height = figure.waist + tall * (0.5 - down)
    radius = tube.radius_at(angle, height)
    position = tube.place(angle, height, radius + 0.005)
    index = torch.arange(rows * columns).view(rows, columns)
    edge = torch.minimum(down, 1 - down) * tall
    flat = torch.stack([(angle - math.pi) * radius.mean(), height], 1)
    return _strip(sheet, sheet, position, index, edge, flat)


def straps(figure: Figure, sheet: Sheet) -> Patch:
    """Lay a thin strap over each shoulder, from the upper edge of a sheet in front to that behind."""
    patches = [_strap(figure, sheet, sign) for sign in (1.0, -1.0)]
    first, second = patches
    count = len(first.sheet.position)
    values = {name: torch.cat([value, second.sheet.values[name]]) for name, value in first.sheet.values.items()}
    return Patch(Sheet(torch.cat([first.sheet.faces, second.sheet.faces + count]), values), torch.cat([first.flat, second.flat]))


def _strap(figure: Figure, sheet: Sheet, sign: float) -> Patch:
    rows = 28
    place = sign * STRAP_PLACE
    body = figure.sheet.position[figure.on_parts("torso", "upper_arm", "neck")]
    centre = torch.tensor([figure.armpit - 0.02, float(figure.joint("left_shoulder")[2])])
    turn = torch.linspace(-0.15, math.pi + 0.15, rows)  # from the front over the shoulder to the back
    slices = []
    for offset in (-_STRAP / 2, _STRAP / 2):
        near = body[(body[:, 0] - place - offset).abs() < 0.02][:, 1:]
        towards = near - centre
        angle, distance = torch.atan2(towards[:, 0], towards[:, 1]), towards.norm(dim=1)
        weight = torch.exp(-((((angle[None] - turn[:, None] + math.pi) % (2 * math.pi) - math.pi) / 0.13) ** 2)) + 1e-9
        radius = weight @ distance / weight.sum(1) + 0.005
        along = centre + radius[:, None] * torch.stack([turn.sin(), turn.cos()], 1)
        slices.append(torch.cat([torch.full((rows, 1), place + offset), along], 1))
    position = torch.stack(slices, 1)
    height = sheet.position[:, 1].max()
    kept = position[:, :, 1].amin(1) > height - 0.14
    position = position[kept]
    count = len(position)
    index = torch.arange(2 * count).view(count, 2)
    index = index.flip(0)
    length = torch.cat([torch.zeros(1), position[:, 0].diff(dim=0).norm(dim=1).cumsum(0)])
    flat = torch.stack([place + torch.tensor([-0.5, 0.5]) * _STRAP + 0 * length[:, None], -length[:, None].expand(-1, 2)], -1)
    return _strip(sheet, figure.sheet, position.view(-1, 3), index, torch.full((2 * count,), 0.05), flat.view(-1, 2))


def _strip(sheet: Sheet, carrier: Sheet, position: Tensor, index: Tensor, edge: Tensor, flat: Tensor) -> Patch:
    """Make a patch of a grid of points, `index` [R, C] top row first; it moves as the carrier's nearest vertices do."""
    here, beside, below, across = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = torch.cat([torch.stack([here, below, beside], -1), torch.stack([beside, below, across], -1)]).reshape(-1, 3)
    vertex = torch.cdist(position, sheet.position).argmin(1)
    values = {name: value[vertex] for name, value in sheet.values.items()}
    held = vertex if carrier is sheet else torch.cdist(position, carrier.position).argmin(1)
    skinning = carrier.values["skinning"][held]
    normal = smooth_normals(position, faces, 1)
    values |= {"position": position, "start": position, "edge": edge[:, None], "normal": normal, "skinning": skinning}
    return Patch(Sheet(faces, values), flat[faces])
