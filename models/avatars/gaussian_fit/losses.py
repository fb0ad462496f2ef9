"""How far a rendered picture is from a photo."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SSIM_SHARE = 0.2  # of the loss, as in 3D Gaussian Splatting (Kerbl et al. 2023, equation 7)
OUTSIDE = 0.5  # what full coverage costs where a mask says that nothing is
_WINDOW, _SIGMA = 11, 1.5  # pixels, as in Wang et al. 2004
_C1, _C2 = 0.01**2, 0.03**2


def picture_loss(color: Tensor, alpha: Tensor, photo: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return 0.8 L1 + 0.2 (1 - SSIM) of pictures [H, W, 3] in 0..1.

    Args:
        alpha: [H, W] coverage of the rendered picture.
        mask: [H, W] in 0..1. Only where it is 1 the colours count, and where it is 0 coverage costs.
    """
    if mask is None:
        return (1 - SSIM_SHARE) * (color - photo).abs().mean() + SSIM_SHARE * (1 - ssim_map(color, photo).mean())
    weight = mask[..., None]
    inside, shown = weight * color, weight * photo
    area = weight.sum().clamp_min(1)
    l1 = (inside - shown).abs().sum() / (3 * area)
    ssim = (weight * (1 - ssim_map(inside, shown))).sum() / (3 * area)
    outside = ((1 - mask) * alpha).sum() / (1 - mask).sum().clamp_min(1)
    return (1 - SSIM_SHARE) * l1 + SSIM_SHARE * ssim + OUTSIDE * outside


def squared_error(color: Tensor, photo: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean squared error of pictures [H, W, 3], inside the mask [H, W] where there is one."""
    squares = (color - photo).square().mean(-1)
    return squares.mean() if mask is None else (mask * squares).sum() / mask.sum().clamp_min(1e-6)


def ssim_map(first: Tensor, second: Tensor) -> Tensor:
    """Return the structural similarity [H, W, 3] of pictures [H, W, 3] (Wang et al. 2004), with black beyond their borders."""
    x, y = first.permute(2, 0, 1), second.permute(2, 0, 1)
    mean_x, mean_y, xx, yy, xy = _Blur.apply(torch.cat([x, y, x * x, y * y, x * y])).split(3)
    variance_x, variance_y, covariance = xx - mean_x * mean_x, yy - mean_y * mean_y, xy - mean_x * mean_y
    top = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    bottom = (mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2)
    return (top / bottom).permute(1, 2, 0)


class _Blur(torch.autograd.Function):
    """Blur pictures [C, H, W] with the window. The window is symmetric, so the gradient is blurred likewise."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, pictures: Tensor) -> Tensor:
        return _blurred(_blurred(pictures, 1), 2)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        return _blurred(_blurred(gradient, 1), 2)


def _blurred(pictures: Tensor, axis: int) -> Tensor:
    """Blur along one axis by adding shifted pictures, which for so many channels is faster than a convolution on the CPU."""
    window = [math.exp(-(k * k) / (2 * _SIGMA**2)) for k in range(_WINDOW // 2 + 1)]
    total, size = 2 * sum(window) - window[0], pictures.shape[axis]
    blurred = window[0] / total * pictures
    for k in range(1, min(len(window), size)):
        near, far = pictures.narrow(axis, 0, size - k), pictures.narrow(axis, k, size - k)
        blurred.narrow(axis, k, size - k).add_(near, alpha=window[k] / total)
        blurred.narrow(axis, 0, size - k).add_(far, alpha=window[k] / total)
    return blurred
