"""Running networks over many pictures of mixed sizes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import torch
from torch import Tensor

SIZE = 16
Progress = Callable[[int, int], None]


def batches(shapes: Sequence[Hashable], size: int = SIZE) -> Iterator[list[int]]:
    """Yield the indices of all items, at most `size` at once and only of one shape at once."""
    for shape in dict.fromkeys(shapes):
        alike = [index for index, other in enumerate(shapes) if other == shape]
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


@torch.no_grad()
def over(
    function: Callable[..., Tensor],
    *pictures: Sequence[Tensor],  # each of N pictures [H, W, 3] uint8
    progress: Progress | None = None,
) -> list[Tensor]:
    """Return one result for each picture, or for each pair where two sequences are given.

    function: takes float pictures [B, 3, H, W] in 0..1, from each sequence, and gives [B, ...]
    """
    results: dict[int, Tensor] = {}
    for indices in batches([picture.shape for picture in pictures[0]]):
        stacks = (torch.stack([sequence[index] for index in indices]) for sequence in pictures)
        found = function(*(stack.movedim(-1, 1).float() / 255 for stack in stacks))
        results |= dict(zip(indices, found, strict=True))
        if progress:
            progress(len(results), len(pictures[0]))
    return [results[index] for index in range(len(pictures[0]))]


def to_bytes(pictures: Sequence[Tensor]) -> list[Tensor]:
    """Round pictures [3, H, W] in 0..1 to [H, W, 3] uint8, clipping what lies outside."""
    return [(picture.movedim(0, -1).clamp(0, 1) * 255).round().to(torch.uint8) for picture in pictures]
