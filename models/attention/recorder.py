"""What a UNet's self-attention sees: the features that KeyValueConcat shows to another run."""

from __future__ import annotations

from torch import Tensor

from .layers import Block
from .patch import ALWAYS, AttentionPatch, cond_rows
from .protocol import ExtraOptions


class FeatureRecorder(AttentionPatch):
    """An `attn1_patch` that changes nothing and keeps the normed inputs of each block's self-attention in the first run it sees.

    features: for each block that ran [B, C, h, w], of the positive prompt's rows; gradients flow where the run has any
    """

    hook = "attn1_patch"

    def __init__(self) -> None:
        super().__init__({}, 1.0, ALWAYS)
        self.features: dict[Block, Tensor] = {}

    def __call__(self, n: Tensor, context: Tensor, value: Tensor, extra_options: ExtraOptions) -> tuple[Tensor, Tensor, Tensor]:
        rows, size = cond_rows(len(n), extra_options), extra_options["activations_shape"][-2:]
        if len(rows):
            seen = n if len(rows) == len(n) else n[rows]
            self.features.setdefault(extra_options["block"], seen.transpose(1, 2).unflatten(2, size))
        return n, context, value
