"""A second attention with its own keys and values, added to the first: AnyDressing's Dressing-Attention (equation 6)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .layers import sd15_layers
from .patch import ALWAYS, AttentionPatch, Features, Model, Window, cond_rows, for_rows, mask_tokens, patch_once
from .protocol import Attention, ExtraOptions, attend


class AddedAttention(AttentionPatch):
    """An output patch: softmax(Q K^T / sqrt(d)) V + strength * softmax(Q K'^T / sqrt(d)) V' before `to_out`.

    `to_out` is affine, so the term is added behind it as `to_out(x) - to_out(0)`. That needs list hooks alone, and any number of
    patches live side by side. Q is computed again from the tokens that an input patch keeps. Layers are called, not read, so that
    LoRA, casting and offloading apply.
    """

    def __init__(
        self,
        unet: torch.nn.Module,  # the one that will be patched, ComfyUI's or diffusers'
        keys: Features,  # for each block K' [b, M, C], heads side by side, b as in `for_rows`
        values: Features,  # for each block V' [b, M, C]
        strength: float = 1.0,
        window: Window = ALWAYS,
        mask: Tensor | None = None,  # [b, H, W] in 0..1: where in the picture to add it; everywhere without one
        kind: str = "attn1",  # or "attn2": beside the text
    ) -> None:
        super().__init__({block: torch.stack([keys[block], values[block]], dim=1) for block in keys}, strength, window)
        self.mask = mask
        self.kind = kind
        self.hook = f"{kind}_output_patch"
        self.layers: dict[Any, Attention] = {block: getattr(module, kind) for block, module in sd15_layers(unet).items()}

    def install(self, model: Model) -> Model:
        clone = super().install(model)
        patch_once(clone, keep_input, f"{self.kind}_patch")
        return clone

    def __call__(self, n: Tensor, extra_options: ExtraOptions) -> Tensor:
        rows = cond_rows(len(n), extra_options).to(n.device)
        if not self.acts(extra_options) or not len(rows):
            return n
        layer = self.layers[extra_options["block"]]
        keys, values = for_rows(self.tensors[extra_options["block"]].to(n), rows, len(n), extra_options).unbind(1)
        added = attend(layer.to_q(extra_options[KEPT_INPUT][rows]), keys, values, layer.heads)
        term = self.strength * (_projected(layer, added) - _projected(layer, torch.zeros_like(added[:1, :1])))
        if self.mask is not None:
            tokens = mask_tokens(self.mask.to(n), *extra_options["activations_shape"][-2:])
            term = term * for_rows(tokens, rows, len(n), extra_options)
        return n.index_add(0, rows, term)


KEPT_INPUT = "modiste_attention_input"


def keep_input(n: Tensor, context: Tensor, value: Tensor, extra_options: ExtraOptions) -> tuple[Tensor, Tensor, Tensor]:
    """An input patch that changes nothing and leaves the queries' tokens for the output patch of the same block."""
    extra_options[KEPT_INPUT] = n
    return n, context, value


def _projected(layer: Attention, x: Tensor) -> Tensor:
    for part in layer.to_out:  # a Linear and a Dropout, in either host's container
        x = part(x)
    return x
