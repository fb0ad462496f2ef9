"""The names of SD1.5-shaped weights: the LDM layout that checkpoints and ComfyUI use, and diffusers' own, both ways without loss.

A name is a module's place followed by the layer inside it. Places differ by numbering, layers by vocabulary; both are listed once
here as pairs (LDM, diffusers) and read in either direction. Any width works, since only names change; the one exception is the
attention in the VAE, whose layers are 1x1 convolutions in LDM and linear in diffusers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

Pairs = list[tuple[str, str]]

_LEVELS = 4
_UNET_LAYERS = 2  # residual blocks a level on the way down; one more on the way up

_UNET_RESNET: Pairs = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
]
_VAE_RESNET: Pairs = [(name, name) for name in ("norm1", "conv1", "norm2", "conv2")] + [("nin_shortcut", "conv_shortcut")]
_VAE_ATTENTION: Pairs = [("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")]


def unet_to_ldm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a U-Net's weights from diffusers' names to LDM's (`input_blocks.0.0.weight`, without `model.diffusion_model.`).

    Raises:
        ValueError: if a name is not one of an SD1.5-shaped U-Net; so for the other functions here.
    """
    return {_renamed(name, _reversed(_unet_places())): weight for name, weight in state.items()}


def unet_to_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a U-Net's weights from LDM's names to diffusers'."""
    return {_renamed(name, _unet_places()): weight for name, weight in state.items()}


def vae_to_ldm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a VAE's weights from diffusers' names to LDM's, its attention to 1x1 convolutions [C, C, 1, 1]."""
    renamed = {_renamed(name, _reversed(_vae_places())): weight for name, weight in state.items()}
    return {name: weight[..., None, None] if _is_projection(name) else weight for name, weight in renamed.items()}


def vae_to_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a VAE's weights from LDM's names to diffusers', its attention to linear layers [C, C]."""
    flat = {name: weight[..., 0, 0] if _is_projection(name) else weight for name, weight in state.items()}
    return {_renamed(name, _vae_places()): weight for name, weight in flat.items()}


def _is_projection(name: str) -> bool:
    """Whether an LDM name is the weight matrix of the VAE's attention."""
    return ".attn_1." in name and name.endswith(".weight") and not name.endswith(".norm.weight")


def _unet_places() -> Pairs:
    places = [
        ("time_embed.0", "time_embedding.linear_1"),
        ("time_embed.2", "time_embedding.linear_2"),
        ("input_blocks.0.0", "conv_in"),
        ("out.0", "conv_norm_out"),
        ("out.2", "conv_out"),
        ("middle_block.1", "mid_block.attentions.0"),
    ]
    resnets = [("middle_block.0", "mid_block.resnets.0"), ("middle_block.2", "mid_block.resnets.1")]
    for level in range(_LEVELS):
        first = level * (_UNET_LAYERS + 1) + 1
        for layer in range(_UNET_LAYERS):
            resnets.append((f"input_blocks.{first + layer}.0", f"down_blocks.{level}.resnets.{layer}"))
            places.append((f"input_blocks.{first + layer}.1", f"down_blocks.{level}.attentions.{layer}"))
        places.append((f"input_blocks.{first + _UNET_LAYERS}.0.op", f"down_blocks.{level}.downsamplers.0.conv"))
        first = level * (_UNET_LAYERS + 1)
        for layer in range(_UNET_LAYERS + 1):
            resnets.append((f"output_blocks.{first + layer}.0", f"up_blocks.{level}.resnets.{layer}"))
            if level:  # the deepest level has no attention, so what makes it larger takes that place
                places.append((f"output_blocks.{first + layer}.1", f"up_blocks.{level}.attentions.{layer}"))
        places.append((f"output_blocks.{first + _UNET_LAYERS}.{2 if level else 1}.conv", f"up_blocks.{level}.upsamplers.0.conv"))
    return places + list(_inside(resnets, _UNET_RESNET))


def _vae_places() -> Pairs:
    places = [(name, name) for name in ("quant_conv", "post_quant_conv")]
    resnets: Pairs = []
    attentions: Pairs = []
    for half in ("encoder", "decoder"):
        places += [(f"{half}.{name}", f"{half}.{name}") for name in ("conv_in", "conv_out")]
        places.append((f"{half}.norm_out", f"{half}.conv_norm_out"))
        resnets += [(f"{half}.mid.block_{index + 1}", f"{half}.mid_block.resnets.{index}") for index in range(2)]
        attentions.append((f"{half}.mid.attn_1", f"{half}.mid_block.attentions.0"))
    for level in range(_LEVELS):
        up = _LEVELS - 1 - level  # LDM counts levels from the picture on both ways, diffusers in the order they run
        places.append((f"encoder.down.{level}.downsample.conv", f"encoder.down_blocks.{level}.downsamplers.0.conv"))
        places.append((f"decoder.up.{up}.upsample.conv", f"decoder.up_blocks.{level}.upsamplers.0.conv"))
        for layer in range(3):
            resnets.append((f"encoder.down.{level}.block.{layer}", f"encoder.down_blocks.{level}.resnets.{layer}"))
            resnets.append((f"decoder.up.{up}.block.{layer}", f"decoder.up_blocks.{level}.resnets.{layer}"))
    return places + list(_inside(resnets, _VAE_RESNET)) + list(_inside(attentions, _VAE_ATTENTION))


def _inside(modules: Pairs, layers: Pairs) -> Iterator[tuple[str, str]]:
    for ldm, diffusers in modules:
        for ldm_layer, diffusers_layer in layers:
            yield f"{ldm}.{ldm_layer}", f"{diffusers}.{diffusers_layer}"


def _reversed(pairs: Pairs) -> Pairs:
    return [(second, first) for first, second in pairs]


def _renamed(name: str, places: Pairs) -> str:
    table = dict(places)
    place = name
    while place:
        if place in table:
            return table[place] + name[len(place) :]
        place = place.rpartition(".")[0]
    raise ValueError(f"The weight '{name}' is not one of an SD1.5-shaped model: check the file.")
