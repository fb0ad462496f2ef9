"""Captioned pictures of people and of flat garments, from shards or straight from the wardrobe."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .shards import PICTURES, ShardPictures, shard_seeds

WARDROBE_ITEMS = 200_000  # people and flat garments that a run without shards may draw from


class CaptionedPictures(Dataset):
    """Pictures of all kinds in a folder of shards, one kind after the other, or made from the wardrobe as they are asked for.

    An item is a dict of `picture` [H, W, 3] uint8 and `caption`. `buckets` [N] tells portraits (0) from landscapes (1).

    Raises:
        ValueError: if the folder holds no shards, or some that cannot be read.
    """

    def __init__(self, data: Path | None, seed: int) -> None:
        if data and not shard_seeds(data):
            raise ValueError(f"The folder '{data}' holds no shards: write some with 'modiste.py wardrobe --layout shards'.")
        self.parts = [ShardPictures(data, pictures) for pictures in PICTURES] if data else [_WardrobePictures(seed)]
        self.ends = list(accumulate(map(len, self.parts)))
        self.buckets = torch.cat([torch.full((len(part),), int(part.pictures == "landscape_flats")) for part in self.parts])

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> dict[str, Any]:
        part, within = self._place(index)
        picture, known = part[within]
        return {"picture": picture, "caption": known["caption"]}

    def caption(self, index: int) -> str:
        """Return an item's caption alone; of shards only, where it costs no picture."""
        part, within = self._place(index)
        return part.records[within]["caption"]

    def _place(self, index: int) -> tuple[Any, int]:
        part = bisect_right(self.ends, index)
        return self.parts[part], index - (self.ends[part - 1] if part else 0)


class _WardrobePictures(Dataset):
    """The people of a seed (even items) and one garment of each that fits a portrait (odd items)."""

    pictures = "people"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __len__(self) -> int:
        return WARDROBE_ITEMS

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        from ...wardrobe.samples import person_sample

        sample = person_sample(self.seed, index // 2, flats=index % 2 == 1)
        if index % 2 == 0:
            return sample.image, {"caption": sample.caption}
        portraits = [garment for garment in sample.garments if garment.flat.shape == sample.image.shape]
        garment = portraits[index // 2 % len(portraits)]
        return garment.flat, {"caption": garment.flat_caption}


def to_signed(pictures: Tensor) -> Tensor:
    """Return uint8 pictures [B, H, W, 3] as the autoencoder takes them: [B, 3, H, W] in -1..1."""
    return pictures.movedim(-1, 1).float().div(127.5).sub(1)
