"""How near pictures are to their originals, one value a pair."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

NEAREST = 100.0  # dB; equal pictures would have infinitely many, and an infinite value spoils a mean


def psnr(pictures: Tensor, originals: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB of pictures [B, 3, H, W] in 0..1: [B], at most 100."""
    ratio = peak_signal_noise_ratio(pictures, originals, data_range=1.0, dim=(1, 2, 3), reduction="none")
    return ratio.clamp_max(NEAREST)


def ssim(pictures: Tensor, originals: Tensor) -> Tensor:
    """Return the structural similarity of pictures [B, 3, H, W] in 0..1: [B], 1 where they are equal (Wang et al. 2004)."""
    return torch.atleast_1d(structural_similarity_index_measure(pictures, originals, data_range=1.0, reduction="none"))
