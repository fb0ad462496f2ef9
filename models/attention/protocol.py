"""What a patch is: the callables that ComfyUI's UNet calls around its attention, and what it tells them.

In each of the 16 transformer blocks, for the self-attention (`attn1`) and then the cross-attention (`attn2`):

1. every `attn1_patch`, in the order of installation, may change what goes into the projections;
2. the one `attn1` replacement of this block, if any, computes attention itself, heads not split;
3. every `attn1_output_patch` may change what comes out of `to_out`, before the residual is added.

`extra_options` is one dictionary per block and run, shared by all of these calls, so a patch may leave something in it for a later
hook of the same block. It holds:

    block              ("input" | "middle" | "output", number)
    block_index        0 in SD1.5: the transformer block's place among those of its `block`
    transformer_index  0..15, in running order
    n_heads, dim_head  int
    attn_precision     None or torch.float32: the precision that the model wants attention computed in
    original_shape     [B, C, H, W] of the latent
    activations_shape  [B, C, h, w] of this block's feature map; tokens are its pixels row by row
    cond_or_uncond     for each equal part of the batch: 0 positive, 1 negative; absent outside sampling
    sigmas             [B] noise levels; absent outside sampling
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

ExtraOptions = dict[str, Any]


class InputPatch(Protocol):
    """Before the projections: normed tokens n [B, N, C], what keys are made of, and what values are made of, both [B, M, D]."""

    def __call__(self, n: Tensor, context: Tensor, value: Tensor, extra_options: ExtraOptions) -> tuple[Tensor, Tensor, Tensor]: ...


class Replacement(Protocol):
    """Instead of attention: q [B, N, C], k and v [B, M, C] to [B, N, C]; C holds the heads side by side."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, extra_options: ExtraOptions) -> Tensor: ...


class OutputPatch(Protocol):
    """After `to_out`: [B, N, C] to the same shape."""

    def __call__(self, n: Tensor, extra_options: ExtraOptions) -> Tensor: ...


class PatchableModel(Protocol):
    """The part of a MODEL that patches need; ComfyUI's ModelPatcher and the headless host's have it."""

    model_options: dict[str, Any]

    def get_model_object(self, name: str) -> Any: ...

    def set_model_patch(self, patch: InputPatch | OutputPatch, name: str) -> None: ...

    def set_model_patch_replace(self, patch: Replacement, name: str, block_name: str, number: int, index: int) -> None: ...


class Attention(Protocol):
    """The layers of an attention, in ComfyUI's UNet as in diffusers'."""

    to_q: nn.Module
    to_k: nn.Module
    to_v: nn.Module
    to_out: nn.Module
    heads: int


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v for every head; q [B, N, C], k and v [B, M, C] with the heads side by side -> [B, N, C]."""
    from torch.nn.functional import scaled_dot_product_attention

    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    return scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)
