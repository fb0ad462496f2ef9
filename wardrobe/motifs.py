"""Patterns of scattered shapes: dots, stars, flowers, leaves, spots of animals and camouflage."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .bands import Footprint, over
from .noise import layered, noise, scatter_values, smoothstep
from .pieces import Paint

_LEAF = (0.33, 0.47, 0.30)


@dataclass(frozen=True)
class _Motifs:
    """For each spot, the motif of the cell in which it lies.

    offset: [N, 2] metres from the motif's middle
    cell:   [N, 2] int64
    """

    offset: Tensor
    cell: Tensor

    def chance(self, seed: int) -> Tensor:
        """Return a value [N] in 0..1, the same all over a motif."""
        return scatter_values(self.cell, seed)

    def polar(self, seed: int) -> tuple[Tensor, Tensor]:
        """Return the distance [N] and the angle [N] in radians round the motif's middle, each motif turned by chance."""
        angle = torch.atan2(self.offset[:, 1], self.offset[:, 0])
        return self.offset.norm(dim=1), angle + 2 * math.pi * self.chance(seed)

    def turned(self, seed: int) -> tuple[Tensor, Tensor]:
        """Return x and y [N] in the motif's own direction."""
        turn = 2 * math.pi * self.chance(seed)
        x, y = self.offset.unbind(1)
        return x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()


def dots(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Polka dots of 20 mm on a staggered grid of 42 mm."""
    offset = _staggered(uv, 0.042).offset
    return Paint(over(colors[0], colors[1], _inside(offset.norm(dim=1) - 0.010, footprint)))


def large_dots(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Dots of 44 mm on a staggered grid of 80 mm."""
    offset = _staggered(uv, 0.080).offset
    return Paint(over(colors[0], colors[1], _inside(offset.norm(dim=1) - 0.022, footprint)))


def stars(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Five-pointed stars of 36 mm on a staggered grid of 60 mm."""
    x, y = _staggered(uv, 0.060).offset.unbind(1)
    return Paint(over(colors[0], colors[1], _inside(star_distance(x, y, 0.019), footprint)))


def hearts(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Hearts of 32 mm on a staggered grid of 56 mm."""
    x, y = _staggered(uv, 0.056).offset.unbind(1)
    return Paint(over(colors[0], colors[1], _inside(heart_distance(x, y, 0.016), footprint)))


def floral(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Five-petalled flowers of 4 to 6 cm among leaves, the last colour in their hearts."""
    color = colors[0].expand(len(uv), 3)
    for layer, pitch in enumerate((0.078, 0.070)):
        color = _flowers(color, _scattered(uv, pitch, 0.029, seed + 10 * layer), colors, seed + 10 * layer, 5, 0.0285, footprint)
    return Paint(color)


def ditsy(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Many little flowers of about 3 cm."""
    color = colors[0].expand(len(uv), 3)
    for layer, pitch in enumerate((0.047, 0.041)):
        color = _flowers(color, _scattered(uv, pitch, 0.015, seed + 10 * layer), colors, seed + 10 * layer, 5, 0.0150, footprint)
    return Paint(color)


def daisies(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Daisies of 6 cm with eleven narrow petals, well apart."""
    color = colors[0].expand(len(uv), 3)
    return Paint(_flowers(color, _scattered(uv, 0.086, 0.032, seed), colors, seed, 11, 0.032, footprint))


def leaves(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Tropical leaves of 9 cm with a rib, in the other colours, over one another."""
    color = colors[0].expand(len(uv), 3)
    for layer, pitch in enumerate((0.098, 0.092, 0.100)):
        motif = _scattered(uv, pitch, 0.047, seed + 10 * layer)
        x, y = motif.turned(seed + 10 * layer + 3)
        half = 0.0175 * (1 - (x / 0.046) ** 2).clamp_min(0) * (1 - 0.25 * x / 0.046)
        outline = torch.maximum(y.abs() - half, x.abs() - 0.046) * 0.85
        tint = _choice(colors[1:], motif.chance(seed + 10 * layer + 5))
        veins = 0.88 + 0.12 * smoothstep(-0.5, 0.5, torch.sin((x - 0.9 * y.abs()) * (2 * math.pi / 0.013)))
        rib = 1 - 0.25 * smoothstep(0.0016, 0.0006, y.abs())
        color = torch.lerp(color, tint * (veins * rib)[:, None], _inside(outline, footprint)[:, None])
    return Paint(color)


def leopard(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Broken dark rings with darker ground inside them, 3 to 4 cm each, 6 cm apart."""
    warped = uv + 0.006 * torch.stack([noise(uv * 40, seed), noise(uv * 40, seed + 1)], 1)
    color = colors[0].expand(len(uv), 3)
    inner = torch.lerp(colors[0], colors[-1] if len(colors) > 2 else colors[1], 0.55)
    motif = _staggered(warped, 0.058, seed + 2)
    radius, angle = motif.polar(seed + 3)
    size = 0.0140 + 0.0040 * motif.chance(seed + 4)
    color = torch.lerp(color, inner.expand_as(color), _inside(radius - size, footprint)[:, None])
    gaps = torch.cos(angle * 2.0 + torch.sin(angle)) * 0.0032 + 0.0014
    return Paint(torch.lerp(color, colors[1].expand_as(color), _inside((radius - size).abs() - 0.0032 - gaps, footprint)[:, None]))


def zebra(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Stripes of about 2 cm that bend, fork and end."""
    bend = noise(torch.stack([uv[:, 0] * 9, uv[:, 1] * 7], 1), seed)
    wave = torch.sin(uv[:, 1] * (2 * math.pi / 0.055) + 3.4 * bend + 2.0 * noise(uv * 4, seed + 1))
    return Paint(over(colors[0], colors[1], _threshold(wave + 0.35 * bend - 0.1, 115.0, footprint)))


def camouflage(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Blotches of 5 to 10 cm of all colours over the ground."""
    color = colors[0].expand(len(uv), 3)
    stretched = uv * torch.tensor([9.0, 13.0])
    for index, mark in enumerate(colors[1:]):
        field = layered(stretched * (1 + 0.15 * index), 2, seed + 5 * index)
        color = torch.lerp(color, mark.expand_as(color), _threshold(field - 0.12 - 0.05 * index, 22.0, footprint)[:, None])
    return Paint(color)


def star_distance(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Return about the signed distance [N] to an upright five-pointed star, negative inside."""
    angle = torch.atan2(x, y) / (2 * math.pi / 5)
    fold = (angle - angle.round()).abs() * (2 * math.pi / 5)
    distance = torch.hypot(x, y)
    px, py = distance * fold.sin(), distance * fold.cos()
    # The edge from the tip (0, radius) to the notch at 36 degrees.
    nx, ny = 0.40 * radius * math.sin(math.pi / 5), 0.40 * radius * math.cos(math.pi / 5)
    ex, ey = nx, ny - radius
    return ((py - radius) * ex - px * ey) / math.hypot(ex, ey)


def heart_distance(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Return about the signed distance [N] to an upright heart, negative inside."""
    px, py = x.abs() / radius, y / radius + 0.10
    lobe = torch.hypot(px - 0.50, py - 0.36) - 0.53
    # Below the lobes two straight sides meet in the point.
    side = (px * 0.80 + (-py) * 0.62) - 0.62
    body = torch.maximum(side, py - 0.36)
    return torch.minimum(lobe, torch.maximum(body, px - 1.03)) * radius


def _flowers(color: Tensor, motif: _Motifs, colors: Tensor, seed: int, petals: int, reach: float, footprint: Footprint) -> Tensor:
    """Paint one flower with a leaf or two in each cell."""
    radius, angle = motif.polar(seed + 3)
    size = reach * (0.72 + 0.28 * motif.chance(seed + 4))
    tints = colors[1:-1] if len(colors) > 2 else colors[1:]
    leaf = 1.05 * size * (angle * 0.5 + 0.7).cos().abs() ** 10
    second = 0.95 * size * (angle * 0.5 + 1.8).cos().abs() ** 12
    color = _spread(color, torch.tensor(_LEAF), 0.85 * _inside(radius - torch.maximum(leaf, second), footprint))
    petal = 0.80 * size * (0.55 + 0.45 * (petals / 2 * angle).cos().abs() ** (0.7 if petals < 8 else 0.45))
    tint = _choice(tints, motif.chance(seed + 5)) * (0.84 + 0.2 * (radius / size).clamp(0, 1))[:, None]
    color = torch.lerp(color, tint, _inside(radius - petal, footprint)[:, None])
    return _spread(color, colors[-1], _inside(radius - 0.24 * size, footprint))


def _scattered(uv: Tensor, pitch: float, reach: float, seed: int) -> _Motifs:
    """Put one motif of radius `reach` somewhere into each square of a grid, so that it stays inside."""
    shift = torch.rand(2, generator=torch.Generator().manual_seed(seed))
    place = uv / pitch + shift
    row = place[:, 1].floor().long()
    # Every row is shifted on its own, so that no columns show.
    sideways = scatter_values(torch.stack([row, row], 1), seed + 9)
    place = torch.stack([place[:, 0] + sideways, place[:, 1]], 1)
    cell = place.floor().long()
    inside = (place - cell - 0.5) * pitch
    room = 2 * max(pitch / 2 - reach, 0.0)
    jitter = torch.stack([scatter_values(cell, seed + 1), scatter_values(cell, seed + 2)], 1) - 0.5
    return _Motifs(inside - room * jitter, cell)


def _staggered(uv: Tensor, pitch: float, seed: int | None = None) -> _Motifs:
    """Put motifs on a grid whose rows are shifted by half; jittered a little if there is a seed."""
    row = (uv[:, 1] / (pitch * 0.866)).round()
    x = uv[:, 0] / pitch + 0.5 * (row % 2)
    column = x.round()
    offset = torch.stack([(x - column) * pitch, uv[:, 1] - row * pitch * 0.866], 1)
    cell = torch.stack([column, row], 1).long()
    if seed is not None:
        offset = offset - 0.16 * pitch * (torch.stack([scatter_values(cell, seed), scatter_values(cell, seed + 1)], 1) - 0.5)
    return _Motifs(offset, cell)


def _inside(distance: Tensor, footprint: Footprint) -> Tensor:
    """Return 1 where a signed distance [N] in metres is negative, 0 outside, with an edge as soft as a spot."""
    half = 0.5 * footprint + 0.0005
    return smoothstep(1.0, -1.0, distance / half)


def _threshold(field: Tensor, steepness: float, footprint: Footprint) -> Tensor:
    """Return 1 where a field [N] that changes by up to `steepness` a metre is positive, with an edge as soft as a spot."""
    return smoothstep(-1.0, 1.0, field / (steepness * (0.5 * footprint + 0.0006)))


def _choice(colors: Tensor, chance: Tensor) -> Tensor:
    return colors[(chance * len(colors)).long().clamp_max(len(colors) - 1)]


def _spread(color: Tensor, mark: Tensor, amount: Tensor) -> Tensor:
    return torch.lerp(color, mark.expand_as(color), amount[:, None])
