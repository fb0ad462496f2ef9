"""Samplers in sigma space; a denoiser is a function of a noisy latent and one sigma that returns x0."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
Progress = Callable[[int, int], None]


def euler(denoise: Denoiser, x: Tensor, sigmas: Tensor, progress: Progress | None = None) -> Tensor:
    """Follow dx/dsigma = (x - x0) / sigma in straight steps (Karras et al. 2022, algorithm 2 without churn).

    DDIM (Song et al. 2021) with eta 0 is the same in these variables.
    """
    for index in range(len(sigmas) - 1):
        slope = (x - denoise(x, sigmas[index])) / sigmas[index]
        x = x + slope * (sigmas[index + 1] - sigmas[index])
        _report(progress, index, sigmas)
    return x


def dpmpp_2m(denoise: Denoiser, x: Tensor, sigmas: Tensor, progress: Progress | None = None) -> Tensor:
    """Take multistep steps of second order in log sigma (Lu et al. 2022, DPM-Solver++ 2M); the first and last are of first."""
    before = None
    for index in range(len(sigmas) - 1):
        sigma, following = sigmas[index], sigmas[index + 1]
        clean = denoise(x, sigma)
        target = clean
        if before is not None and following > 0:
            ratio = (sigmas[index - 1] / sigma).log() / (sigma / following).log()  # of the last step's width to this one's
            target = clean + (clean - before) / (2 * ratio)
        x = (following / sigma) * x + (1 - following / sigma) * target
        before = clean
        _report(progress, index, sigmas)
    return x


SAMPLERS = {"euler": euler, "ddim": euler, "dpmpp_2m": dpmpp_2m}


def _report(progress: Progress | None, index: int, sigmas: Tensor) -> None:
    if progress:
        progress(index + 1, len(sigmas) - 1)
