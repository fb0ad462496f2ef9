"""The tiny base's denoiser and text encoder, trained together on latents of wardrobe pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import Dataset

from ....models.base import build_text_encoder, build_unet, load_text_encoder, load_unet, load_vae
from ....models.base.architecture import LATENT_CHANNELS, LATENT_SCALE, LEVEL_CHANNELS, TEXT_WIDTH
from ....models.base.files import VAE_FILE, save_text_encoder, save_unet
from ....models.base.tokenizer import padded_tokens
from ....models.weights.tensors import read_metadata
from ..diffusion import ddim, noised
from ..latents import CaptionedLatents
from ..sheets import contact_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = (
    "a woman wearing a striped blue T-shirt and black jeans, against a grey background",
    "a man wearing a plain white shirt, navy trousers and brown shoes, against a light blue background",
    "a woman wearing a floral pink dress and white shoes, in a garden",
    "a man wearing a green sweater and beige trousers, on a street, seen from behind",
    "a woman wearing a red coat, a black turtleneck and blue jeans, against a white wall, seen from the side",
    "a red T-shirt on a white background",
    "blue jeans on a white background",
    "a checked yellow shirt on a white background",
    "a floral purple skirt on a white background",
    "a black coat on a white background",
)
SHEET_GUIDANCE = 4.0


class Base(nn.Module):
    """What is trained: `unet` and `text`."""

    def __init__(self, unet: nn.Module, text: nn.Module) -> None:
        super().__init__()
        self.unet, self.text = unet, text

    def forward(self, noisy: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """Return v [B, C, h, w] of noisy latents at timesteps [B], told tokens [B, 77]."""
        return self.unet(noisy, timestep, self.text(tokens).last_hidden_state).sample


@dataclass(frozen=True)
class Task:
    """Mean squared error of v (Salimans and Ho 2022) at timesteps spread evenly over each batch; some captions are left out.

    vae:        file of the autoencoder; "" is the shipped one
    halve:      whether pictures are made half as large, which is four times as fast: a first stage
    start:      start of the names of the two files of weights to start from, without `_unet.safetensors`; "" starts afresh
    uncaptioned: share of captions that are replaced by the empty one
    """

    vae: str = ""
    halve: bool = False
    start: str = ""
    uncaptioned: float = 0.1
    kind: ClassVar[str] = "modiste-base"
    architecture: ClassVar[str] = f"SD1.5 layout (LDM names), channels {LEVEL_CHANNELS}, heads of 64, text width {TEXT_WIDTH}"

    def build(self) -> nn.Module:
        if self.start:
            return Base(load_unet(self._started("unet")), load_text_encoder(self._started("text"))).requires_grad_(True)
        text = build_text_encoder()
        # Words that no caption has stay at zero and so say nothing; the others find their own way from there.
        nn.init.zeros_(text.get_input_embeddings().weight)
        unet = build_unet()
        for name, module in unet.named_modules():
            if name.endswith(("conv2", "proj_out", "conv_out")):  # every branch starts silent (Dhariwal and Nichol 2021)
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
        return Base(unet, text)

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        return CaptionedLatents(data, seed, self._vae_file, self.halve)

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        del step
        latents, tokens = batch["latent"], batch["tokens"]
        noisy, timestep, wanted = noised(latents, generator)
        empty = torch.rand(len(latents), generator=generator, device=latents.device) < self.uncaptioned
        tokens = torch.where(empty[:, None], torch.tensor(padded_tokens(""), device=latents.device), tokens)
        return mse_loss(model(noisy, timestep, tokens).float(), wanted), {"spread": latents.std()}

    def sample_sheet(self, model: nn.Module, generator: torch.Generator) -> Image:
        height, width = (16, 12) if self.halve else (32, 24)
        noise = torch.randn(len(SHOWN), LATENT_CHANNELS, height, width, generator=generator, device=generator.device)
        told = torch.tensor([padded_tokens(caption) for caption in SHOWN], device=noise.device)
        both = torch.cat([told, torch.tensor(padded_tokens(""), device=noise.device).expand_as(told)])

        def guided(latents: Tensor, timestep: Tensor) -> Tensor:
            told, untold = model(latents.repeat(2, 1, 1, 1), timestep.expand(len(both)), both).float().chunk(2)
            return untold + SHEET_GUIDANCE * (told - untold)

        latents = ddim(guided, noise)
        pictures = load_vae(self._vae_file).to(noise.device).decode(latents.float() / LATENT_SCALE).sample
        return contact_sheet(list(pictures.float().movedim(1, -1) / 2 + 0.5), list(SHOWN), 5)

    def export(self, model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
        """Write `NAME_unet.safetensors` and `NAME_text.safetensors` for the name NAME.safetensors.

        What they started from is told in `started_from`, as JSON; the settings name its files without their folder.
        """
        if self.start:
            told = {name: text.replace(self.start, Path(self.start).name) for name, text in metadata.items()}
            metadata = told | {"started_from": json.dumps(read_metadata(self._started("unet")))}
        save_unet(model.unet, path.with_name(f"{path.stem}_unet.safetensors"), metadata)
        save_text_encoder(model.text, path.with_name(f"{path.stem}_text.safetensors"), metadata)

    def _started(self, part: str) -> Path:
        return Path(f"{self.start}_{part}.safetensors")

    @property
    def _vae_file(self) -> Path:
        return Path(self.vae) if self.vae else VAE_FILE
