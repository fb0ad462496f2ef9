"""Faces: how brows, eyes, lips and beard are painted where the template's face has them.

All places are canonical points (see `anatomy.Figure`): metres from between the eyes of a face whose eyes are EYE_DISTANCE apart.
What is finer than a picture can show is painted coarser and stronger, as make-up for the stage is: `far` says how much, 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .face_shapes import blob, eye_opening
from .noise import noise, ridge, smoothstep
from .pieces import Color


@dataclass(frozen=True)
class Face:
    """How a face is made up, apart from its shape.

    complexion: 0 fair .. 1 deep
    eyes, brows: sRGB
    lips: 0 bare .. 1 lipstick red
    lashes: 0 light .. 1 strong
    stubble: 0 none .. 1 a short beard's shadow .. 1.5 a full short beard
    features: how the face differs from the average one, each about -1..1, see `face_shapes.FEATURES`
    smile: 0 earnest .. 1 smiling
    """

    complexion: float
    eyes: Color
    brows: Color
    lips: float
    lashes: float
    stubble: float
    features: tuple[float, ...] = (0.0,) * 8
    smile: float = 0.4


def paint_head(point: Tensor, color: Tensor, face: Face, base: Tensor, far: Tensor, seed: int) -> Tensor:
    """Paint the face over the colours [N, 3] of bare skin.

    Args:
        point: [N, 3] canonical.
        base: [3] the skin's mean colour.
        far: [N] how coarse to paint, 0..1.
    """
    x, y, z = point[:, 0].abs(), point[:, 1], point[:, 2]
    front = smoothstep(-0.06, -0.01, z)
    flush = base * torch.tensor([1.0, 0.74, 0.72])
    cheeks = blob(x, y, 0.040, -0.034, 0.022, 0.017) * front * smoothstep(-0.02, 0.0, z)
    nose = blob(x, y, 0.0, -0.040, 0.016, 0.014) * smoothstep(0.02, 0.035, z)
    ears = smoothstep(0.074, 0.082, x) * smoothstep(-0.055, -0.07, z) * smoothstep(-0.06, -0.045, y) * smoothstep(0.012, 0.0, y)
    chin = blob(x, y, 0.0, -0.100, 0.016, 0.012) * front
    color = mix(color, flush, 0.32 * cheeks + 0.32 * nose + 0.22 * ears + 0.15 * chin)
    shade = base * torch.tensor([0.82, 0.72, 0.70])
    sockets = blob(x, y, 0.030, -0.011, 0.014, 0.006) + far * blob(x, y, 0.024, 0.008, 0.016, 0.008)
    below_nose = blob(x, y, 0.0, -0.049, 0.016, 0.006) + 0.6 * blob(x, y, 0.016, -0.036, 0.005, 0.012)
    color = mix(color, shade, (0.30 * sockets + 1.0 * far * below_nose) * front)
    nostrils = blob(x, y, 0.0105, -0.0445, 0.0042, 0.0028) * smoothstep(0.044, 0.038, z) * smoothstep(0.015, 0.022, z)
    color = mix(color, base * torch.tensor([0.40, 0.28, 0.25]), 0.85 * nostrils)
    if face.stubble:
        color = _paint_stubble(point, color, face, seed)
    color = _paint_lips(point, color, base, face, far)
    color = _paint_lids(point, color, base, face, far)
    return _paint_brows(point, color, face, far, seed)


def paint_roots(point: Tensor, color: Tensor, hair: Color, seed: int) -> Tensor:
    """Paint the roots of hair over what lies above the hairline."""
    above = above_hairline(point)
    strands = noise(torch.stack([point[:, 0] * 900, point[:, 2] * 900, point[:, 1] * 60], 1), seed + 5)
    roots = smoothstep(-0.006, 0.008, above + 0.005 * strands)
    return mix(color, torch.tensor(hair) * 0.62, 0.92 * roots)


def above_hairline(point: Tensor) -> Tensor:
    """Return how far [N] canonical points lie above the natural hairline, metres, negative on the face, ears and neck."""
    # z from the nape to the forehead, and the hairline's height there.
    line = torch.tensor(
        [
            (-0.200, -0.066), (-0.150, -0.066), (-0.130, -0.060), (-0.112, -0.042), (-0.100, -0.012), (-0.092, 0.006),
            (-0.080, 0.012), (-0.070, 0.008), (-0.064, -0.012), (-0.058, -0.014), (-0.052, 0.006), (-0.042, 0.030),
            (-0.028, 0.050), (-0.012, 0.062), (0.008, 0.070), (0.040, 0.072),
        ]
    )  # fmt: skip
    place = torch.searchsorted(line[:, 0].contiguous(), point[:, 2].contiguous()).clamp(1, len(line) - 1)
    low, high = line[place - 1], line[place]
    amount = ((point[:, 2] - low[:, 0]) / (high[:, 0] - low[:, 0])).clamp(0, 1)
    return point[:, 1] - torch.lerp(low[:, 1], high[:, 1], amount)


def _paint_stubble(point: Tensor, color: Tensor, face: Face, seed: int) -> Tensor:
    x, y, z = point[:, 0].abs(), point[:, 1], point[:, 2]
    jaw = smoothstep(-0.030, -0.060, y + 0.25 * (x - 0.03)) * smoothstep(-0.135, -0.118, y) * smoothstep(-0.075, -0.055, z)
    upper_lip = blob(x, y, 0.010, -0.057, 0.016, 0.006)
    bare_cheek = blob(x, y, 0.034, -0.045, 0.016, 0.016)
    grain = 0.75 + 0.25 * noise(point * 1400, seed + 9)
    amount = torch.maximum(jaw * (1 - 0.8 * bare_cheek), upper_lip) * smoothstep(-0.07, -0.05, z) * grain
    return mix(color, torch.tensor(face.brows) * 0.9, (0.62 * face.stubble * amount).clamp_max(0.94))


def _paint_lips(point: Tensor, color: Tensor, base: Tensor, face: Face, far: Tensor) -> Tensor:
    x, y, z = point[:, 0].abs(), point[:, 1], point[:, 2]
    across = (x / 0.0250).clamp(0, 1)
    bow = 1 - across**2
    top = -0.0725 + 0.0098 * bow**0.75 - 0.0016 * ridge(x, 0.0032)
    bottom = -0.0725 - 0.0128 * bow**0.8
    soft = 0.0011
    inside = smoothstep(-soft, soft, top - y) * smoothstep(-soft, soft, y - bottom) * smoothstep(0.0256, 0.0240, x)
    inside = inside * smoothstep(0.0, 0.01, z)
    bare = base * torch.lerp(torch.tensor([0.93, 0.75, 0.71]), torch.tensor([0.90, 0.62, 0.60]), min(4 * face.lips, 1.0))
    rouge = torch.tensor([0.72, 0.20, 0.24]) * (0.55 + 0.45 * base.mean() / 0.75)
    shine = 0.10 * blob(x, y, 0.006, -0.0785, 0.008, 0.0025)[:, None]
    lip = torch.lerp(bare, rouge, face.lips) + shine
    color = mix(color, lip * (1 - 0.12 * far)[:, None], 0.9 * inside)
    curve = y + 0.0718 + 0.0009 * (across - 0.4)
    seam = ridge(curve, 0.0009 + 0.0022 * far) * smoothstep(0.0255, 0.0235, x) * smoothstep(0.0, 0.01, z)
    color = mix(color, base * torch.tensor([0.36, 0.16, 0.15]), 0.75 * seam)
    mouth = smoothstep(0.021, 0.019, z + 0.2 * x) * (x < 0.024) * (y < -0.055) * (y > -0.095) * (z > -0.06)
    return mix(color, base * torch.tensor([0.30, 0.13, 0.12]), mouth)


def _paint_lids(point: Tensor, color: Tensor, base: Tensor, face: Face, far: Tensor) -> Tensor:
    x, y, z = point[:, 0].abs(), point[:, 1], point[:, 2]
    upper, lower = eye_opening(x)
    within = smoothstep(0.0165, 0.0200, x) * smoothstep(0.0475, 0.0440, x) * smoothstep(-0.02, -0.005, z)
    crease = ridge(y - upper - 0.0046, 0.0011) * within
    lid = smoothstep(0.007, 0.001, y - upper) * smoothstep(-0.003, 0.0, y - upper) * within
    dark = base * torch.tensor([0.62, 0.46, 0.42])
    color = mix(color, dark, 0.30 * crease + 0.22 * lid)
    ink = torch.tensor([0.10, 0.07, 0.06])
    thickness = 0.0006 + 0.0009 * smoothstep(0.018, 0.042, x) * (0.5 + 0.5 * face.lashes)
    lashes = ridge(y - upper - 0.0003 - 0.0008 * far, thickness + 0.0024 * far) * within
    under = ridge(y - lower + 0.0002, 0.0006) * within * smoothstep(0.022, 0.036, x)
    strong = torch.lerp(torch.full_like(far, 0.55 + 0.4 * face.lashes), torch.ones_like(far), 0.7 * far)
    return mix(color, ink, strong * lashes + (0.12 + 0.25 * face.lashes + 0.3 * far) * under)


def _paint_brows(point: Tensor, color: Tensor, face: Face, far: Tensor, seed: int) -> Tensor:
    x, y, z = point[:, 0].abs(), point[:, 1], point[:, 2]
    along = ((x - 0.0125) / 0.0400).clamp(-0.2, 1.2)
    middle = 0.0180 + 0.0048 * torch.sin((along.clamp(0, 1) ** 1.1) * 2.75)
    thick = (1.15 - 0.3 * face.lashes) * (1 + 0.35 * far)
    half = 0.0032 * smoothstep(-0.06, 0.18, along) * (1 - 0.78 * smoothstep(0.45, 1.05, along)) * thick
    lean = along * 0.010
    hairs = noise(torch.stack([(x - 0.7 * (y - middle) - lean) * 1500, (y - middle) * 130, point[:, 0].sign() * 3], 1), seed + 3)
    edge = (half - (y - middle).abs()) / (0.0011 + 0.0012 * far)
    ends = smoothstep(1.02, 0.92, along) * smoothstep(-0.1, 0.05, along) * (half > 0.0003)
    amount = (0.55 + edge + 0.75 * (1 - far) * hairs).clamp(0, 1) * ends
    dark = torch.tensor(face.brows) * (1 - 0.25 * far)[:, None]
    return mix(color, dark, (0.82 + 0.16 * far) * amount * smoothstep(-0.03, -0.01, z))


def paint_eyes(point: Tensor, face: Face, far: Tensor, seed: int) -> Tensor:
    """Return the colours [N, 3] of the eyeballs at canonical points [N, 3]; `far` as in `paint_head`."""
    side = point[:, 0].sign()
    x, y = point[:, 0] - 0.0312 * side, point[:, 1] + 0.0012
    radius = torch.hypot(x, y)
    upper, _ = eye_opening(point[:, 0].abs())
    veins = smoothstep(0.007, 0.013, x.abs())
    white = torch.tensor([0.93, 0.915, 0.90])
    color = mix(white.repeat(len(point), 1), torch.tensor([0.86, 0.70, 0.66]), 0.45 * veins)
    iris = torch.tensor(face.eyes)
    angle = torch.atan2(y, x)
    rays = noise(torch.stack([angle * 9, side * 5], 1), seed + 7)[:, None]
    glow = (0.75 + 0.25 * rays + 0.5 * smoothstep(0.002, -0.004, y)[:, None]) * torch.lerp(
        torch.tensor(1.25), torch.tensor(0.85), smoothstep(0.0025, 0.0055, radius)
    )[:, None]
    color = mix(color, iris * glow, smoothstep(0.0067, 0.0061, radius))
    ring = ridge(radius - 0.0062, 0.0006)
    color = mix(color, iris * 0.25, 0.75 * ring)
    pupil = 0.0030 + 0.0034 * far
    color = mix(color, torch.tensor([0.03, 0.025, 0.025]), smoothstep(1.0 + 0.25 * far, 0.83 - 0.25 * far, radius / pupil))
    # The lid's shadow, and what makes an eye alive: the lamp mirrored in it, on the lamp's side.
    shadow = smoothstep(-0.0006, 0.0030, y - 0.0012 - upper + 0.0030)
    color = color * (1 - 0.42 * shadow)[:, None] * (1 - 0.15 * far)[:, None]
    lamp = smoothstep(0.0013, 0.0008, torch.hypot(x - 0.0020, y - 0.0016))
    soft = 0.30 * smoothstep(0.0014, 0.0004, torch.hypot(x + 0.0020, y + 0.0024))
    return mix(color, torch.tensor([1.0, 1.0, 1.0]), torch.maximum(0.95 * lamp, soft) * (1 - far))


def mix(color: Tensor, other: Tensor, amount: Tensor) -> Tensor:
    return torch.lerp(color, other.expand_as(color), amount.clamp(0, 1)[:, None])
