"""The noise that the tiny base learns to take away, and the sampler that the trainers' sheets are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from ...models.base.architecture import BETAS, PREDICTION, TRAIN_STEPS

SHEET_STEPS = 20


def signal_share(device: torch.device | str = "cpu") -> Tensor:
    """Return the share [1000] of signal in the variance at each timestep."""
    betas = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, TRAIN_STEPS, dtype=torch.float64).square()
    return (1 - betas).cumprod(0).float().to(device)


def noised(
    latents: Tensor, generator: torch.Generator, prediction: str = PREDICTION, shift: float = 1.0, begun: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Add noise to latents [B, C, h, w], as much as timesteps that are spread over the batch say.

    Args:
        prediction: what is to be predicted: "v_prediction" (Salimans and Ho 2022), or "epsilon", the noise.
        shift: 1 spreads timesteps evenly; more moves them towards noise (Esser et al. 2024, equation 23): half of them are
            beyond shift / (1 + shift) of the schedule.
        begun: share of latents, below 1, of which nothing is left but noise at the last timestep, as every drawing begins (Lin
            et al. 2024). The schedule itself leaves a trace of the latents there, large shapes most of all; who learned to read it
            takes the shapes of a drawing from its noise, whatever is told.

    Returns:
        The noisy latents, the timesteps [B] int64, and what is to be predicted.
    """
    count, device = len(latents), latents.device
    noise = torch.randn(latents.shape, generator=generator, device=device)
    spread = (torch.rand(1, generator=generator, device=device) + torch.arange(count, device=device) / count) % 1
    begins = spread >= 1 - begun
    within = (spread / (1 - begun)).clamp(max=1)
    timestep = (shift * within / (1 + (shift - 1) * within) * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
    signal = signal_share(device)[timestep].view(-1, 1, 1, 1)
    noisy = torch.where(begins.view(-1, 1, 1, 1), noise, signal.sqrt() * latents + (1 - signal).sqrt() * noise)
    return noisy, timestep, noise if prediction == "epsilon" else signal.sqrt() * noise - (1 - signal).sqrt() * latents


def as_v(predicted: Tensor, noisy: Tensor, timestep: Tensor, prediction: str) -> Tensor:
    """Return v of noisy latents [B, C, h, w] at one timestep, a scalar, from what was predicted."""
    if prediction != "epsilon":
        return predicted
    signal = signal_share(noisy.device)[timestep]
    return (predicted - (1 - signal).sqrt() * noisy) / signal.sqrt()


def ddim(predict: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int = SHEET_STEPS) -> Tensor:
    """Return latents [B, C, h, w] sampled by DDIM (Song et al. 2021).

    predict: takes latents and a timestep, a scalar, and returns v after guidance
    """
    signals = signal_share(noise.device)
    times = torch.linspace(TRAIN_STEPS - 1, 0, steps + 1, device=noise.device).round().long()
    latents = noise
    for now, then in pairwise(times):
        v = predict(latents, now)
        clean = signals[now].sqrt() * latents - (1 - signals[now]).sqrt() * v
        left = (1 - signals[now]).sqrt() * latents + signals[now].sqrt() * v
        latents = signals[then].sqrt() * clean + (1 - signals[then]).sqrt() * left
    return clean
