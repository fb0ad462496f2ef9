"""Fabrics: colour and relief as functions of metres on the flat cloth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .noise import layered, noise, scatter_values, smoothstep
from .pieces import Paint

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Fabric:
    """A cloth.

    pattern: a name in PATTERNS
    colors:  sRGB; the ground first, then what is on it
    scale:   size of the pattern, 1 for the usual
    """

    pattern: str
    colors: tuple[Color, ...]
    scale: float = 1.0

    @property
    def cover(self) -> float:
        """How many Gaussians an area the cloth needs, against 1 for plain surfaces."""
        return {"plain": 0.8, "denim": 0.9, "knit": 0.9, "gradient": 0.8}.get(self.pattern, 1.9)


def weave(fabric: Fabric, uv: Tensor, seed: int) -> Paint:
    """Paint cloth at spots [N, 2] metres, v upwards.

    Raises:
        ValueError: if the pattern is unknown or has too few colours.
    """
    if fabric.pattern not in PATTERNS:
        raise ValueError(f"There is no fabric pattern '{fabric.pattern}'; use one of {', '.join(PATTERNS)}.")
    draw, needed = PATTERNS[fabric.pattern]
    if len(fabric.colors) < needed:
        raise ValueError(f"The fabric pattern '{fabric.pattern}' needs {needed} colours, and {len(fabric.colors)} were given.")
    paint = draw(uv / fabric.scale, torch.tensor(fabric.colors), seed)
    # No cloth is of one even tone: dye and nap vary over centimetres.
    tone = 1 + 0.02 * layered(uv * 40, 2, seed)
    return Paint(paint.color * tone[:, None], paint.relief)


def _plain(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    return Paint(colors[0].repeat(len(uv), 1))


def _stripes(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Sailor stripes round the body: ground 26 mm, stripe 14 mm."""
    return Paint(_over(colors[0], colors[1], _band(uv[:, 1], 0.040, 0.35)))


def _pinstripes(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Thin lines down the body, 22 mm apart."""
    return Paint(_over(colors[0], colors[1], 0.8 * _band(uv[:, 0], 0.022, 0.10)))


def _blocks(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Broad bands of all colours in turn, 110 mm each."""
    index = (uv[:, 1] / 0.11).floor().long() % len(colors)
    return Paint(colors[index])


def _checks(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Gingham: half tones where one set of bands lies, full where both cross."""
    across, down = _band(uv[:, 0], 0.032, 0.5), _band(uv[:, 1], 0.032, 0.5)
    return Paint(_over(colors[0], colors[1], 0.5 * across + 0.5 * down))


def _tartan(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Flannel: broad crossing bands with a thin line of the last colour."""
    across, down = _band(uv[:, 0], 0.09, 0.45), _band(uv[:, 1], 0.09, 0.45)
    color = _over(colors[0], colors[1], 0.55 * across + 0.45 * down)
    lines = torch.maximum(_band(uv[:, 0] + 0.045, 0.09, 0.06), _band(uv[:, 1] + 0.045, 0.09, 0.06))
    twill = 0.04 * torch.sin((uv[:, 0] + uv[:, 1]) * (2 * math.pi / 0.003))
    color = torch.lerp(color, colors[-1].expand_as(color), (0.7 * lines)[:, None])
    return Paint(color * (1 + twill[:, None]))


def _dots(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Polka dots of 11 mm on a staggered grid of 28 mm."""
    pitch = 0.028
    row = (uv[:, 1] / (pitch * 0.866)).round()
    x = uv[:, 0] / pitch + 0.5 * (row % 2)
    distance = torch.hypot((x - x.round()) * pitch, uv[:, 1] - row * pitch * 0.866)
    return Paint(_over(colors[0], colors[1], smoothstep(0.0064, 0.0050, distance)))


def _gradient(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Dip-dyed: the first colour at the top, the second 60 cm below the middle of the panel."""
    amount = smoothstep(0.22, -0.28, uv[:, 1] + 0.012 * layered(uv * 30, 2, seed))
    return Paint(_over(colors[0], colors[1], amount))


def _floral(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Five-petalled flowers scattered at about 5 cm, each with a leaf, the last colour in their hearts."""
    color = colors[0].repeat(len(uv), 1)
    pitch = 0.052
    cell = (uv / pitch).floor().long()
    leaf = torch.tensor([0.33, 0.47, 0.30])
    flower = colors[1:-1] if len(colors) > 2 else colors[1:]
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            home = cell + torch.tensor([dx, dy])
            jitter = torch.stack([scatter_values(home, seed + 1), scatter_values(home, seed + 2)], 1)
            offset = uv - (home + 0.15 + 0.7 * jitter) * pitch
            turn = scatter_values(home, seed + 3) * 2 * math.pi
            size = 0.011 + 0.008 * scatter_values(home, seed + 4)
            radius, angle = offset.norm(dim=1), torch.atan2(offset[:, 1], offset[:, 0]) + turn
            petal = size * (0.62 + 0.38 * (2.5 * angle).cos().abs())
            leaf_shape = size * 1.7 * (angle * 0.5).cos().abs() ** 14
            color = torch.lerp(color, leaf.expand_as(color), (0.85 * smoothstep(0.0008, -0.0008, radius - leaf_shape))[:, None])
            tint = flower[(scatter_values(home, seed + 5) * len(flower)).long().clamp_max(len(flower) - 1)]
            tint = tint * (0.86 + 0.2 * (radius / size).clamp(0, 1))[:, None]
            color = torch.lerp(color, tint, smoothstep(0.0008, -0.0008, radius - petal)[:, None])
            color = torch.lerp(color, colors[-1].expand_as(color), smoothstep(0.0006, -0.0006, radius - 0.24 * size)[:, None])
    return Paint(color)


def _denim(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Twill of coloured warp over white weft, slubby and a little washed."""
    diagonal = torch.sin((uv[:, 0] * 0.7 + uv[:, 1]) * (2 * math.pi / 0.0022))
    slub = noise(torch.stack([uv[:, 0] * 500, uv[:, 1] * 25], 1), seed) * 0.5 + 0.5 * noise(uv * 900, seed + 1)
    wash = layered(uv * 12, 3, seed + 2)
    white = (0.10 + 0.06 * diagonal + 0.11 * slub + 0.05 * wash).clamp(0, 1)
    color = torch.lerp(colors[0].repeat(len(uv), 1), torch.tensor([0.82, 0.85, 0.88]).expand(len(uv), 3), white[:, None])
    return Paint(color, 0.0002 * diagonal)


def _knit(uv: Tensor, colors: Tensor, seed: int) -> Paint:
    """Stocking stitch: columns of interlocking V, 7 mm wide."""
    width, height = 0.0075, 0.0060
    across = uv[:, 0] / width
    inside = (across - across.floor() - 0.5).abs() * 2
    row = uv[:, 1] / height + inside * 0.9
    stitch = (row - row.floor() - 0.5).abs() * 2
    yarn = (1 - stitch**2) * (1 - (2 * inside - 1).abs() ** 3)
    heather = noise(uv * 350, seed)
    shade = 0.80 + 0.24 * yarn + 0.04 * heather
    return Paint(colors[0] * shade[:, None], 0.0012 * yarn)


def _band(value: Tensor, period: float, share: float) -> Tensor:
    """Return 1 inside a repeating band that takes `share` of each period, with an edge of half a millimetre."""
    place = (value / period - (value / period).round()).abs() * period
    return smoothstep(0.00035, -0.00035, place - share * period / 2)


def _over(ground: Tensor, mark: Tensor, amount: Tensor) -> Tensor:
    return torch.lerp(ground.expand(len(amount), 3), mark.expand(len(amount), 3), amount[:, None])


# name -> (how it is drawn, how many colours it needs)
PATTERNS = {
    "plain": (_plain, 1),
    "stripes": (_stripes, 2),
    "pinstripes": (_pinstripes, 2),
    "blocks": (_blocks, 2),
    "checks": (_checks, 2),
    "tartan": (_tartan, 2),
    "dots": (_dots, 2),
    "gradient": (_gradient, 2),
    "floral": (_floral, 3),
    "denim": (_denim, 1),
    "knit": (_knit, 1),
}
