"""Patterns of straight bands: stripes, checks, tartans and zigzags; drawn as wide as a spot where spots are far apart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .noise import smoothstep
from .pieces import Paint

Footprint = Tensor | float  # metres of cloth that a spot stands for, a number or [N]


def stripes(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Sailor stripes round the body: ground 26 mm, stripe 14 mm."""
    return Paint(over(colors[0], colors[1], band(uv[:, 1], 0.040, 0.35, footprint)))


def wide_stripes(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Rugby stripes round the body: ground and stripe 45 mm each."""
    return Paint(over(colors[0], colors[1], band(uv[:, 1], 0.090, 0.5, footprint)))


def vertical_stripes(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Stripes down the body: ground 24 mm, stripe 18 mm."""
    return Paint(over(colors[0], colors[1], band(uv[:, 0], 0.042, 0.43, footprint)))


def pinstripes(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Thin lines down the body, 28 mm apart."""
    return Paint(over(colors[0], colors[1], 0.85 * band(uv[:, 0], 0.028, 0.10, footprint)))


def blocks(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Broad bands of all colours in turn, 110 mm each."""
    row = (uv[:, 1] / 0.11).floor()
    color = colors[row.long() % len(colors)]
    into = smoothstep(-_soft(footprint), _soft(footprint), (uv[:, 1] / 0.11 - row - 1) * 0.11)
    return Paint(torch.lerp(color, colors[(row.long() + 1) % len(colors)], into[:, None]))


def checks(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Buffalo checks: bands of 42 mm, half tones where one set lies, full where both cross."""
    across, down = band(uv[:, 0], 0.084, 0.5, footprint), band(uv[:, 1], 0.084, 0.5, footprint)
    return Paint(over(colors[0], colors[1], 0.5 * across + 0.5 * down) * _twill(uv, footprint)[:, None])


def gingham(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Small checks of 18 mm in half tones on the ground."""
    across, down = band(uv[:, 0], 0.036, 0.5, footprint), band(uv[:, 1], 0.036, 0.5, footprint)
    return Paint(over(colors[0], colors[1], 0.5 * across + 0.5 * down))


def windowpane(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """A grid of lines 7 mm wide, 70 mm apart."""
    across, down = band(uv[:, 0], 0.070, 0.10, footprint), band(uv[:, 1], 0.070, 0.10, footprint)
    return Paint(over(colors[0], colors[1], torch.maximum(across, down)))


def tartan(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Flannel: broad crossing bands with a thin line of the last colour."""
    across, down = band(uv[:, 0], 0.09, 0.45, footprint), band(uv[:, 1], 0.09, 0.45, footprint)
    color = over(colors[0], colors[1], 0.55 * across + 0.45 * down)
    lines = torch.maximum(band(uv[:, 0] + 0.045, 0.09, 0.07, footprint), band(uv[:, 1] + 0.045, 0.09, 0.07, footprint))
    color = torch.lerp(color, colors[-1].expand_as(color), (0.75 * lines)[:, None])
    return Paint(color * _twill(uv, footprint)[:, None])


def houndstooth(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Broken checks of 48 mm: each dark square carries slanting teeth into its neighbours."""
    cell = uv / 0.048
    x, y = (cell - cell.floor()).unbind(1)
    # One repeat of the weave: four dark and four light threads each way, in a twill of two over and two under.
    soft = _soft(footprint) / 0.048
    warp, weft = _step(0.5 - x, soft) * _step(x, soft), _step(0.5 - y, soft) * _step(y, soft)
    slant = torch.remainder((x + y) * 2, 1) - 0.5
    twill = _step(slant, 3 * soft) * _step(0.5 - slant, 3 * soft)
    dark = twill * warp + (1 - twill) * weft
    return Paint(over(colors[0], colors[1], dark))


def zigzag(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Chevrons 36 mm high and 60 mm wide, as many colours in turn as there are."""
    fold = uv[:, 0] / 0.060
    height = uv[:, 1] + (fold - fold.round()).abs() * 0.060
    color, count = colors[0].expand(len(uv), 3), len(colors)
    for index in range(1, count):
        place = height - index * 0.036
        color = torch.lerp(color, colors[index].expand_as(color), band(place, 0.036 * count, 1 / count, footprint)[:, None])
    return Paint(color)


def argyle(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Diamonds 60 mm wide and 90 mm high in turns of two colours, crossed by thin lines of the last."""
    x, y = uv[:, 0] / 0.060, uv[:, 1] / 0.090
    soft = _soft(footprint) / 0.045
    diamond = _triangle(x) + _triangle(y) - 1  # above 0 in the diamonds round whole x and y
    color = over(colors[0], colors[1], _step(diamond, soft))
    lines = torch.maximum(band(x + y + 0.5, 1.0, 0.05, _scaled(footprint)), band(x - y + 0.5, 1.0, 0.05, _scaled(footprint)))
    return Paint(torch.lerp(color, colors[-1].expand_as(color), (0.8 * lines)[:, None]))


def band(value: Tensor, period: float, share: float, footprint: Footprint) -> Tensor:
    """Return how much [N] of each spot lies inside a repeating band that takes `share` of each period and is centred on 0.

    The band is averaged over the footprint, at least 0.7 mm, so that lines finer than a spot fade instead of flickering.
    """
    wide = _at_least(footprint, 0.0007)
    place = value / period + share / 2
    reach = wide / (2 * period)
    return (_area(place + reach, share) - _area(place - reach, share)) / (2 * reach)


def over(ground: Tensor, mark: Tensor, amount: Tensor) -> Tensor:
    """Return a mix [N, 3] of two colours, [3] or [N, 3], by amounts [N]."""
    return ground + amount[:, None] * (mark - ground)


def seen(size: float, footprint: Footprint) -> Footprint:
    """Return how much (0..1) of a texture with features `size` metres apart is seen by spots so far apart."""
    share = footprint / size
    return smoothstep(0.75, 0.30, share) if isinstance(share, Tensor) else float(smoothstep(0.75, 0.30, torch.tensor(share)))


def _area(place: Tensor, share: float) -> Tensor:
    """The band's share, summed up from 0 to `place` periods."""
    whole = place.floor()
    return whole * share + (place - whole).clamp_max(share)


def _triangle(value: Tensor) -> Tensor:
    """Return 1 at whole numbers, falling evenly to 0 half-way between."""
    return 1 - 2 * (value - value.round()).abs()


def _step(value: Tensor, soft: Footprint) -> Tensor:
    return smoothstep(-1.0, 1.0, value / soft)


def _twill(uv: Tensor, footprint: Footprint) -> Tensor:
    return 1 + 0.04 * seen(0.003, footprint) * torch.sin((uv[:, 0] + uv[:, 1]) * (2 * math.pi / 0.003))


def _scaled(footprint: Footprint) -> Footprint:
    return footprint / 0.07


def _soft(footprint: Footprint) -> Footprint:
    return _at_least(0.5 * footprint, 0.00035)


def _at_least(value: Footprint, low: float) -> Footprint:
    return value.clamp_min(low) if isinstance(value, Tensor) else max(value, low)
