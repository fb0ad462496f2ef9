"""LoRA files of the kohya, diffusers and peft kinds, recognised by their keys, as changes of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from ....models.base.keys import unet_to_ldm
from ....models.weights.tensors import read_tensors
from .clip import HeadlessClip
from .model import HeadlessModel
from .weights import LowRank

Changes = dict[str, LowRank]  # by parameter name

# What follows a layer's name in each kind of file: (up, down, middle).
KINDS = [
    (".lora_up.weight", ".lora_down.weight", ".lora_mid.weight"),  # kohya
    (".lora.up.weight", ".lora.down.weight", None),  # diffusers
    ("_lora.up.weight", "_lora.down.weight", None),  # early diffusers, beside the processor
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight", None),  # diffusers, text encoder
    (".lora_B.weight", ".lora_A.weight", None),  # peft
    (".lora_B.default.weight", ".lora_A.default.weight", None),  # peft, saved with its adapter's name
]

# What marks changes that are not up @ down (DoRA, LoHa, LoKr, OFT, whole differences).
OTHER_KINDS = (".dora_scale", ".hada_w", ".lokr_w", ".oft_", ".diff", ".diff_b", ".w_norm", ".b_norm")


def with_lora(
    model: HeadlessModel, clip: HeadlessClip | None, path: Path, strength_model: float, strength_clip: float
) -> tuple[HeadlessModel, HeadlessClip | None]:
    """Return clones of a model and a text encoder with a LoRA file's changes at the given strengths.

    Raises:
        ValueError: if the file is not safetensors, holds no LoRA for such a model or also other changes, or does not fit its sizes.
    """
    encoder = clip.weights.module if clip else None
    unet_changes, text_changes = read_lora(path, model.weights.module, encoder)
    model = model.clone()
    model.add_patches(unet_changes, strength_model)
    if clip:
        clip = clip.clone()
        clip.add_patches(text_changes, strength_clip)
    return model, clip


def read_lora(path: Path, unet: nn.Module, encoder: nn.Module | None) -> tuple[Changes, Changes]:
    """Return a LoRA's changes to the UNet and to the text encoder.

    Raises:
        ValueError: as `with_lora`.
    """
    state = read_tensors(path)
    other = [key for key in state if any(mark in key for mark in OTHER_KINDS)]
    if other:
        raise ValueError(f"'{path.name}' holds '{other[0]}', a change that only ComfyUI makes: use a plain LoRA, or run it there.")
    told = f"The LoRA '{path.name}'"
    changes = _fitting(state, unet, _unet_names, told), _fitting(state, encoder, _text_names, told) if encoder else {}
    if not any(changes):
        raise ValueError(f"'{path.name}' holds no LoRA for SD1.5-shaped models: choose one made for SD1.5.")
    return changes


def unet_changes(state: Mapping[str, Tensor], unet: nn.Module, told: str) -> Changes:
    """Return the changes of a LoRA's tensors to a UNet; `told` is what an error calls them.

    Raises:
        ValueError: if there are none, or they are of another size.
    """
    found = _fitting(state, unet, _unet_names, told)
    if not found:
        raise ValueError(f"{told} fit no layer of this model: use the base that they were trained on.")
    return found


def _fitting(state: Mapping[str, Tensor], module: nn.Module, names: Callable[[nn.Module], dict[str, str]], told: str) -> Changes:
    found = dict(_changes(state, names(module)))
    parameters = dict(module.named_parameters()) if found else {}
    for name, change in found.items():
        if not change.fits(parameters[name].shape):
            raise ValueError(f"{told} was made for a model of another size: '{name}' does not fit.")
    return found


def _changes(state: Mapping[str, Tensor], names: Mapping[str, str]) -> Iterator[tuple[str, LowRank]]:
    """Yield parameter names and their changes; `names` lists what files call each layer."""
    for layer, parameter in names.items():
        for up, down, middle in KINDS:
            if layer + up in state and layer + down in state:
                rank = state[layer + down].shape[0]
                alpha = float(state.get(f"{layer}.alpha", rank))
                between = state.get(layer + middle) if middle else None
                yield parameter, LowRank(state[layer + up], state[layer + down], between, alpha / rank)


def _unet_names(unet: nn.Module) -> dict[str, str]:
    """Return what files call the UNet's layers -> parameter name."""
    state = {name: weight for name, weight in unet.state_dict().items() if name.endswith(".weight")}
    names = {}
    for ldm, parameter in zip(unet_to_ldm(state), state, strict=True):
        layer, ldm_layer = parameter.removesuffix(".weight"), ldm.removesuffix(".weight")
        beside = layer.replace(".to_out.0", ".to_out").replace(".to_", ".processor.to_")
        for name in (layer, beside):
            names |= {f"{prefix}{name}": parameter for prefix in ("", "unet.", "base_model.model.")}
        names[f"diffusion_model.{ldm_layer}"] = parameter
        for flat in (layer, ldm_layer):
            names["lora_unet_" + flat.replace(".", "_")] = parameter
    return names


def _text_names(encoder: nn.Module) -> dict[str, str]:
    """Return what files call the text encoder's layers -> parameter name."""
    names = {}
    for parameter in encoder.state_dict():
        if not parameter.endswith(".weight"):
            continue
        layer = "text_model." + parameter.removesuffix(".weight").removeprefix("text_model.")
        flat = layer.replace(".", "_")
        for name in (f"text_encoder.{layer}", f"lora_te_{flat}", f"lora_te1_{flat}"):
            names[name] = parameter
    return names
