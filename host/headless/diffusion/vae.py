"""VAE: a diffusers autoencoder between IMAGE and LATENT as core's VAE object is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..progress import check_interrupt
from ..session import device

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

FACTOR = 8  # pixels to a side of one latent


class HeadlessVae:
    """An autoencoder; pictures go through it one by one, which bounds the memory and lets a run stop."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        self.autoencoder = autoencoder

    def encode(self, pixels: Tensor) -> Tensor:
        """Return the most likely latents [B, C, H // 8, W // 8] of an IMAGE [B, H, W, 3], which is cut to multiples of 8.

        Raises:
            ValueError: if the image is less than 8 pixels wide or high.
        """
        for axis in (1, 2):
            size = pixels.shape[axis]
            if size < FACTOR:
                raise ValueError(f"The image is only {size} pixels wide or high: give one of at least {FACTOR}.")
            pixels = pixels.narrow(axis, size % FACTOR // 2, size // FACTOR * FACTOR)
        pictures = pixels.movedim(-1, 1).float() * 2 - 1
        return self._each(lambda picture: self.autoencoder.encode(picture).latent_dist.mode(), pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """Return an IMAGE [B, 8h, 8w, 3] in 0..1 of latents [B, C, h, w]."""
        pictures = self._each(lambda latent: self.autoencoder.decode(latent).sample, latents)
        return ((pictures + 1) / 2).clamp(0, 1).movedim(1, -1)

    def _each(self, run: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        self.autoencoder.to(device())
        results = []
        with torch.no_grad():
            for one in batch.split(1):
                check_interrupt()
                results.append(run(one.to(device())).cpu())
        return torch.cat(results)
