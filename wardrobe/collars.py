"""Collars: a stand round the neck and a fall folded over it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .anatomy import smooth_normals
from .draping import Obstacle
from .noise import ridge, smoothstep
from .sheets import Sheet, rim_edges
from .tailoring import ring_faces

_COLUMNS, _STAND, _FALL = 72, 6, 10


def shirt_collar(sheet: Sheet, obstacle: Obstacle) -> tuple[Sheet, Tensor]:
    """Sew a shirt collar to the neck opening of a draped sheet, open in front.

    Returns:
        the collar with the sheet's values, and its flat positions [F, 3, 2] in metres.
    """
    rim = torch.unique(rim_edges(sheet.faces)[0])
    around_neck = rim[sheet.position[rim, 1] > sheet.position[:, 1].max() - 0.12]
    around_neck = around_neck[sheet.values["armness"][around_neck, 0] < 0.2]
    points = sheet.position[around_neck]
    centre = (points.amin(0) + points.amax(0)) / 2
    # The collar runs from just left of the middle in front, round the back, to just right of it.
    angle = torch.linspace(math.radians(9), math.radians(351), _COLUMNS)
    rim_angle = torch.atan2(points[:, 0] - centre[0], points[:, 2] - centre[2]) % (2 * math.pi)
    away = (rim_angle[None] - angle[:, None] + math.pi) % (2 * math.pi) - math.pi
    weight = ridge(away, 0.09) + 1e-9
    base = weight @ points / weight.sum(1, keepdim=True)
    vertex = around_neck[away.abs().argmin(1)]

    outwards = torch.nn.functional.normalize((base - centre) * torch.tensor([1.0, 0.0, 1.0]), dim=1)
    in_front = smoothstep(math.radians(70), math.radians(8), torch.minimum(angle, 2 * math.pi - angle))
    up = torch.tensor([0.0, 1.0, 0.0])
    stand = 0.030 - 0.018 * in_front
    length = 0.036 + 0.022 * in_front
    risen, fallen = torch.linspace(0, 1, _STAND + 1), torch.linspace(0, 1, _FALL + 1)[1:]
    rows = [base + 0.003 * outwards + (up - 0.25 * outwards) * (stand * share)[:, None] for share in risen]
    fold = rows[-1]
    for share in fallen:
        drop = -up * (length * share)[:, None]
        # The points of the collar lean out to the sides.
        rows.append(fold + drop + outwards * (0.006 + 0.011 * share + 0.014 * in_front[:, None] * share))
    position = torch.stack(rows)
    falling = position[_STAND + 1 :].reshape(-1, 3)
    position = torch.cat([position[: _STAND + 1].reshape(-1, 3), obstacle.push_out(falling, 0.007)])
    count = len(rows)
    faces = ring_faces(count, _COLUMNS)
    faces = faces[(faces % _COLUMNS).amax(1) - (faces % _COLUMNS).amin(1) < 2]
    source = vertex.repeat(count)
    values = {name: value[source] for name, value in sheet.values.items()}
    values["position"] = position
    values["edge"] = _distance_to_edge(count, length, angle)[:, None]
    along = (angle - math.pi) * 0.07
    down = torch.cat([*(stand * share for share in risen), *(stand + length * share for share in fallen)])
    flat = torch.stack([along.repeat(count), -down], 1)[faces]
    return Sheet(faces, {**values, "normal": smooth_normals(position, faces, 1)}), flat


def _distance_to_edge(count: int, length: Tensor, angle: Tensor) -> Tensor:
    """Return metres [V] from the lower edge and the front edges of the fall; far on the stand."""
    rows = []
    for row in range(count):
        share = max(row - _STAND, 0) / _FALL
        below = length * (1 - share)
        front = torch.minimum(angle - angle[0], angle[-1] - angle) * 0.075
        rows.append(torch.minimum(below, front) if row > _STAND else torch.full_like(length, 0.05))
    return torch.cat(rows)
