"""What `host` offers nodes of diffusion; torch and all that needs it is imported when one of these is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from .clip import HeadlessClip
    from .guidance import Conditioning
    from .model import HeadlessModel
    from .vae import HeadlessVae


def base_model() -> tuple[HeadlessModel, HeadlessClip, HeadlessVae]:
    """Return the shipped tiny base as MODEL, CLIP and VAE.

    Raises:
        FileNotFoundError: if a shipped file is missing.
    """
    from ....models.base import load_text_encoder, load_unet, load_vae
    from ....models.base.architecture import PREDICTION
    from .clip import HeadlessClip
    from .model import HeadlessModel
    from .vae import HeadlessVae

    return HeadlessModel(load_unet(), PREDICTION), HeadlessClip(load_text_encoder()), HeadlessVae(load_vae())


def run_once(model: HeadlessModel, latent: Tensor, conditioning: Conditioning, sigma: float) -> Tensor:
    """Run a MODEL once on a latent to which no noise was added, so that its patches see it.

    Args:
        model: with its patches
        latent: [B, C, h, w] as in LATENT
        conditioning: CONDITIONING, applied without guidance
        sigma: the noise level that the model is told

    Returns:
        [B, C, h, w], what the model takes for the noiseless latent
    """
    import torch

    from ....models.base.architecture import LATENT_SCALE
    from ..session import device
    from .guidance import Guidance

    start = (latent * LATENT_SCALE).to(device())
    sigmas = torch.tensor([sigma, 0.0], device=device())
    with torch.no_grad(), model.running() as options:
        guidance = Guidance(model, conditioning, [], 1.0, options | {"sample_sigmas": sigmas}, start)
        return guidance(start, sigmas[0]).cpu() / LATENT_SCALE


def with_lora(model: HeadlessModel, state: Mapping[str, Tensor], strength: float) -> HeadlessModel:
    """Return a clone of a MODEL with the changes of a LoRA's tensors, named as in files.

    Raises:
        ValueError: if it changes nothing of such a model, or is of another size.
    """
    from .lora import unet_changes

    clone = model.clone()
    clone.add_patches(unet_changes(state, model.weights.module, "The changes to the denoiser"), strength)
    return clone


def managed(module: nn.Module) -> nn.Module:
    """Return a module of ours in the care of the host's memory management, which there is none of here."""
    return module


def loaded(handle: nn.Module) -> nn.Module:
    """Return the module of `managed`, moved to the device that nodes compute on."""
    from ..session import device

    return handle.to(device())
