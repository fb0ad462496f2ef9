"""One prediction of x0 under guidance: the entries of both conditionings in as few UNet calls as they fit, as core batches them.

The order inside a batch is core's: the last entry first, so the usual call holds the negative and then the positive, and
`cond_or_uncond` tells it as [1, 0].
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .model import HeadlessModel

COND, UNCOND = 0, 1
MOST_REPEATS = 4  # prompts whose lengths differ more than so many times are not batched, as in core

Conditioning = list[list[Any]]  # [[states [1, T, C], {"pooled_output": ...}], ...]
Options = dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Entry:
    """One prompt of a conditioning: its states [B, T, C], the side it is on, and the name that tells it from the others."""

    states: Tensor
    side: int
    uuid: uuid.UUID = field(default_factory=uuid.uuid4)


class Guidance:
    """The denoiser of a run: away from `negative` by `cfg` (Ho and Salimans 2022); at 1 the negative is left out."""

    def __init__(
        self, model: HeadlessModel, positive: Conditioning, negative: Conditioning, cfg: float, options: Options, latent: Tensor
    ) -> None:
        """Take what to run; `options` are the transformer_options of the run, `latent` one like those to come."""
        self.model = model
        self.cfg = cfg
        self.options = options
        sides = [(COND, positive)] if math.isclose(cfg, 1.0) else [(COND, positive), (UNCOND, negative)]
        self.entries = [_Entry(repeat_to(states, len(latent)).to(latent), side) for side, entries in sides for states, _ in entries]

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return x0 [B, C, h, w] for the noisy latent `x` at one sigma."""
        sigma = sigma.expand(len(x))
        sums = [torch.zeros_like(x), torch.zeros_like(x)]
        for group in _groups(self.entries):
            options = self.options | {
                "cond_or_uncond": [entry.side for entry in group],
                "uuids": [entry.uuid for entry in group],
                "sigmas": sigma,
            }
            count = len(group)
            predicted = self.model.predict(x.repeat(count, 1, 1, 1), sigma.repeat(count), _joined(group), options)
            for entry, clean in zip(group, predicted.chunk(count), strict=True):
                sums[entry.side] = sums[entry.side] + clean
        cond, uncond = (total / max(1, self._count(side)) for side, total in enumerate(sums))
        return cond if math.isclose(self.cfg, 1.0) else uncond + (cond - uncond) * self.cfg

    def _count(self, side: int) -> int:
        return sum(entry.side == side for entry in self.entries)


def repeat_to(values: Tensor, count: int) -> Tensor:
    """Return `values` cut or repeated to `count` along the first axis."""
    return values.repeat(math.ceil(count / len(values)), *(1,) * (values.ndim - 1))[:count]


def _groups(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    """Yield the entries that go into one UNet call each."""
    while entries:
        group = [entry for entry in entries if _fit(entry, entries[0])]
        entries = [entry for entry in entries if not _fit(entry, entries[0])]
        yield group[::-1]


def _fit(entry: _Entry, other: _Entry) -> bool:
    lengths = entry.states.shape[1], other.states.shape[1]
    return math.lcm(*lengths) <= MOST_REPEATS * min(lengths)


def _joined(group: list[_Entry]) -> Tensor:
    """Return the states of a group as one batch; shorter prompts repeat, which attention cannot tell from once."""
    length = math.lcm(*(entry.states.shape[1] for entry in group))
    return torch.cat([entry.states.repeat(1, length // entry.states.shape[1], 1) for entry in group])
