"""Attention patches: what ComfyUI's UNet calls around its attention, and the same in a diffusers UNet.

Here: the protocol and the table of SD1.5's layers, the bridge that runs patches in diffusers (`run_unet`), what our patches share,
and two of them: KeyValueConcat (GarmFus) and AddedAttention (Dressing-Attention, image prompts). Not here: the networks that make
garment features, and nodes. In: a MODEL of either host and features per block; out: a MODEL that carries the patch.
"""

from .bridge import attach, run_unet
from .layers import ADAPTER_ORDER, LAYERS, Block, Layer, sd15_layers
from .protocol import Attention, ExtraOptions, InputPatch, OutputPatch, PatchableModel, Replacement, attend

__all__ = [
    "ADAPTER_ORDER",
    "LAYERS",
    "Attention",
    "Block",
    "ExtraOptions",
    "InputPatch",
    "Layer",
    "OutputPatch",
    "PatchableModel",
    "Replacement",
    "attach",
    "attend",
    "run_unet",
    "sd15_layers",
]
