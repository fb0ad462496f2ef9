"""People and the garments that they wear, from the folders of VITON-HD, DressCode, or our own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from ...models.restoration.categories import CATEGORIES, SLOT_CATEGORY
from ...models.restoration.photos import closer, fitted
from ...wardrobe.layouts import DressCode, NativeTryOn, TryOnPictures, VitonHD
from .curation import LIST, curated_names
from .garment_pairs import close_up, painted

LAYOUTS = {"train": VitonHD, "upper_body": DressCode, "": NativeTryOn}  # by a folder that tells them


class FolderPairs(Dataset):
    """Items are dicts of pictures, which the trainer encodes on its own device:

    garment: [H, W, 3] uint8, whole on white where its shape is another, so that nothing is stretched
    person, mask, crop, category: as in `GarmentPairs`

    curated: whether to take only what `curated.txt` in the folder lists, which `curation` writes
    """

    def __init__(self, folder: Path, size: tuple[int, int], crop: int, curated: bool) -> None:
        """Read the folder's lists.

        Args:
            size: (width, height).
            crop: pixels of the close-up's side.

        Raises:
            ValueError: if it is of no known layout, or has no masks or no list where one is needed, or nothing is left.
        """
        self.pictures = open_layout(folder)
        self.size, self.crop = size, crop
        names = curated_names(folder) if curated else None
        if curated and names is None:
            raise ValueError(f"The folder '{folder}' has no '{LIST}': let lab/training/curation.py write one.")
        self.indices = [
            index
            for index, entry in enumerate(self.pictures.entries)
            if entry.slot in SLOT_CATEGORY and "parts" in entry.files and (names is None or entry.name in names)
        ]
        if not self.indices:
            raise ValueError(f"The folder '{folder}' has no pair with a mask to learn from: check its label maps and lists.")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.pictures[self.indices[index]]
        width, height = self.size
        mask = painted(item.mask.float(), index)
        if mask.any():
            crop = close_up(item.person, mask, self.crop)
            (person,), (mask,) = closer(item.person[None] / 255, mask[None], (height, width))
        else:  # there is nothing to look at more closely: all of the person, and a black close-up
            crop = torch.zeros(self.crop, self.crop, 3)
            person, mask = fitted(item.person / 255, width, height), torch.zeros(height, width)
        return {
            "person": (person * 255).round().to(torch.uint8),
            "garment": (fitted(item.garment / 255, width, height) * 255).round().to(torch.uint8),
            "mask": mask,
            "crop": crop,
            "category": CATEGORIES.index(SLOT_CATEGORY[item.slot]),
        }


def open_layout(folder: Path) -> TryOnPictures:
    """Return the items of a folder in whatever layout it is.

    Raises:
        ValueError: if it is of none, or nothing in it can be used.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder '{folder}': check --data.")
    layout = next(layout for place, layout in LAYOUTS.items() if (folder / place).is_dir())
    return layout(folder)
