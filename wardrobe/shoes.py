"""Shoes: turned round the foot slice by slice, so that toes vanish under leather."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from .anatomy import Figure, smooth_normals
from .draping import Tube, bridge, hang, wrap_tube
from .fabrics import Color
from .noise import layered, ridge, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet, subdivide, take
from .tailoring import ring_faces, unrolled

_COLUMNS, _ROWS = 64, 36
_SOLE = 0.014  # metres under the foot
_WELT = 0.022  # metres of rubber that show above the ground
_SHAFT = 0.045  # metres of sock above the ankle


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes.

    color, sole, sock: sRGB
    """

    color: Color
    sole: Color
    sock: Color


def shoe_edge(figure: Figure, sheet: Sheet) -> Tensor:
    """Return how many metres [V] below the top of the socks a spot of the body's surface lies, negative above it."""
    return float(figure.joint("left_ankle")[1]) + _SHAFT - sheet.position[:, 1]


def make_shoes(figure: Figure, shoes: Shoes, seed: int) -> list[Piece]:
    """Make the left and the right shoe, each with its sock."""
    return [_make_shoe(figure, shoes, side, sign, seed) for side, sign in (("left", 1.0), ("right", -1.0))]


def _make_shoe(figure: Figure, shoes: Shoes, side: str, sign: float, seed: int) -> Piece:
    ankle = figure.joint(f"{side}_ankle")
    top = float(ankle[1]) + _SHAFT
    x, y = figure.sheet.position[:, 0], figure.sheet.position[:, 1]
    near = figure.on_parts("foot", "lower_leg") & (x * sign > 0) & (y < top + 0.04)
    foot = subdivide(take(figure.sheet, near[figure.sheet.faces].all(1)))
    tube, bottom = _last(foot, figure, ankle, top)
    height, angle, down = _rings(top, bottom)
    collar = float(ankle[1]) + 0.012 + 0.012 * angle.cos() ** 2
    on_shoe = smoothstep(0.003, -0.003, height - collar)
    welt = smoothstep(_WELT + 0.0015, _WELT - 0.0015, height - bottom)
    radius = tube.radius_at(angle, height.clamp_min(figure.floor + 0.002)) + 0.003 + 0.0035 * on_shoe + 0.0035 * welt
    # The last ring closes the sole towards its middle.
    position = tube.place(angle, height, radius * torch.where(down >= _ROWS - 1, 0.05, 1.0))
    faces = ring_faces(_ROWS, _COLUMNS)
    sheet = Sheet(faces, {"position": position, "start": position, "normal": smooth_normals(position, faces, 1)})
    sheet = sheet.with_values(
        skinning=_nearest_weights(foot, position), above=(height - bottom)[:, None], collar=(height - collar)[:, None],
        forward=(position[:, 2] - ankle[2])[:, None], across=(position[:, 0] - _middle_line(foot, position))[:, None],
    )  # fmt: skip
    flat = unrolled(torch.stack([angle, -down * 0.006], 1)[faces], 0.07)

    def paint(spots: Spots) -> Paint:
        return _paint_shoe(spots, shoes, seed)

    labels = torch.full((len(position),), LABEL_INDEX["shoes"])
    return Piece(sheet, labels, flat, torch.zeros(len(faces), dtype=torch.int64), density=1.0, cover=1.6, warmth=0.05, paint=paint)


def _last(foot: Sheet, figure: Figure, ankle: Tensor, top: float) -> tuple[Tube, float]:
    """Shape the foot's outside as a shoemaker's last: convex slices, straight walls; and where the ground is."""
    low = foot.position.amin(0)
    below = foot.position[foot.position[:, 1] < float(ankle[1])]
    centre = (below.amin(0) + below.amax(0)) / 2
    axis_top = torch.tensor([float(ankle[0]), top + 0.01, float(ankle[2])])
    axis_bottom = torch.tensor([float(centre[0]), float(low[1]), float(0.35 * centre[2] + 0.65 * ankle[2])])
    tube = hang(bridge(wrap_tube(foot.position, axis_top, axis_bottom)), 0.10)
    return _softened(tube), float(low[1]) - _SOLE


def _softened(tube: Tube) -> Tube:
    table = torch.nn.functional.pad(tube.radius[None, None], (2, 2, 0, 0), mode="circular")
    table = torch.nn.functional.pad(table, (0, 0, 2, 2), mode="replicate")
    return Tube(tube.top, tube.bottom, torch.nn.functional.avg_pool2d(table, 5, 1)[0, 0])


def _rings(top: float, bottom: float) -> tuple[Tensor, Tensor, Tensor]:
    """Heights, angles and row numbers of the shoe's vertices; rows are closer near the ground, the last closes the sole."""
    row = torch.arange(_ROWS).float()
    share = (row / (_ROWS - 2)).clamp_max(1) ** 0.8
    height = top + share * (bottom - top)
    angle = torch.arange(_COLUMNS) * (2 * math.pi / _COLUMNS)
    return height.repeat_interleave(_COLUMNS), angle.repeat(_ROWS), row.repeat_interleave(_COLUMNS)


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


def _paint_shoe(spots: Spots, shoes: Shoes, seed: int) -> Paint:
    value = {name: spots.values[name][:, 0] for name in ("above", "collar", "forward", "across")}
    above, collar, forward, across = value["above"], value["collar"], value["forward"], value["across"]
    grain = 1 + 0.03 * layered(spots.values["start"] * 300, 2, seed)
    color = torch.tensor(shoes.color) * grain[:, None]
    # A tongue with laces over the instep, a cap over the toes, a seam round the heel.
    on_instep = smoothstep(0.030, 0.027, across.abs()) * smoothstep(0.020, 0.035, forward) * smoothstep(0.135, 0.125, forward)
    tongue = smoothstep(0.019, 0.017, across.abs()) * on_instep
    color = torch.lerp(color, color * 0.78, tongue[:, None])
    crossing = ((forward / 0.018) % 1 - 0.5).abs()
    lace = on_instep * smoothstep(0.17, 0.12, crossing) * smoothstep(0.026, 0.024, across.abs())
    color = torch.lerp(color, torch.tensor(shoes.sole).expand_as(color), (0.9 * lace)[:, None])
    cap = ridge(forward - 0.150 - 8 * across**2, 0.0014)
    heel = ridge(forward + 0.022 + 0.3 * (above - 0.05), 0.0014)
    rim = smoothstep(-0.005, -0.001, collar)
    color = color * (1 - 0.35 * torch.maximum(torch.maximum(cap, heel), 0.7 * rim))[:, None]
    rubber = torch.tensor(shoes.sole) * (1 - 0.18 * ridge(above - 0.008, 0.0012))[:, None]
    color = torch.lerp(color, rubber, smoothstep(_WELT + 0.001, _WELT - 0.001, above)[:, None])
    rib = 0.94 + 0.06 * torch.sin(spots.uv[:, 0] * (2 * math.pi / 0.0045))
    sock = torch.tensor(shoes.sock) * rib[:, None]
    color = torch.lerp(color, sock, smoothstep(-0.001, 0.001, collar)[:, None])
    relief = 0.002 * lace - 0.001 * torch.maximum(cap, heel) + 0.002 * smoothstep(0.001, -0.002, collar)
    return Paint(color, relief)
