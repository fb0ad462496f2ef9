"""How different two colours look."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ....models.geometry.color import srgb_to_lab

_C7 = 25.0**7


def picture_delta_e(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean CIEDE2000 of each pair of pictures [B, 3, H, W], sRGB in 0..1: [B]; 1 is about what an eye just sees."""
    labs = [srgb_to_lab(pictures.movedim(1, -1)) for pictures in (first, second)]
    return ciede2000(*labs).mean((1, 2))


def masked_delta_e(first: Tensor, second: Tensor, masks: Tensor) -> Tensor:
    """Return the mean CIEDE2000 of pictures [B, 3, H, W], sRGB in 0..1, over masks [B, H, W] bool: [B]."""
    labs = [srgb_to_lab(pictures.movedim(1, -1)) for pictures in (first, second)]
    return (ciede2000(*labs) * masks).sum((1, 2)) / masks.sum((1, 2)).clamp_min(1)


def ciede2000(first: Tensor, second: Tensor) -> Tensor:
    """Return the CIEDE2000 colour difference of L*a*b* colours [..., 3]: [...], with all parametric factors 1.

    CIE 142-2001, in the form of Sharma, Wu and Dalal (2005), equations 2 to 22, whose handling of hues at grey it follows.
    """
    (l1, a1, b1), (l2, a2, b2) = first.unbind(-1), second.unbind(-1)
    chroma7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * (chroma7 / (chroma7 + _C7)).sqrt()
    c1, c2 = torch.hypot(stretch * a1, b1), torch.hypot(stretch * a2, b2)
    h1, h2 = _hue(stretch * a1, b1), _hue(stretch * a2, b2)
    grey = c1 * c2 == 0

    lightness = l2 - l1
    chroma = c2 - c1
    turn = h2 - h1
    turn = torch.where(grey, 0.0, turn - 360 * (turn > 180) + 360 * (turn < -180))
    hue = 2 * (c1 * c2).sqrt() * _sin(turn / 2)

    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    around = torch.where((h1 - h2).abs() > 180, torch.where(h1 + h2 < 360, 180.0, -180.0), 0.0)
    mean_h = torch.where(grey, h1 + h2, (h1 + h2) / 2 + around)

    weight = 1 - 0.17 * _cos(mean_h - 30) + 0.24 * _cos(2 * mean_h) + 0.32 * _cos(3 * mean_h + 6) - 0.20 * _cos(4 * mean_h - 63)
    blue = 30 * torch.exp(-(((mean_h - 275) / 25) ** 2))
    rotation = -2 * (mean_c**7 / (mean_c**7 + _C7)).sqrt() * _sin(2 * blue)
    lightness = lightness / (1 + 0.015 * (mean_l - 50) ** 2 / (20 + (mean_l - 50) ** 2).sqrt())
    chroma = chroma / (1 + 0.045 * mean_c)
    hue = hue / (1 + 0.015 * mean_c * weight)
    return (lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue).clamp_min(0).sqrt()


def _hue(a: Tensor, b: Tensor) -> Tensor:
    return torch.rad2deg(torch.atan2(b, a)) % 360


def _sin(degrees: Tensor) -> Tensor:
    return torch.sin(degrees * (math.pi / 180))


def _cos(degrees: Tensor) -> Tensor:
    return torch.cos(degrees * (math.pi / 180))
