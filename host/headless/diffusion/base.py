"""MODEL, CLIP and VAE of the tiny base that ships with the pack."""

from __future__ import annotations

from ....models.base import load_text_encoder, load_unet, load_vae
from ....models.base.architecture import PREDICTION
from .clip import HeadlessClip
from .model import HeadlessModel
from .vae import HeadlessVae


def base_model() -> tuple[HeadlessModel, HeadlessClip, HeadlessVae]:
    """Return the shipped tiny base as MODEL, CLIP and VAE.

    Raises:
        FileNotFoundError: if a shipped file is missing.
    """
    return HeadlessModel(load_unet(), PREDICTION), HeadlessClip(load_text_encoder()), HeadlessVae(load_vae())
