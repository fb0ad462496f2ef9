"""Pictures from shards with what there is to read in them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..evaluation.attributes import Vocabulary, flat_words, person_words, targets
from .shards import PICTURES, ShardPictures


class AttributePictures(Dataset):
    """Pictures from shards with the index of each attribute's word: ([H, W, 3] uint8, [heads] int64).

    Whichever is fewer, people or flats, stands in the list as often as makes about as many of both.

    Args:
        parts: whether to give, as a third, the parts of each picture too: [H/2, W/2] uint8.

    Raises:
        ValueError: if the folder is None or holds no shards, or some that cannot be read or lack the parts asked for.
    """

    def __init__(self, folder: Path | None, vocabulary: Vocabulary, parts: bool = False) -> None:
        if folder is None:
            raise ValueError("This network learns from rendered shards: render some, and name their folder with --data.")
        self.parts = parts
        self.sets = [ShardPictures(folder, pictures) for pictures in PICTURES]
        for some in self.sets if parts else ():
            for start in (0, *some.ends[:-1]):
                some.parts(start)
        people, *flats = self.sets
        self.targets = [torch.stack([targets(person_words(one["caption"], one["garments"]), vocabulary) for one in people.records])]
        self.targets += [torch.stack([targets(flat_words(one), vocabulary) for one in some.records]) for some in flats]
        of_people = [(0, index) for index in range(len(people))]
        of_flats = [(kind, index) for kind, some in enumerate(flats, 1) for index in range(len(some))]
        most = max(len(of_people), len(of_flats))
        self.items = of_people * round(most / len(of_people)) + of_flats * round(most / len(of_flats))
        self.buckets = torch.tensor([int(PICTURES[kind] == "landscape_flats") for kind, _ in self.items])

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, item: int) -> tuple[Tensor, ...]:
        kind, index = self.items[item]
        found = self.sets[kind][index][0], self.targets[kind][index]
        return (*found, self.sets[kind].parts(index)) if self.parts else found
