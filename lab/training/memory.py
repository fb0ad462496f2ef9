"""Batches of samples that are all kept in the memory of the device that learns from them: for small ones and a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

MADE_AT_ONCE = 64


def kept_batches(
    dataset: Dataset,
    buckets: Tensor,
    order: Iterable[list[int]],
    device: torch.device,
    prepared: Callable[[Any], Any],
    **making: Any,
) -> Iterator[Any]:
    """Make every item of a data set once, and return endlessly the batches that lists of their numbers name.

    Args:
        buckets: [N] which bucket an item belongs to; items of one have the same shape.
        order: lists of numbers, each of one bucket.
        prepared: is given batches on the device, and returns them with whatever can be computed once.
        making: for the `DataLoader` that makes the items.

    Raises:
        ValueError: if items are made of anything but tensors and numbers.
    """
    from accelerate.utils import concatenate, send_to_device, slice_tensors

    place, kept = torch.zeros_like(buckets), {}
    for bucket in buckets.unique().tolist():
        numbers = (buckets == bucket).nonzero()[:, 0]
        place[numbers] = torch.arange(len(numbers))
        loader = DataLoader(Subset(dataset, numbers.tolist()), MADE_AT_ONCE, **making)
        made = [prepared(send_to_device(batch, device)) for batch in loader]
        try:
            kept[bucket] = concatenate(made)
        except TypeError as error:
            raise ValueError("Samples of texts cannot be kept in memory: set 'in_memory' to false.") from error
    return (slice_tensors(kept[int(buckets[numbers[0]])], place[numbers].to(device)) for numbers in order)
