"""Finds what is worn in a picture of the wardrobe's world, so that made-up people need no painted masks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ..base.files import filled
from ..weights import SHIPPED
from ..weights.tensors import read_metadata, read_tensors
from .categories import CATEGORIES, SLOT_CATEGORY

FINDER_FILE = SHIPPED / "modiste_garment_finder.safetensors"
WIDTHS = (32, 48, 96, 160)  # channels at 1/4, 1/8, ... 1/32 of the picture's size
SEEN = 256  # pixels of the longer side at which it looks at pictures, as it learned to
LEAST = 0.005  # share of a picture from which on a garment is worn


class GarmentFinder(nn.Module):
    """A U-Net from halved pictures [B, 3, H/2, W/2] in 0..1 to logits of `parts` [B, parts, H/4, W/4], for H of about 256."""

    def __init__(self, parts: Sequence[str]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTHS[0], 5, stride=2, padding=2)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(WIDTHS))
        self.blocks = nn.ModuleList(Block(width) for width in WIDTHS)
        self.ups = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(WIDTHS))
        self.joins = nn.ModuleList(Block(width) for width in WIDTHS[:-1])
        self.out = nn.Conv2d(WIDTHS[0], len(parts), 1)

    def forward(self, halves: Tensor) -> Tensor:
        found = [self.blocks[0](self.stem(2 * halves - 1))]
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            found.append(block(down(found[-1])))
        x = found[-1]
        for level in reversed(range(len(self.ups))):
            x = self.joins[level](found[level] + interpolate(self.ups[level](x), size=found[level].shape[2:]))
        return self.out(x)


class Block(nn.Module):
    """A residual block at one size, whose output is normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.inner_norm = nn.GroupNorm(8, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(8, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.inner_norm(self.first(x)))
        return torch.relu(self.norm(x + self.second(inner)))


def halved(pictures: Tensor) -> Tensor:
    """Return pictures [B, 3, H, W] as the network sees them: [B, 3, H/2, W/2]."""
    return avg_pool2d(pictures, 2)


@torch.no_grad()
def found_garments(images: Tensor) -> Tensor:
    """Return the parts of pictures of the wardrobe's people [B, H, W, 3] in 0..1: [B, H, W] index into `part_names`.

    Raises:
        FileNotFoundError: if the pack lacks the file.
    """
    names = part_names()
    finder = filled(lambda: GarmentFinder(names), read_tensors(FINDER_FILE))
    scale = SEEN / max(images.shape[1:3])
    size = [max(32, round(scale * length)) for length in images.shape[1:3]]
    logits = finder(halved(interpolate(images.movedim(-1, 1).float().cpu(), size, mode="bilinear", antialias=True)))
    return interpolate(logits, images.shape[1:3], mode="bilinear").argmax(1)


def part_names() -> list[str]:
    """Return what the shipped finder tells apart."""
    return json.loads(read_metadata(FINDER_FILE)["parts"])


def category_masks(parts: Tensor, names: Sequence[str]) -> dict[str, Tensor | None]:
    """Return the mask [H, W] float of the garment of each category in parts [H, W], or None where none is worn.

    Of two garments of one category, a coat over a shirt, it is the one of which more is seen.
    """
    masks: dict[str, Tensor | None] = dict.fromkeys(CATEGORIES)
    for slot, category in SLOT_CATEGORY.items():
        mask = (parts == names.index(slot)).float()
        other = masks[category]
        if mask.mean() >= LEAST and (other is None or mask.sum() > other.sum()):
            masks[category] = mask
    return masks
