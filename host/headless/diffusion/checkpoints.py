"""SD1.5 checkpoints: one safetensors file in LDM's layout that holds UNet, VAE and text encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from ....models.base.files import filled
from ....models.base.keys import unet_to_diffusers, vae_to_diffusers
from ....models.base.sd15 import SD15_TEXT, SD15_UNET, SD15_VAE
from ....models.weights.tensors import read_tensors
from .clip import HeadlessClip
from .model import HeadlessModel
from .vae import HeadlessVae

if TYPE_CHECKING:
    from torch import nn

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."


def load_checkpoint(path: Path) -> tuple[HeadlessModel, HeadlessClip, HeadlessVae]:
    """Return the MODEL, CLIP and VAE of an SD1.5 checkpoint; it predicts noise (epsilon), as core takes all such files to do.

    Raises:
        ValueError: if the file is not safetensors, or holds another model or only a part of one.
    """
    unet, vae, encoder = build_checkpoint(read_tensors(path), path.name)
    return HeadlessModel(unet, "epsilon"), HeadlessClip(encoder), HeadlessVae(vae)


def build_checkpoint(state: Mapping[str, Tensor], name: str) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return the UNet, VAE and text encoder of a checkpoint's weights.

    Raises:
        ValueError: as `load_checkpoint`; `name` is the file's.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    if not _is_sd15(state):
        raise ValueError(f"'{name}' is not an SD1.5 checkpoint, the only kind that runs here: choose one, or run it in ComfyUI.")
    unet, vae, text = (_part(state, prefix) for prefix in (UNET, VAE, TEXT))
    text = {f"text_model.{key.removeprefix('text_model.')}": weight.half() for key, weight in text.items()}
    text = {key: weight for key, weight in text.items() if not key.endswith("position_ids")}
    return (
        _built(lambda: UNet2DConditionModel(**SD15_UNET), unet_to_diffusers, unet, "UNet", name),
        _built(lambda: AutoencoderKL(**SD15_VAE), vae_to_diffusers, vae, "VAE", name),
        _built(lambda: CLIPTextModel(CLIPTextConfig(**SD15_TEXT)), dict, text, "text encoder", name),
    )


def _is_sd15(state: Mapping[str, Tensor]) -> bool:
    """Whether the UNet has SD1.5's latent channels, first width and width of text, which tells it from its relatives."""
    channels, width, text = SD15_UNET["in_channels"], SD15_UNET["block_out_channels"][0], SD15_UNET["cross_attention_dim"]
    first = state.get(f"{UNET}input_blocks.0.0.weight")
    keys = state.get(f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight")
    return first is not None and first.shape[:2] == (width, channels) and keys is not None and keys.shape == (width, text)


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): weight for key, weight in state.items() if key.startswith(prefix)}


def _built(
    build: Callable[[], nn.Module],
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    state: Mapping[str, Tensor],
    part: str,
    name: str,
) -> nn.Module:
    try:
        return filled(build, rename(state))
    except ValueError as error:
        raise ValueError(f"The {part} in '{name}' is missing or is not SD1.5's: choose a checkpoint with all its parts.") from error
