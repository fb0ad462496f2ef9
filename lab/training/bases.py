"""The base that a garment model is trained on: the tiny one, or an SD1.5 checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...host.headless.diffusion.checkpoints import build_checkpoint
from ...models.base import load_text_encoder, load_unet, load_vae
from ...models.base.architecture import LATENT_SCALE, PREDICTION
from ...models.weights.tensors import read_tensors
from .pictures import to_signed

CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CLIP_SIZE = 224  # pixels


@dataclass(frozen=True)
class TrainingBase:
    """The parts of a base, frozen; `prediction` is what its UNet predicts: "v_prediction" or "epsilon"."""

    unet: nn.Module
    text_encoder: nn.Module
    vae: nn.Module
    prediction: str


@torch.no_grad()
def as_latents(vae: nn.Module, pictures: Tensor) -> Tensor:
    """Return the latents [B, C, h, w] of pictures [B, H, W, 3] uint8, with a standard deviation of about 1."""
    return vae.encode(to_signed(pictures)).latent_dist.mean * LATENT_SCALE


def load_training_base(checkpoint: Path | None) -> TrainingBase:
    """Return the tiny base, or an SD1.5 checkpoint's.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no SD1.5 checkpoint.
    """
    if checkpoint is None:
        return TrainingBase(load_unet(), load_text_encoder(), load_vae(), PREDICTION)
    unet, vae, text_encoder = build_checkpoint(read_tensors(checkpoint), checkpoint.name)
    return TrainingBase(unet, text_encoder, vae, "epsilon")


class ClipEyes(nn.Module):
    """CLIP's image encoder, frozen: crops [B, S, S, 3] in 0..1 to what an IP-Adapter takes of it."""

    def __init__(self, folder: Path, plain: bool) -> None:
        """Read a folder of `CLIPVisionModelWithProjection`.

        Args:
            plain: whether to give embeddings [B, E], for a plain IP-Adapter, or hidden states [B, N, E], for a plus one.

        Raises:
            ValueError: if it cannot be read.
        """
        from transformers import CLIPVisionModelWithProjection

        super().__init__()
        try:
            self.model = CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise ValueError(f"'{folder}' is no folder of a CLIP image encoder in safetensors: check 'image_encoder'.") from error
        self.plain = plain
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, crops: Tensor) -> Tensor:
        mean, deviation = (torch.tensor(values, device=crops.device) for values in (CLIP_MEAN, CLIP_DEVIATION))
        pictures = ((crops - mean) / deviation).movedim(-1, 1)
        found = self.model(pixel_values=pictures, output_hidden_states=True)
        return found.image_embeds if self.plain else found.hidden_states[-2]
