"""What looks at photos, and what it saw: the values of MODISTE_GARM_NET and MODISTE_GARMENT_FEATURES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..attention import LAYERS, Block


@dataclass(frozen=True)
class Looker:
    """Either of two networks that can look at photos.

    net:      a GarmNet in the care of the host's memory management, or None
    model:    without a net, a MODEL that looks for itself
    denoiser: a LoRA (see `GarmNetFile`) that belongs to the net; may be empty
    """

    net: Any = None
    model: Any = None
    denoiser: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class GarmentFeatures:
    """Features of B photos.

    layers:   for each of the 16 blocks [B, C, h, w], the normed input of GarmNet's self-attention
    mask:     [B, H, W] in 0..1, which of the photo to show; None shows all, as a trained GarmNet wants
    denoiser: a LoRA (see `GarmNetFile`) of the denoiser that was trained with this GarmNet; may be empty
    """

    layers: Mapping[Block, Tensor]
    mask: Tensor | None = None
    denoiser: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much memory the features take."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.layers.values())


@torch.no_grad()
def one_by_one(look: Callable[[slice], Mapping[Block, Tensor]], count: int, progress: Callable[[int], None]) -> dict[Block, Tensor]:
    """Return what `look` sees of all `count` photos, when told which to look at: for each block [count, C, h, w] on the CPU.

    One by one, so that it can be cancelled in between, and takes no more memory than one photo.
    """
    seen = []
    for done in range(count):
        progress(done)
        seen.append({block: tensor.cpu() for block, tensor in look(slice(done, done + 1)).items()})
    progress(count)
    return {block: torch.cat([one[block] for one in seen]) for block in seen[0]}


def block_weights(text: str) -> dict[Block, float]:
    """Read weights of blocks: one number for all, three for input, middle and output, or 16 in running order; "" is 1.

    Raises:
        ValueError: if it is something else.
    """
    try:
        numbers = [float(part) for part in text.replace(";", ",").split(",") if part.strip()] or [1.0]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3, len(LAYERS)) or not all(0 <= number <= 1 for number in numbers):
        raise ValueError(f"The block weights are '{text}': give 1, 3 (input, middle, output) or 16 numbers in 0..1, with commas.")
    blocks = [layer.block for layer in LAYERS]
    if len(numbers) == len(LAYERS):
        return dict(zip(blocks, numbers, strict=True))
    kinds = dict(zip(("input", "middle", "output"), numbers * (3 // len(numbers)), strict=True))
    return {block: kinds[block[0]] for block in blocks}
