"""Changes of weights that leave the shared module alone: LoRA on a clone costs what it changes, and nothing leaks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LowRank:
    """One weight's change, up @ down, as LoRA files hold it.

    up:     [out, rank, ...], down: [rank, in, ...]; for convolutions with their kernels
    middle: [rank, rank, kh, kw] of a convolution that was taken apart into three, or None
    scale:  alpha / rank
    """

    up: Tensor
    down: Tensor
    middle: Tensor | None = None
    scale: float = 1.0

    def fits(self, shape: torch.Size) -> bool:
        """Return whether the factors go together and make a weight of that shape."""
        if self.middle is not None and self.middle.shape[1] != len(self.down):
            return False
        down = self._down()
        return self.up.flatten(1).shape == (shape[0], len(down)) and down[0].numel() == math.prod(shape[1:])

    def delta(self, strength: float, shape: torch.Size) -> Tensor:
        """Return what to add to a weight of that shape, in float32."""
        return (strength * self.scale) * (self.up.float().flatten(1) @ self._down().flatten(1)).reshape(shape)

    def _down(self) -> Tensor:
        """Return `down` with what `middle` does after it, [rank, in, ...]."""
        down = self.down.float()
        return down if self.middle is None else torch.einsum("rshw,si->rihw", self.middle.float(), down.flatten(1))


class Weights:
    """A module with changes to its weights, which are there only while it runs.

    Every clone shares the module itself, so that layers which a patch object holds see the changes too, as in ComfyUI.
    """

    def __init__(
        self,
        module: nn.Module,
        dtype: torch.dtype = torch.float32,
        changes: tuple[tuple[Mapping[str, LowRank], float], ...] = (),
    ) -> None:
        """Take a module and (changes by parameter name, strength) pairs; changed weights are rounded to `dtype`."""
        self.module = module
        self.dtype = dtype
        self.changes = changes

    def changed_by(self, patches: Mapping[str, LowRank], strength: float) -> Weights:
        """Return the same module with more changes, on top of these."""
        return Weights(self.module, self.dtype, (*self.changes, (patches, strength)))

    @contextmanager
    def applied(self, device: torch.device) -> Iterator[nn.Module]:
        """Yield the module on `device`, changed until the block ends."""
        self.module.to(device)
        parameters = dict(self.module.named_parameters())
        changed = {name: weight.to(device) for name, weight in self._changed.items()}
        originals = {name: parameters[name].data for name in changed}
        try:
            for name, weight in changed.items():
                parameters[name].data = weight
            yield self.module
        finally:
            for name, weight in originals.items():
                parameters[name].data = weight

    @cached_property
    def _changed(self) -> dict[str, Tensor]:
        """The changed weights by name, made once."""
        parameters = dict(self.module.named_parameters())
        changed: dict[str, Tensor] = {}
        for patches, strength in self.changes:
            for name, change in patches.items():
                weight = changed.get(name, parameters[name].data)
                changed[name] = weight + change.delta(strength, weight.shape).to(weight)
        return {name: weight.to(self.dtype).to(parameters[name].dtype) for name, weight in changed.items()}
