"""The noise that SD1.5-shaped models were trained with, in sigmas: a noisy latent is x0 + sigma * noise.

ComfyUI's nodes get this object by `model.get_model_object("model_sampling")`. Sigma follows from the training's alpha-bar as
sqrt((1 - a) / a), as in Karras et al. 2022, and lies between timesteps on the line through the logarithms.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ....models.base.architecture import BETAS, TRAIN_STEPS

Prediction = Literal["epsilon", "v_prediction"]

BEFORE_ALL = 999999999.9  # the sigma that core gives for the start of every run


class ModelSampling:
    """Sigmas, timesteps and what a model's output means.

    sigmas: [1000] float32, rising with the timestep
    """

    def __init__(self, prediction: Prediction) -> None:
        start, end = (beta**0.5 for beta in BETAS)
        betas = torch.linspace(start, end, TRAIN_STEPS, dtype=torch.float64) ** 2
        kept = torch.cumprod(1 - betas, dim=0)
        sigmas = ((1 - kept) / kept) ** 0.5
        self.prediction = prediction
        self.sigmas = sigmas.float()
        self.log_sigmas = sigmas.log().float()

    @property
    def sigma_min(self) -> Tensor:
        return self.sigmas[0]

    @property
    def sigma_max(self) -> Tensor:
        return self.sigmas[-1]

    def timestep(self, sigma: Tensor) -> Tensor:
        """Return the timestep whose sigma is nearest, by its logarithm."""
        distances = (sigma.log().to(self.log_sigmas.device).reshape(-1, 1) - self.log_sigmas).abs()
        return distances.argmin(dim=1).view(sigma.shape).to(sigma.device)

    def sigma(self, timestep: Tensor) -> Tensor:
        """Return the sigma of a timestep, which may lie between two."""
        place = timestep.float().to(self.log_sigmas.device).clamp(0, len(self.sigmas) - 1)
        share = place.frac()
        log_sigma = (1 - share) * self.log_sigmas[place.floor().long()] + share * self.log_sigmas[place.ceil().long()]
        return log_sigma.exp().to(timestep.device)

    def percent_to_sigma(self, percent: float) -> float:
        """Return the sigma at a share of the run, 0 before its start and 1 at its end."""
        if percent <= 0:
            return BEFORE_ALL
        if percent >= 1:
            return 0.0
        return self.sigma(torch.tensor((1 - percent) * (TRAIN_STEPS - 1))).item()

    def calculate_input(self, sigma: Tensor, noisy: Tensor) -> Tensor:
        """Return a noisy latent [B, ...] scaled to the variance 1 that the model reads; `sigma` is [B] or one value."""
        return noisy / (_like(sigma, noisy) ** 2 + 1) ** 0.5

    def calculate_denoised(self, sigma: Tensor, model_output: Tensor, model_input: Tensor) -> Tensor:
        """Return x0 as the model's output tells it; `model_input` is the noisy latent before scaling."""
        sigma = _like(sigma, model_output)
        if self.prediction == "epsilon":
            return model_input - model_output * sigma
        return model_input / (sigma**2 + 1) - model_output * sigma / (sigma**2 + 1) ** 0.5

    def noise_scaling(self, sigma: Tensor, noise: Tensor, latent_image: Tensor, max_denoise: bool = False) -> Tensor:
        """Return a latent with noise; with `max_denoise` the noise has the variance of the noisiest latent in training."""
        sigma = _like(sigma, noise)
        return noise * ((1 + sigma**2) ** 0.5 if max_denoise else sigma) + latent_image


def _like(sigma: Tensor, latent: Tensor) -> Tensor:
    return sigma.reshape(()) if sigma.numel() == 1 else sigma.reshape(-1, *(1,) * (latent.ndim - 1))
