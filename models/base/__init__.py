"""The tiny base: a latent diffusion model in the SD1.5 layout at small width, shipped so that everything runs anywhere.

Lives here: its architecture, the names of its weights in the LDM and the diffusers layout, its tokens, its files. Does not live
here: how a host runs it (`host`), and how it is trained (`lab.training`). In: the files in `models/weights/shipped`. Out: diffusers
and transformers modules, or state dicts for a host that builds its own.
"""

from .architecture import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG, build_text_encoder, build_unet, build_vae
from .files import BaseWeights, load_base, load_text_encoder, load_unet, load_vae

__all__ = [
    "TEXT_CONFIG",
    "UNET_CONFIG",
    "VAE_CONFIG",
    "BaseWeights",
    "build_text_encoder",
    "build_unet",
    "build_vae",
    "load_base",
    "load_text_encoder",
    "load_unet",
    "load_vae",
]
