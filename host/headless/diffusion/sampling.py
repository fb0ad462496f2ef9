"""A run of a sampler from LATENT to LATENT, with core's noise, scaling and masks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ....models.base.architecture import LATENT_SCALE
from ..session import device
from .guidance import Conditioning, Guidance, repeat_to
from .model import HeadlessModel
from .samplers import SAMPLERS, Denoiser, Progress
from .schedules import sigmas_for


@dataclass(frozen=True)
class Run:
    """What a KSampler is set to.

    first, last:  steps of the schedule to begin before and to end after; None for all
    full_denoise: end without noise though the schedule goes on
    add_noise:    False starts from the latent as it is
    """

    seed: int
    steps: int
    cfg: float
    sampler: str
    schedule: str
    denoise: float = 1.0
    first: int | None = None
    last: int | None = None
    full_denoise: bool = False
    add_noise: bool = True


def ksample(
    model: HeadlessModel,
    positive: Conditioning,
    negative: Conditioning,
    latent: Tensor,
    run: Run,
    noise_mask: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Return the denoised latents [B, C, h, w], scaled as in LATENT, on the CPU.

    Args:
        latent: [B, C, h, w] as in LATENT; all zeros is an empty one
        noise_mask: [M, 1, H, W] in 0..1, any size: 1 where the latent may change

    Raises:
        ValueError: if the latents are not empty and do not have the model's channels.
    """
    latent = fitting(latent, model.channels)
    sigmas = _steps_of(sigmas_for(model.model_sampling, run.schedule, run.steps, run.denoise), run)
    if len(sigmas) == 0:
        return latent
    noise = seeded_noise(latent, run.seed) if run.add_noise else torch.zeros_like(latent)
    image, noise, sigmas = (value.to(device()) for value in (latent * LATENT_SCALE, noise, sigmas))
    with torch.no_grad(), model.running() as options:
        denoise: Denoiser = Guidance(model, positive, negative, run.cfg, options | {"sample_sigmas": sigmas}, noise)
        if noise_mask is not None:
            # Core's ddim keeps the masked part with noise of its own, seeded with the number after the seed.
            kept = seeded_noise(latent, run.seed + 1).to(device()) if run.sampler == "ddim" else noise
            denoise = _within(denoise, _fit_mask(noise_mask, latent).to(device()), image, kept)
        top = float(model.model_sampling.sigma_max)
        from_pure_noise = math.isclose(top, float(sigmas[0]), rel_tol=1e-5) or float(sigmas[0]) > top
        start = model.model_sampling.noise_scaling(sigmas[0], noise, image, from_pure_noise)
        result = SAMPLERS[run.sampler](denoise, start, sigmas, progress)
    return result.cpu() / LATENT_SCALE


def fitting(latent: Tensor, channels: int) -> Tensor:
    """Return latents with a model's number of channels: empty ones take it, as nobody says it where they are made."""
    if latent.shape[1] == channels:
        return latent
    if latent.any():
        raise ValueError(f"The latent has {latent.shape[1]} channels and the model takes {channels}: encode with its VAE.")
    return latent.new_zeros(len(latent), channels, *latent.shape[2:])


def seeded_noise(latent: Tensor, seed: int) -> Tensor:
    """Return noise of the latent's shape, the same on every device: drawn on the CPU, the whole batch at once."""
    generator = torch.Generator().manual_seed(seed % 2**64)
    return torch.randn(latent.shape, generator=generator, dtype=latent.dtype)


def _steps_of(sigmas: Tensor, run: Run) -> Tensor:
    """Return the part of a schedule that a run takes; empty if it begins after the end."""
    if run.last is not None and run.last < len(sigmas) - 1:
        sigmas = sigmas[: run.last + 1].clone()
        if run.full_denoise:
            sigmas[-1] = 0
    if run.first is not None:
        sigmas = sigmas[run.first :] if run.first < len(sigmas) - 1 else sigmas[:0]
    return sigmas


def _within(denoise: Denoiser, mask: Tensor, image: Tensor, noise: Tensor) -> Denoiser:
    """Return a denoiser that changes only what lies in the mask and sees the rest as the image with the noise due to it."""

    def masked(x: Tensor, sigma: Tensor) -> Tensor:
        x = x * mask + (image + noise * sigma) * (1 - mask)
        return denoise(x, sigma) * mask + image * (1 - mask)

    return masked


def _fit_mask(mask: Tensor, latent: Tensor) -> Tensor:
    """Return a mask [B, 1, h, w] for latents, from one of any size."""
    mask = mask.reshape(-1, 1, *mask.shape[-2:])
    return repeat_to(torch.nn.functional.interpolate(mask, size=latent.shape[2:], mode="bilinear"), len(latent))
