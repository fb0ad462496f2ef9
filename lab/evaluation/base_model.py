"""The tiny base as evaluations and benchmarks run it: through the headless host's sampler, as the shipped template does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...host.headless.diffusion.clip import HeadlessClip
from ...host.headless.diffusion.model import HeadlessModel
from ...host.headless.diffusion.sampling import Run, ksample
from ...host.headless.diffusion.vae import HeadlessVae
from ...models.base import load_text_encoder, load_unet, load_vae
from ...models.base.architecture import LATENT_CHANNELS, PREDICTION
from ...models.base.files import TEXT_FILE, UNET_FILE, VAE_FILE
from .batches import Progress, batches

STEPS, CFG, SAMPLER, SCHEDULE = 20, 4.0, "dpmpp_2m", "karras"


@dataclass(frozen=True)
class BaseModel:
    """Makes pictures from words, and pictures from pictures through the autoencoder; all in 0..1."""

    model: HeadlessModel
    clip: HeadlessClip
    vae: HeadlessVae

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """Encode pictures [B, 3, H, W] as their likeliest latents and decode them."""
        return self.vae.decode(self.vae.encode(pictures.movedim(1, -1))).movedim(-1, 1)

    def generate(self, captions: Sequence[str], height: int, width: int, seed: int) -> Tensor:
        """Return a picture for each caption, [B, 3, height, width]; the noise is drawn for the batch at once."""
        empty = torch.zeros(len(captions), LATENT_CHANNELS, height // 8, width // 8)
        positive, negative = [[self._states(captions), {}]], [[self._states([""]), {}]]
        latents = ksample(self.model, positive, negative, empty, Run(seed, STEPS, CFG, SAMPLER, SCHEDULE))
        return self.vae.decode(latents).movedim(-1, 1)

    def generate_all(
        self, captions: Sequence[str], shapes: Sequence[tuple[int, int]], seed: int, progress: Progress | None = None
    ) -> list[Tensor]:
        """Return a picture [3, H, W] for each caption, of the height and width given with it."""
        pictures: dict[int, Tensor] = {}
        for indices in batches(shapes):
            height, width = shapes[indices[0]]
            made = self.generate([captions[index] for index in indices], height, width, seed + indices[0])
            pictures |= dict(zip(indices, made, strict=True))
            if progress:
                progress(len(pictures), len(captions))
        return [pictures[index] for index in range(len(captions))]

    def _states(self, texts: Sequence[str]) -> Tensor:
        return torch.cat([self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))[0][0] for text in texts])


def load_base_model(weights: Path | None = None) -> BaseModel:
    """Return the shipped base; a file takes the place of the part that it is by its keys.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if `weights` is no part of a base.
    """
    unet, vae, text = (load(file) for load, file in base_files(weights).items())
    return BaseModel(HeadlessModel(unet, PREDICTION), HeadlessClip(text), HeadlessVae(vae))


def base_files(weights: Path | None = None) -> dict[Callable, Path]:
    """Return the file of each part of the base by what loads it: U-Net, VAE, text encoder; errors as of `load_base_model`."""
    files: dict[Callable, Path] = {load_unet: UNET_FILE, load_vae: VAE_FILE, load_text_encoder: TEXT_FILE}
    if weights:
        files[_loader_of(weights)] = weights
    return files


def _loader_of(file: Path) -> Callable:
    """Return what loads a file, which its keys tell."""
    from safetensors import SafetensorError, safe_open

    from ...models.files import existing_file

    loaders = {"input_blocks.": load_unet, "encoder.": load_vae, "text_model.": load_text_encoder}
    try:
        with safe_open(existing_file(file), "pt") as opened:
            names = list(opened.keys())
    except SafetensorError as error:
        raise ValueError(f"'{file}' is no safetensors file ({error}): choose a part of the base.") from error
    for prefix, load in loaders.items():
        if any(name.startswith(prefix) for name in names):
            return load
    raise ValueError(f"'{file}' is neither a U-Net nor a VAE nor a text encoder of the base: choose one of these.")
