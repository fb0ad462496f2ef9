"""The splat renderer as its formula reads: plain torch, any device, differentiable in every property of the Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry import Gaussians
from .cameras import Camera
from .projection import (
    MAX_ALPHA,
    MIN_ALPHA,
    MIN_TRANSMITTANCE,
    ScreenGaussians,
    SplatImage,
    finish,
    pixel_range,
    project,
)

_BLOCK = 16  # pixels a side; only the Gaussians that reach a block are evaluated in it


def render_reference(gaussians: Gaussians, camera: Camera, background: Tensor) -> SplatImage:
    """Render block by block with the compositing of 3DGS: C = sum_i c_i alpha_i prod_{j<i} (1 - alpha_j), nearest first."""
    splats = project(gaussians, camera)
    first, last = pixel_range(splats.mean.detach(), splats.extent)
    bands = []
    for top in range(0, camera.height, _BLOCK):
        bottom = min(top + _BLOCK, camera.height)
        in_band = ((last[:, 1] >= top) & (first[:, 1] < bottom)).nonzero()[:, 0]
        blocks = []
        for left in range(0, camera.width, _BLOCK):
            right = min(left + _BLOCK, camera.width)
            reaching = in_band[(last[in_band, 0] >= left) & (first[in_band, 0] < right)]
            blocks.append(_composite(splats, reaching, left, right, top, bottom))
        bands.append(torch.cat(blocks, dim=1))
    image = torch.cat(bands)
    return finish(image[..., :3], image[..., 3], image[..., 4], background)


def _composite(splats: ScreenGaussians, index: Tensor, left: int, right: int, top: int, bottom: int) -> Tensor:
    """Sum colour, weight and weight * depth over the Gaussians `index` (nearest first) for one block: [rows, columns, 5]."""
    mean, conic = splats.mean[index], splats.conic[index]
    dx = torch.arange(left, right, device=mean.device) + 0.5 - mean[:, :1]  # [K, columns]
    dy = torch.arange(top, bottom, device=mean.device) + 0.5 - mean[:, 1:]  # [K, rows]
    a, b, c = conic[:, :, None, None].unbind(1)
    dx, dy = dx[:, None, :], dy[:, :, None]
    power = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
    alpha = (splats.opacity[index, None, None] * torch.exp(-power)).clamp_max(MAX_ALPHA)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0.0)  # [K, rows, columns]
    after = torch.cumprod(1 - alpha, dim=0)
    before = torch.cat([torch.ones_like(after[:1]), after])[: len(after)]
    weight = alpha * before * (after > MIN_TRANSMITTANCE)
    depth = splats.depth[index]
    values = torch.cat([splats.color[index], torch.ones_like(depth)[:, None], depth[:, None]], dim=1)
    return torch.einsum("kyx,kc->yxc", weight, values)
