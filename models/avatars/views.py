"""Pictures of an avatar from a ring of cameras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry import Gaussians
from ..render import Camera, render_splats


@dataclass(frozen=True)
class Views:
    """What B cameras saw.

    images: [B, H, W, 3] sRGB in 0..1 over the background
    masks:  [B, H, W] coverage in 0..1
    depths: [B, H, W] metres from the camera plane, 0 where nothing is
    """

    images: Tensor
    masks: Tensor
    depths: Tensor


def render_views(
    gaussians: Gaussians,
    cameras: Sequence[Camera],
    background: Tensor,  # [3] sRGB
    progress: Callable[[int, int], None] | None = None,
) -> Views:
    """Render the Gaussians through each camera; all cameras have one size."""
    frames = []
    for index, camera in enumerate(cameras):
        if progress:
            progress(index, len(cameras))
        frames.append(render_splats(gaussians, camera, background))
    if progress:
        progress(len(cameras), len(cameras))
    return Views(
        images=torch.stack([frame.color for frame in frames]).clamp(0, 1),
        masks=torch.stack([frame.alpha for frame in frames]),
        depths=torch.stack([frame.depth for frame in frames]),
    )


def depth_pictures(views: Views) -> Tensor:
    """Turn depths into grey pictures [B, H, W, 3]: near is white, far is dark, nothing is black.

    The range is shared by all views, so that a turntable does not flicker.
    """
    seen = views.masks > 0.5
    pictures = torch.zeros_like(views.depths)
    if seen.any():
        near, far = views.depths[seen].min(), views.depths[seen].max()
        closeness = (far - views.depths) / (far - near).clamp_min(1e-6)
        pictures = torch.where(seen, 0.1 + 0.9 * closeness.clamp(0, 1), pictures)
    return pictures[..., None].expand(*pictures.shape, 3).contiguous()
