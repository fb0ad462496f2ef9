"""CLIP: a transformers text encoder that turns prompts into CONDITIONING as core does for SD1.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....models.base.tokenizer import END, padded_tokens, tokenize
from ..session import device
from .guidance import Conditioning
from .prompts import TokenWeights, weighted_chunks
from .weights import LowRank, Weights

if TYPE_CHECKING:
    from transformers import CLIPTextModel

Tokens = dict[str, list[TokenWeights]]  # {"l": chunks}: core's name for this encoder


class HeadlessClip:
    """A text encoder; a clone shares the weights, and what is set on it stays on it."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        self.weights = Weights(encoder, torch.float16)  # core holds text weights in half precision, changed ones too
        self.layer_idx: int | None = None

    def clone(self) -> HeadlessClip:
        """Return a CLIP with the same weights and settings, to be changed without changing this one."""
        other = object.__new__(HeadlessClip)
        other.weights, other.layer_idx = self.weights, self.layer_idx
        return other

    def clip_layer(self, layer_idx: int) -> None:
        """Stop at a layer, counted from -1 for the last; below the first it is the last, as in core."""
        self.layer_idx = layer_idx

    def add_patches(self, patches: Mapping[str, LowRank], strength_patch: float = 1.0) -> None:
        """Change weights, named as transformers names them."""
        self.weights = self.weights.changed_by(patches, strength_patch)

    def tokenize(self, text: str) -> Tokens:
        """Return a prompt's tokens with their weights.

        Raises:
            ValueError: if it names an embedding, which only ComfyUI loads.
        """
        return {"l": weighted_chunks(text, tokenize)}

    def encode_from_tokens_scheduled(self, tokens: Tokens) -> Conditioning:
        """Return CONDITIONING with the states [1, 77 * chunks, C] and, as "pooled_output" [1, C], the first chunk's end state."""
        states, pooled = self._encode(tokens["l"])
        return [[states, {"pooled_output": pooled}]]

    def _encode(self, chunks: list[TokenWeights]) -> tuple[Tensor, Tensor]:
        ids = [[token for token, _ in chunk] for chunk in chunks]
        weights = torch.tensor([[weight for _, weight in chunk] for chunk in chunks])
        states, last = self._run([*ids, padded_tokens("")])
        empty = states[-1:]
        weighed = torch.where(weights[..., None] == 1, states[:-1], empty + (states[:-1] - empty) * weights[..., None])
        return weighed.flatten(0, 1)[None], last[:1, ids[0].index(END)]

    def _run(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Return the states [B, 77, C] of the chosen layer and of the last, both after the final norm, on the CPU."""
        with torch.no_grad(), self.weights.applied(device()) as encoder:
            output = encoder(torch.tensor(ids, device=device()), output_hidden_states=True)
            last = output.last_hidden_state
            layers = len(output.hidden_states) - 1
            if self.layer_idx is None or -self.layer_idx > layers:
                return last.cpu(), last.cpu()
            norm = getattr(encoder, "text_model", encoder).final_layer_norm  # transformers 4 has one module more around it
            return norm(output.hidden_states[self.layer_idx]).cpu(), last.cpu()
