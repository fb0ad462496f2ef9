"""The pack's own files of garment restoration: GarmNet with the denoiser's changes. The image prompt's are IP-Adapter's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..base.architecture import UNET_CONFIG
from ..base.files import filled
from ..base.keys import unet_to_diffusers, unet_to_ldm
from ..base.sd15 import SD15_UNET
from ..weights.tensors import read_metadata, read_tensors, save_half
from .categories import PROMPTS
from .garm_net import MASK_CHANNELS, GarmNet, build_garm_net
from .image_prompt import ImagePrompt

NET, DENOISER = "garm_net.", "denoiser."
TOLD = "prompts"  # in the metadata: what it was told of each kind of garment, as JSON


@dataclass(frozen=True)
class GarmNetFile:
    """What a file holds.

    net:      GarmNet, in float32 and for use
    denoiser: a LoRA by LDM names, `diffusion_model.<layer>.lora_up.weight`, of the denoiser that was trained with it; may be empty
    """

    net: GarmNet
    denoiser: Mapping[str, Tensor]


def load_garm_net(path: Path) -> GarmNetFile:
    """Return a file's GarmNet.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds something else, a GarmNet for a base that is neither SD1.5 nor the tiny base, or one that learned
            other prompts.
    """
    state = read_tensors(path)
    net = {key.removeprefix(NET): weight for key, weight in state.items() if key.startswith(NET)}
    if "input_blocks.0.0.weight" not in net:
        raise ValueError(f"'{path.name}' holds no GarmNet: choose a file that 'modiste.py train restoration' wrote.")
    check_prompts(path)
    try:
        garm_net = GarmNet(filled(lambda: build_garm_net(_config_of(net)).unet, unet_to_diffusers(net)))
    except (ValueError, KeyError) as error:
        raise ValueError(f"'{path.name}' is a GarmNet of another size than SD1.5 and the tiny base: choose another.") from error
    return GarmNetFile(
        garm_net.eval(), {key.removeprefix(DENOISER): value for key, value in state.items() if key.startswith(DENOISER)}
    )


def save_garm_net(
    net: GarmNet | None,
    denoiser: Mapping[str, Tensor],
    path: Path,
    metadata: Mapping[str, str],
    more: Mapping[str, Tensor] | None = None,
) -> None:
    """Write GarmNet, the denoiser's changes and `more` in fp16; `metadata` tells how they were trained."""
    state = {NET + key: weight for key, weight in unet_to_ldm(net.unet.state_dict()).items()} if net else {}
    state |= {DENOISER + key: weight for key, weight in denoiser.items()} | dict(more or {})
    save_half(state, path, {**metadata, "kind": "garm-net", TOLD: json.dumps(PROMPTS)})


def check_prompts(path: Path) -> None:
    """Check that a file learned the prompts that it will be told.

    Raises:
        ValueError: if it learned others.
    """
    if read_metadata(path).get(TOLD, json.dumps(PROMPTS)) != json.dumps(PROMPTS):
        raise ValueError(f"'{path.name}' learned other words for garments than it would be told: take the file of this version.")


def save_image_prompt(prompt: ImagePrompt, path: Path, metadata: Mapping[str, str]) -> None:
    """Write an image prompt in fp16, with IP-Adapter's names."""
    save_half(prompt.state_dict(), path, {**metadata, "kind": "garment-prompt"})


def _config_of(state: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """Return the configuration of the base that a GarmNet's weights, by LDM names, are for.

    Raises:
        ValueError: if it is none that is known.
    """
    width, channels = state["input_blocks.0.0.weight"].shape[:2]
    for config in (UNET_CONFIG, SD15_UNET):
        if (width, channels) == (config["block_out_channels"][0], config["in_channels"] + MASK_CHANNELS):
            return config
    raise ValueError(f"There is no base {width} wide with {channels - MASK_CHANNELS} latent channels.")
