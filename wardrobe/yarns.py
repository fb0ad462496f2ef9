"""Patterns that lie in how cloth is made: twill, stitches, ribs and cables; and dyeing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bands import Footprint, band, over, seen
from .noise import layered, noise, ridge, smoothstep
from .pieces import Paint


def plain(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """One colour."""
    return Paint(colors[0].repeat(len(uv), 1))


def denim(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Twill of coloured warp over white weft, slubby and a little washed."""
    fine, slubs = seen(0.0022, footprint), seen(0.012, footprint)
    diagonal = fine * torch.sin((uv[:, 0] * 0.7 + uv[:, 1]) * (2 * math.pi / 0.0022))
    slub = slubs * noise(torch.stack([uv[:, 0] * 500, uv[:, 1] * 25], 1), seed)
    wash = layered(uv * 14, 2, seed + 2)
    white = (0.12 + 0.06 * diagonal + 0.09 * slub + 0.10 * wash).clamp(0, 1)
    return Paint(over(colors[0], torch.tensor([0.82, 0.85, 0.88]), white), 0.0002 * diagonal)


def knit(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Stocking stitch, columns of interlocking V 7.5 mm wide, in ribs of four columns and one between."""
    yarn = _stitches(uv, footprint)
    rib = ridge((uv[:, 0] / 0.0375 - (uv[:, 0] / 0.0375).round()) * 0.0375, 0.0050) * seen(0.0375, footprint)
    shade = 0.84 + 0.22 * yarn - 0.22 * rib
    return Paint(colors[0] * shade[:, None], 0.0012 * yarn - 0.0025 * rib)


def cable(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Aran knit: pairs of yarn strands that cross every 40 mm, 60 mm apart, with a purled ground between."""
    yarn = _stitches(uv, footprint)
    pitch = 0.060
    x = (uv[:, 0] / pitch - (uv[:, 0] / pitch).round()) * pitch
    phase = uv[:, 1] * (2 * math.pi / 0.080)
    first, second = x - 0.0095 * torch.sin(phase), x + 0.0095 * torch.sin(phase)
    over_ = smoothstep(-0.4, 0.4, torch.cos(phase))  # which strand lies on top
    strands = torch.stack([_strand(first) * (0.65 + 0.35 * over_), _strand(second) * (1 - 0.35 * over_)]).amax(0)
    gap = smoothstep(0.024, 0.019, x.abs()) * (1 - strands) * seen(0.030, footprint)
    shade = 0.80 + 0.10 * yarn + (0.24 * strands * seen(0.040, footprint)) - 0.24 * gap
    return Paint(colors[0] * shade[:, None], 0.0008 * yarn + 0.006 * strands)


def corduroy(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Velvet ribs down the cloth, 11 mm apart."""
    wale = torch.cos(uv[:, 0] * (2 * math.pi / 0.011)) * seen(0.011, footprint)
    nap = noise(torch.stack([uv[:, 0] * 90, uv[:, 1] * 20], 1), seed)
    return Paint(colors[0] * (0.92 + 0.14 * wale + 0.04 * nap)[:, None], 0.0012 * wale)


def herringbone(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Broken twill: slanting lines of 18 mm that turn every 36 mm."""
    fold = uv[:, 0] / 0.072
    slant = (fold - fold.round()).abs() * 0.072
    lines = band(uv[:, 1] + slant, 0.018, 0.5, footprint)
    grain = 0.05 * torch.sin(uv[:, 1] * (2 * math.pi / 0.003)) * seen(0.003, footprint)
    return Paint(over(colors[0], colors[1], 0.85 * lines) * (1 + grain)[:, None])


def gradient(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Dip-dyed: the first colour 22 cm above the middle of the garment, the second 28 cm below."""
    amount = smoothstep(0.22, -0.28, uv[:, 1] + 0.012 * layered(uv * 30, 2, seed))
    return Paint(over(colors[0], colors[1], amount))


def tie_dye(uv: Tensor, colors: Tensor, seed: int, footprint: Footprint) -> Paint:
    """Bound and dyed in rings: bands of all colours round a spot on the middle line, frayed by the folds."""
    radius, angle = torch.hypot(uv[:, 0], uv[:, 1]), torch.atan2(uv[:, 1], uv[:, 0])
    # The angle is read on a circle, so that there is no jump behind.
    spokes = noise(torch.stack([angle.cos() * 5, angle.sin() * 5, radius * 12], 1), seed)
    place = (radius + 0.022 * spokes) / 0.055
    ring = place.floor()
    index, following = ring.long() % len(colors), (ring.long() + 1) % len(colors)
    mix = smoothstep(0.55, 1.0, place - ring)
    color = torch.lerp(colors[index], colors[following], mix[:, None])
    return Paint(color * (0.95 + 0.06 * noise(uv * 45, seed + 1))[:, None])


def _stitches(uv: Tensor, footprint: Footprint) -> Tensor:
    """Return how high [N] the yarn of stocking stitch rises, 0..1; 0.4 on average."""
    across = uv[:, 0] / 0.0075
    inside = (across - across.floor() - 0.5).abs() * 2
    row = uv[:, 1] / 0.0060 + inside * 0.9
    stitch = (row - row.floor() - 0.5).abs() * 2
    yarn = (1 - stitch**2) * (1 - (2 * inside - 1).abs() ** 3)
    return 0.4 + (yarn - 0.4) * seen(0.0075, footprint)


def _strand(offset: Tensor) -> Tensor:
    return (1 - (offset / 0.0095) ** 2).clamp_min(0) ** 0.5
