"""Self-attention that also looks at a garment's own tokens: IGR's GarmFus (section 3.2, equation 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .layers import Block
from .patch import ALWAYS, AttentionPatch, Features, Model, Window, cond_rows, for_rows, mask_tokens, patch_once
from .protocol import ExtraOptions


class KeyValueConcat(AttentionPatch):
    """An `attn1_patch`: keys and values from [garment; self], queries from self.

    GarmFus joins the feature maps of garment and image side by side, attends, and keeps the image's half. Attention works row by
    row in its queries, so leaving out the garment's queries gives that half at half the cost.

    Every row of a batch must have as many keys as the others. A row of the negative prompt therefore gets its own tokens twice,
    which changes no softmax average; and strength and mask move the second set of tokens from its own (0) to the garment's (1).
    Two of these patches on one MODEL show it both garments.
    """

    hook = "attn1_patch"

    def __init__(
        self,
        features: Features,  # for each block [b, C, h, w], the garment's normed inputs of self-attention, b as in `for_rows`
        strength: float = 1.0,  # 0..1
        window: Window = ALWAYS,
        mask: Tensor | None = None,  # [b, H, W] in 0..1: which parts of the garment to show; all of it without one
        weights: Mapping[Block, float] | None = None,  # 0..1, times the strength in each block; 1 where a block is not named
    ) -> None:
        super().__init__(features, strength, window)
        self.mask = mask
        self.weights = dict(weights or {})

    def install(self, model: Model) -> Model:
        if self.mask is not None and not self.mask.any():
            self.strength = 0.0  # nothing is shown, exactly
        clone = super().install(model)
        patch_once(clone, own_tokens, "attn1_output_patch")
        return clone

    def width(self, block: Block) -> int:
        return self.tensors[block].shape[1]

    def __call__(self, n: Tensor, context: Tensor, value: Tensor, extra_options: ExtraOptions) -> tuple[Tensor, Tensor, Tensor]:
        rows = cond_rows(len(n), extra_options).to(n.device)
        if not self.acts(extra_options) or not len(rows) or not self.weights.get(extra_options["block"], 1.0):
            return n, context, value
        size = extra_options["activations_shape"][-2:]
        if n.shape[1] != math.prod(size):
            raise ValueError(
                "A patch before the garment's, such as Token Merging or HyperTile, has changed how many places of the image there "
                "are: put it behind the garment's, nearer to KSampler."
            )

        def pick(tensor: Tensor) -> Tensor:
            return for_rows(tensor.to(n), rows, len(n), extra_options)

        garment = pick(_resized(self.tensors[extra_options["block"]], *size))
        weight: Any = self.strength * self.weights.get(extra_options["block"], 1.0)
        if self.mask is not None:
            weight = weight * pick(mask_tokens(self.mask, *size))
        more = n.index_copy(0, rows, torch.lerp(n[rows], garment, weight))
        return n, torch.cat([more, context], dim=1), torch.cat([more, value], dim=1)


def own_tokens(n: Tensor, extra_options: ExtraOptions) -> Tensor:
    """An output patch: leave the garment's tokens out where a replaced attention returns its values as they are.

    So does perturbed-attention guidance (Ahn et al. 2024); the image's own come last.
    """
    return n[:, -math.prod(extra_options["activations_shape"][-2:]) :]


def _resized(features: Tensor, height: int, width: int) -> Tensor:
    """Return feature maps [b, C, h, w] as tokens [b, height * width, C]."""
    from torch.nn.functional import interpolate

    if features.shape[-2:] != (height, width):
        # CPUs resize no half precision
        features = interpolate(features.float(), (height, width), mode="bilinear", antialias=True).to(features.dtype)
    return features.flatten(2).transpose(1, 2)
