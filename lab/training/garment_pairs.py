"""People with a mask of one of their garments, and that garment alone: what garment restoration learns from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d
from torch.utils.data import Dataset

from ...models.restoration.categories import CATEGORIES, SLOT_CATEGORY
from ...models.restoration.crop import garment_crop, masked_pixels, placement
from ...models.restoration.image_encoder import SIZE
from ...models.restoration.photos import closer
from ...wardrobe.samples import SHOTS
from ...wardrobe.slots import PART_INDEX
from .latents import LatentEncoder
from .shards import ShardPictures, shard_seeds

LEAST_SEEN = 60  # of the parts' pixels: of a garment that hardly shows there is nothing to restore
HIDDEN = 0.15  # share of a garment that something else may hide in a curated pair
FIFTH = 0.2  # of each slot's pairs that are curated at most
GROWTH = (0.0, 0.0, 0.025, 0.0625)  # of a garment's longer side, by which its mask is painted too large


@dataclass(frozen=True)
class Pair:
    """A person's picture and a garment's, by their numbers; `hidden` is the garment's share that something else hides."""

    person: int
    flat: int
    slot: str
    hidden: float


class GarmentPairs(Dataset):
    """Items are dicts of what the trainer of garment restoration wants, from a folder of shards:

    person:   [H, W, 3] uint8, the part of the picture around the garment (see `closer`), half as large if the encoder halves
    garment:  [C, h, w] latents, with a standard deviation of about 1
    mask:     [H, W] in 0..1, where the garment is seen in `person`, or is painted (see `painted`)
    crop:     [SIZE, SIZE, 3] float in 0..1, see `garment_crop`
    category: index into CATEGORIES

    curated: whether to take only pairs as in IGR's section 3.2 (turned by less than 60
             degrees, hardly hidden, not truncated), of each slot a fifth at most
    """

    def __init__(self, data: Path | None, encoder: LatentEncoder, curated: bool) -> None:
        """Find the pairs.

        Raises:
            ValueError: if the folder is None or holds no shards, or some that cannot be read or lack parts.
        """
        if data is None or not shard_seeds(data):
            raise ValueError("Garment restoration learns from rendered shards: name their folder with --data.")
        self.people, flats = ShardPictures(data, "people"), ShardPictures(data, "portrait_flats")
        self.flat_latents, self.shrink = encoder.of_shards(flats), 2 if encoder.halve else 1
        self.pairs = self._pairs(flats)
        if curated:
            self.pairs = self._curated()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pair = self.pairs[index]
        picture, mask = self.people[pair.person][0], self._mask(pair).float().repeat_interleave(2, 0).repeat_interleave(2, 1)
        mask = painted(mask, index)
        person, near = closer(picture[None] / 255, mask[None], tuple(length // self.shrink for length in mask.shape))
        return {
            "person": (person[0] * 255).round().to(torch.uint8),
            "garment": self.flat_latents[pair.flat].float(),
            "mask": near[0],
            "crop": close_up(picture, mask),
            "category": CATEGORIES.index(SLOT_CATEGORY[pair.slot]),
        }

    def _pairs(self, flats: ShardPictures) -> list[Pair]:
        """Return all pairs of which enough is seen."""
        alone = {(seed, known["index"] // SHOTS, known["slot"]): n for n, (seed, known) in enumerate(_with_seeds(flats))}
        pairs = []
        for n, (seed, known) in enumerate(_with_seeds(self.people)):
            seen = torch.bincount(self.people.parts(n).flatten().long(), minlength=len(PART_INDEX))
            for garment in known["garments"]:
                flat = alone.get((seed, known["index"] // SHOTS, garment["slot"]))
                if garment["slot"] in SLOT_CATEGORY and flat is not None and seen[PART_INDEX[garment["slot"]]] >= LEAST_SEEN:
                    pairs.append(Pair(n, flat, garment["slot"], garment["occlusion"]))
        return pairs

    def _curated(self) -> list[Pair]:
        """Return the pairs of which everything is seen, from the front; of too many those of which least is hidden.

        Each slot is counted by itself: shirts hide trousers, and hardly anything hides shirts. Proportions need no look: the
        wardrobe makes no garment of extreme ones.
        """
        whole = [pair for pair in self.pairs if pair.hidden <= HIDDEN and self._from_the_front(pair) and not self._truncated(pair)]
        whole.sort(key=lambda pair: pair.hidden)
        counts = Counter(pair.slot for pair in self.pairs)
        slots = [[pair for pair in whole if pair.slot == slot][: max(1, round(FIFTH * count))] for slot, count in counts.items()]
        return [pair for pairs in slots for pair in pairs]

    def _from_the_front(self, pair: Pair) -> bool:
        return "seen from" not in self.people.records[pair.person]["caption"]

    def _truncated(self, pair: Pair) -> bool:
        mask = self._mask(pair)
        return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())

    def _mask(self, pair: Pair) -> Tensor:
        return self.people.parts(pair.person) == PART_INDEX[pair.slot]


def close_up(picture: Tensor, mask: Tensor, size: int = SIZE) -> Tensor:
    """Return what the image prompt sees [size, size, 3] of a picture [H, W, 3] uint8 and its mask [H, W]."""
    mask = mask.float()
    return garment_crop(picture.float() / 255, mask, placement(mask), size)[0]


def painted(mask: Tensor, number: int) -> Tensor:
    """Return a garment's mask [H, W] of 0 and 1 as somebody paints it: grown by one of GROWTH, which the pair's number decides."""
    which = torch.randint(len(GROWTH), (), generator=torch.Generator().manual_seed(number))
    reach = round(GROWTH[which] * masked_pixels(mask))
    across = max_pool2d(mask[None], (1, 2 * reach + 1), 1, (0, reach))
    return max_pool2d(across, (2 * reach + 1, 1), 1, (reach, 0))[0]


def _with_seeds(pictures: ShardPictures) -> list[tuple[str, dict[str, Any]]]:
    """Return what is known of each picture with the name of its seed, since indices repeat from seed to seed."""
    found, start = [], 0
    for path, end in zip(pictures.paths, pictures.ends, strict=True):
        seed = path.stem.split("_")[1]
        found += [(seed, known) for known in pictures.records[start:end]]
        start = end
    return found
