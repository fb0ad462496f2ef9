"""The wardrobe's pictures with what they show in words, as evaluations need them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...wardrobe.samples import SHOTS, GarmentTruth, person_sample
from ...wardrobe.workers import worker_pool
from .attributes import QUALITIES, Record, Words, flat_words, person_words
from .batches import Progress

Pair = tuple["Shown", "Shown"]


@dataclass(frozen=True)
class Shown:
    """A picture and what it shows.

    picture: [H, W, 3] uint8
    slots:   of the garments that the caption names
    """

    picture: Tensor
    caption: str
    words: Words
    slots: tuple[str, ...]


def draw(seed: int, indices: range, progress: Progress | None = None) -> tuple[list[Shown], list[Shown]]:
    """Return a person and a flat garment for each index, no two of them of one person: of the garments, the slots take turns.

    seed: of the wardrobe's samples
    """
    people, flats = [], []
    for person, flat in _pairs(seed, indices):
        people.append(person)
        flats.append(flat)
        if progress:
            progress(len(people), len(indices))
    return people, flats


def drawn(seed: int, index: int) -> Pair:
    """Return the person of an index and one of the garments alone."""
    sample = person_sample(seed, index * SHOTS)  # the samples between show the same person
    records = [_record(garment) for garment in sample.garments]
    named = tuple(record["slot"] for record in records if record["named"])
    person = Shown(sample.image, sample.caption, person_words(sample.caption, records), named)
    garment, record = sample.garments[index % len(records)], records[index % len(records)]
    return person, Shown(garment.flat, garment.flat_caption, flat_words(record), (garment.slot,))


def _pairs(seed: int, indices: range) -> Iterable[Pair]:
    """Draw in as many processes as there are cores."""
    with worker_pool(os.cpu_count() or 1) as pool:
        yield from pool.map(_drawn_alone, [seed] * len(indices), indices, chunksize=4)


def _drawn_alone(seed: int, index: int) -> Pair:
    torch.set_num_threads(1)
    return drawn(seed, index)


def _record(garment: GarmentTruth) -> Record:
    return {name: getattr(garment, name) for name in ("slot", "named", *QUALITIES)}
