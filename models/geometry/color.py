"""Colour spaces: sRGB and CIE L*a*b*."""

from __future__ import annotations

import torch
from torch import Tensor

# IEC 61966-2-1: linear sRGB to CIE XYZ, white D65.
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27  # CIE 15


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Decode sRGB values [...] in 0..1 to linear light."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Encode linear light [...] as sRGB; values below 0 stay on the linear part of the curve."""
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def srgb_to_lab(rgb: Tensor) -> Tensor:
    """Turn sRGB colours [..., 3] in 0..1 into L*a*b* [..., 3] (L 0..100, white D65)."""
    matrix = _matrix(rgb)
    relative = srgb_to_linear(rgb) @ matrix.T / matrix.sum(1)  # the white is what R = G = B = 1 gives
    f = torch.where(relative > _EPSILON, relative.clamp_min(_EPSILON) ** (1 / 3), (_KAPPA * relative + 16) / 116)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def lab_to_srgb(lab: Tensor) -> Tensor:
    """Turn L*a*b* colours [..., 3] (white D65) into sRGB [..., 3], unclipped."""
    matrix = _matrix(lab)
    lightness, a, b = lab.unbind(-1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=-1)
    relative = torch.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    return linear_to_srgb(relative * matrix.sum(1) @ torch.linalg.inv(matrix).T)


def _matrix(like: Tensor) -> Tensor:
    return torch.tensor(_TO_XYZ, dtype=like.dtype, device=like.device)
