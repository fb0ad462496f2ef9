"""The files of the tiny base: reading them, building modules from them, writing them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from ..weights import SHIPPED
from ..weights.tensors import read_metadata, read_tensors, save_half
from .architecture import build_text_encoder, build_unet, build_vae
from .keys import unet_to_diffusers, unet_to_ldm, vae_to_diffusers, vae_to_ldm

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from torch import nn
    from transformers import CLIPTextModel

Module = TypeVar("Module", bound="nn.Module")

UNET_FILE = SHIPPED / "modiste_base_unet.safetensors"
VAE_FILE = SHIPPED / "modiste_base_vae.safetensors"
TEXT_FILE = SHIPPED / "modiste_base_text.safetensors"
LICENCE = "Apache-2.0"
COLORS = "latent_colors"  # in the autoencoder's metadata
_TEXT_PREFIX = "text_model."  # transformers 4 writes it and 5 does not; the file has it, as SD1.5 checkpoints do


@dataclass(frozen=True)
class BaseWeights:
    """The tiny base as state dicts in fp16.

    unet, vae: LDM's names, without prefix
    text:      SD1.5's names (`text_model...`)
    """

    unet: dict[str, Tensor]
    vae: dict[str, Tensor]
    text: dict[str, Tensor]


def load_base() -> BaseWeights:
    """Read the shipped weights.

    Raises:
        FileNotFoundError: if the pack lacks one of the files.
    """
    return BaseWeights(_read(UNET_FILE), _read(VAE_FILE), _read(TEXT_FILE))


def latent_colors(file: Path = VAE_FILE) -> tuple[list[list[float]], list[float]] | None:
    """Return what an autoencoder's file says of its latents' colours, for previews: a matrix [C][3] and an offset [3].

    Latents with a standard deviation of 1 (LATENT times LATENT_SCALE) give RGB in -1..1. None if the file does not say.
    """
    told = read_metadata(file).get(COLORS)
    if told is None:
        return None
    colors = json.loads(told)
    return colors["factors"], colors["offset"]


def load_unet(file: Path = UNET_FILE) -> UNet2DConditionModel:
    """Return the denoiser with a file's weights, in float32 and for use, not training."""
    return filled(build_unet, unet_to_diffusers(_read(file)))


def load_vae(file: Path = VAE_FILE) -> AutoencoderKL:
    """Return the autoencoder with a file's weights, in float32 and for use, not training."""
    return filled(build_vae, vae_to_diffusers(_read(file)))


def load_text_encoder(file: Path = TEXT_FILE) -> CLIPTextModel:
    """Return the text encoder with a file's weights, in float32 and for use, not training."""
    return filled(build_text_encoder, _read(file))


def save_unet(unet: UNet2DConditionModel, file: Path, metadata: Mapping[str, str]) -> None:
    """Write the denoiser in fp16; `metadata` tells how it was trained."""
    _write(unet_to_ldm(unet.state_dict()), file, "base-unet", metadata)


def save_vae(vae: AutoencoderKL, file: Path, metadata: Mapping[str, str]) -> None:
    """Write the autoencoder in fp16; `metadata` tells how it was trained."""
    _write(vae_to_ldm(vae.state_dict()), file, "base-vae", metadata)


def save_text_encoder(text: CLIPTextModel, file: Path, metadata: Mapping[str, str]) -> None:
    """Write the text encoder in fp16; `metadata` tells how it was trained."""
    state = {_TEXT_PREFIX + name.removeprefix(_TEXT_PREFIX): weight for name, weight in text.state_dict().items()}
    state = {name: weight for name, weight in state.items() if not name.endswith("position_ids")}
    _write(state, file, "base-text", metadata)


def _read(file: Path) -> dict[str, Tensor]:
    if file.parent == SHIPPED and not file.is_file():
        raise FileNotFoundError(f"The pack's file '{file.name}' is missing from '{file.parent}': install the pack again.")
    return read_tensors(file)


def _write(state: Mapping[str, Tensor], file: Path, kind: str, metadata: Mapping[str, str]) -> None:
    save_half(state, file, {"version": "1", "licence": LICENCE, **metadata, "kind": kind})


def filled(build: Callable[[], Module], state: Mapping[str, Tensor]) -> Module:
    """Return the module that `build` makes, in float32 with the weights of `state`, for use; no time goes into random weights.

    Raises:
        ValueError: if `state` has other names or sizes than the module.
    """
    with torch.device("meta"):
        module = build()
    if not any(name.startswith(_TEXT_PREFIX) for name in module.state_dict()):
        state = {name.removeprefix(_TEXT_PREFIX): weight for name, weight in state.items()}
    module.to_empty(device="cpu")
    for name, buffer in module.named_buffers():
        if name.endswith("position_ids"):  # the only buffer, and a count
            buffer.copy_(torch.arange(buffer.numel()).view_as(buffer))
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        told = " ".join(str(error).splitlines()[1:2]).strip()
        raise ValueError(f"The weights are not those of a {type(module).__name__} of this size: {told}") from error
    return module.eval().requires_grad_(False)
