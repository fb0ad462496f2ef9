"""Renders beside the photos that they were fitted to."""

from __future__ import annotations

import torch
from torch import Tensor

from ...geometry import Gaussians
from ...render import render_splats
from .inputs import Photos

SHOWN = 4  # views in a comparison


def comparisons(gaussians: Gaussians, photos: Photos, background: Tensor, count: int = SHOWN) -> Tensor:
    """Return photo and render side by side for a few views evenly over all: [n, H, 2 W, 3] sRGB in 0..1.

    Where there are masks, the photos are shown over the background outside them.
    """
    count = min(count, len(photos))
    return torch.stack([beside(gaussians, photos, index * len(photos) // count, background) for index in range(count)])


@torch.no_grad()
def beside(gaussians: Gaussians, photos: Photos, index: int, background: Tensor) -> Tensor:
    """Return photo and render of one view, side by side: [H, 2 W, 3]."""
    render = render_splats(gaussians, photos.cameras[index], background).color.cpu().clamp(0, 1)
    photo = photos.images[index]
    if photos.masks is not None:
        photo = torch.lerp(background.to(photo).expand_as(photo), photo, photos.masks[index][..., None])
    return torch.cat([photo, render], dim=1)
