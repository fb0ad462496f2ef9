"""Attention patches: what ComfyUI's UNet calls around its attention, and the same in a diffusers UNet.

Here: the protocol and the table of SD1.5's layers, the bridge that runs patches in diffusers (`run_unet`), what our patches share,
and three of them: KeyValueConcat (GarmFus), AddedAttention (Dressing-Attention, image prompts), FeatureRecorder. Not here: the
networks that make garment features, and nodes. In: a MODEL of either host and features per block; out: a MODEL with the patch.
"""

from .added_attention import AddedAttention
from .bridge import attach, run_unet
from .key_value_concat import KeyValueConcat
from .layers import ADAPTER_ORDER, LAYERS, Block, Layer, sd15_layers
from .patch import AttentionPatch, Features, Window, chain_replace, cond_rows, for_rows, mask_tokens
from .protocol import Attention, ExtraOptions, InputPatch, OutputPatch, PatchableModel, Replacement, attend
from .recorder import FeatureRecorder

__all__ = [
    "ADAPTER_ORDER",
    "LAYERS",
    "AddedAttention",
    "Attention",
    "AttentionPatch",
    "Block",
    "ExtraOptions",
    "FeatureRecorder",
    "Features",
    "InputPatch",
    "KeyValueConcat",
    "Layer",
    "OutputPatch",
    "PatchableModel",
    "Replacement",
    "Window",
    "attach",
    "attend",
    "chain_replace",
    "cond_rows",
    "for_rows",
    "mask_tokens",
    "run_unet",
    "sd15_layers",
]
