"""Pictures as latents and captions as tokens: what the tiny base learns from."""

from __future__ import annotations

import hashlib
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.utils.data import Dataset

from ...models.base import load_vae
from ...models.base.architecture import LATENT_SCALE
from ...models.base.tokenizer import padded_tokens
from ...models.weights.tensors import read_tensors, save_tensors
from .pictures import CaptionedPictures, to_signed
from .precision import fast_autocast, fastest_device
from .shards import ShardPictures

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

BATCH = 16


class CaptionedLatents(Dataset):
    """Items are dicts of `latent` [C, h, w], with a standard deviation of about 1 over all, and `tokens` [77].

    The pictures of shards are encoded once, into a folder beside them; those straight from the wardrobe as they are asked for.

    vae:   file of the autoencoder
    halve: whether pictures are made half as large first
    """

    def __init__(self, data: Path | None, seed: int, vae: Path, halve: bool) -> None:
        self.pictures = CaptionedPictures(data, seed)
        self.buckets = self.pictures.buckets
        self.encoder = LatentEncoder(vae, halve)
        self.latents = None if data is None else [latent for part in self.pictures.parts for latent in self.encoder.of_shards(part)]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if self.latents is None:
            item = self.pictures[index]
            latent, caption = self.encoder(item["picture"][None])[0], item["caption"]
        else:
            latent, caption = self.latents[index], self.pictures.caption(index)
        return {"latent": latent.float(), "tokens": torch.tensor(padded_tokens(caption))}


class LatentEncoder:
    """Makes latents of pictures; shards are encoded once, into a folder beside them.

    vae:   file of the tiny base's autoencoder
    halve: whether pictures are made half as large first
    """

    def __init__(self, vae: Path, halve: bool) -> None:
        self.vae_file, self.halve = vae, halve

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_vae"}

    @torch.no_grad()
    def __call__(self, pictures: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Return the latents [B, C, h, w] of pictures [B, H, W, 3] uint8, computed on a device."""
        pictures = to_signed(pictures.to(device))
        pictures = avg_pool2d(pictures, 2) if self.halve else pictures
        with fast_autocast(device):
            latents = self._vae.to(device).encode(pictures.contiguous(memory_format=torch.channels_last)).latent_dist.mean
        return latents.float().cpu() * LATENT_SCALE

    def of_shards(self, part: ShardPictures) -> list[Tensor]:
        """Return the latents of all pictures of one kind in a folder of shards, encoding those that are not encoded yet."""
        key = hashlib.sha256(self.vae_file.read_bytes()).hexdigest()[:12] + ("_half" if self.halve else "")
        latents: list[Tensor] = []
        for shard, start, end in zip(part.paths, [0, *part.ends], part.ends, strict=False):
            file = shard.parent / f"latents_{key}" / f"{shard.stem}_{part.pictures}.safetensors"
            if not file.exists() or file.stat().st_mtime_ns < shard.stat().st_mtime_ns:
                print(f"Encoding the {part.pictures.replace('_', ' ')} of '{shard.name}'", file=sys.stderr)
                file.parent.mkdir(exist_ok=True)
                pictures = torch.stack([part[index][0] for index in range(start, end)])
                encoded = torch.cat([self(batch, fastest_device()) for batch in pictures.split(BATCH)])
                save_tensors({"latents": encoded.half()}, file, {})
            latents += read_tensors(file)["latents"]
        return latents

    @cached_property
    def _vae(self) -> AutoencoderKL:
        return load_vae(self.vae_file).to(memory_format=torch.channels_last)
