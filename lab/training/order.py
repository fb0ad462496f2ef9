"""Which samples a step sees, and its random numbers: pure functions of the seed and the step, so a resumed run goes on exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler


def seed_of(*parts: int | str) -> int:
    """Return a seed of 63 bits for a purpose, e.g. `seed_of("noise", seed, step)`; the same on every machine."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_of(device: torch.device | str, *parts: int | str) -> torch.Generator:
    """Return a generator on a device that starts from `seed_of(*parts)`."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


def epoch_batches(buckets: Tensor, batch: int, seed: int, epoch: int) -> Tensor:
    """Deal items out into batches of one bucket each.

    buckets: [N] which bucket an item belongs to

    Returns item numbers [B, batch] in random order; each item stands at most once, and what does not fill a batch waits for another
    epoch.
    """
    generator = generator_of("cpu", "order", seed, epoch)
    batches = []
    for bucket in buckets.unique():
        items = torch.nonzero(buckets == bucket)[:, 0]
        items = items[torch.randperm(len(items), generator=generator)]
        batches.append(items[: len(items) // batch * batch].view(-1, batch))
    dealt = torch.cat(batches)
    return dealt[torch.randperm(len(dealt), generator=generator)]


@dataclass(frozen=True)
class BatchOrder(Sampler):
    """Endless batches of item numbers for one of several processes, from the first batch that is still to come.

    buckets:   [N] which bucket an item belongs to
    batch:     items a batch
    seed:      of the order
    first:     batches that each process has seen before
    process:   which process this is, of `processes`
    """

    buckets: Tensor
    batch: int
    seed: int
    first: int = 0
    process: int = 0
    processes: int = 1

    def __iter__(self) -> Iterator[list[int]]:
        dealt = lru_cache(maxsize=1)(lambda epoch: epoch_batches(self.buckets, self.batch, self.seed, epoch))
        count = len(dealt(0))
        position = self.first * self.processes + self.process
        while True:
            yield dealt(position // count)[position % count].tolist()
            position += self.processes


def buckets_of(dataset: Dataset, batch: int) -> Tensor:
    """Return the bucket [N] of each item of a dataset: its `buckets`, or one for all.

    Raises:
        ValueError: if no bucket fills a batch.
    """
    buckets = getattr(dataset, "buckets", None)
    buckets = torch.zeros(len(dataset), dtype=torch.int64) if buckets is None else buckets
    largest = int(buckets.unique(return_counts=True)[1].max()) if len(buckets) else 0
    if largest < batch:
        raise ValueError(
            f"The data has {largest} samples of one shape, and a batch takes {batch}: set a smaller 'batch' or add data."
        )
    return buckets
