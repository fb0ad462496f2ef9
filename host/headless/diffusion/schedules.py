"""Schedules: the falling sigmas that a sampler steps through, ending with 0; the names are those of core's KSampler."""

from __future__ import annotations

import torch
from torch import Tensor

from .noise import ModelSampling

KARRAS_RHO = 7.0  # Karras et al. 2022, equation 5
ALL_OF_IT = 0.9999  # a share of denoising above this is the whole run, as in core


def normal(noise: ModelSampling, steps: int) -> Tensor:
    """Return [steps + 1] sigmas at timesteps in equal distances."""
    timesteps = torch.linspace(float(len(noise.sigmas) - 1), 0.0, steps)
    return _ending(noise.sigma(timesteps))


def karras(noise: ModelSampling, steps: int) -> Tensor:
    """Return [steps + 1] sigmas whose seventh roots lie in equal distances."""
    first, last = (float(sigma) ** (1 / KARRAS_RHO) for sigma in (noise.sigma_max, noise.sigma_min))
    return _ending((first + torch.linspace(0, 1, steps) * (last - first)) ** KARRAS_RHO)


def ddim_uniform(noise: ModelSampling, steps: int) -> Tensor:
    """Return the sigmas of every n-th timestep from the second on; where `steps` does not divide 1000 there are a few more."""
    stride = max(len(noise.sigmas) // steps, 1)
    return _ending(noise.sigmas[1::stride].flip(0))


SCHEDULES = {"normal": normal, "karras": karras, "ddim_uniform": ddim_uniform}


def sigmas_for(noise: ModelSampling, schedule: str, steps: int, denoise: float = 1.0) -> Tensor:
    """Return the sigmas of a run; `denoise` < 1 takes the last `steps` of a longer one, and 0 or less none at all."""
    if denoise > ALL_OF_IT:
        return SCHEDULES[schedule](noise, steps)
    if denoise <= 0:
        return torch.empty(0)
    return SCHEDULES[schedule](noise, int(steps / denoise))[-(steps + 1) :]


def _ending(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
