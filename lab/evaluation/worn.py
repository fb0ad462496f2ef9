"""Garments on unseen people, with the garment alone: what restoration is measured on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...models.restoration.categories import SLOT_CATEGORY
from ...wardrobe.samples import SHOTS, GarmentTruth, PersonSample, person_sample
from ...wardrobe.workers import worker_pool
from .attributes import QUALITIES, Words, flat_words
from .batches import Progress

SPLITS = ("paired", "street")
FRONT, SIDE = 30.0, 120.0  # degrees of yaw up to which a person is seen from the front, and not yet from behind
LIGHTLY = 0.15  # share of a garment that something else may hide in a paired sample
LEAST = 0.01  # share of the picture that a garment has to show
TRIES, APART = 20, 10_000_000  # how many outfits are looked at for one sample, and how far apart they are
BUSY = ("on a street", "in a room", "in a garden")


@dataclass(frozen=True)
class Worn:
    """A person and one garment.

    person, flat: [H, W, 3] uint8, the garment on somebody and alone
    mask:         [H, W] bool, where it is seen on the person; flat_mask: where it is in its own picture
    category:     one of CATEGORIES
    words:        what a reader should find in the flat picture
    """

    person: Tensor
    mask: Tensor
    flat: Tensor
    flat_mask: Tensor
    slot: str
    words: Words

    @property
    def category(self) -> str:
        return SLOT_CATEGORY[self.slot]


def draw_worn(seed: int, indices: range, progress: Progress | None = None) -> dict[str, list[Worn]]:
    """Return one sample a split for each index, no two of one person.

    "paired": from the front, before a plain ground, whole and hardly hidden. "street": at least one of these is not so; never
    from behind, since half the garment is then anybody's guess.
    """
    found: dict[str, list[Worn]] = {split: [] for split in SPLITS}
    outfits = [2 * index + number for index in indices for number in range(len(SPLITS))]
    with worker_pool(os.cpu_count() or 1) as pool:
        for done, sample in enumerate(pool.map(_drawn_alone, [seed] * len(outfits), outfits, chunksize=4), 1):
            found[SPLITS[outfits[done - 1] % 2]].append(sample)
            if progress:
                progress(done, len(outfits))
    return found


def drawn_worn(seed: int, outfit: int) -> Worn:
    """Return the sample of an outfit: even ones are paired, odd ones are street. Where no shot is so, another outfit's is taken."""
    for attempt in range(TRIES):
        if (found := _fitting(seed, outfit + attempt * APART, outfit % 2 == 0)) is not None:
            return found
    raise ValueError(f"Seed {seed} has no {SPLITS[outfit % 2]} sample near outfit {outfit}: choose another seed.")


def draw_flats(seed: int, indices: range, progress: Progress | None = None) -> list[Tensor]:
    """Return two garments alone [H, W, 3] uint8 of other people for each index, as many as both splits have together."""
    outfits = [2 * index + number for index in indices for number in range(len(SPLITS))]
    flats = []
    with worker_pool(os.cpu_count() or 1) as pool:
        for flat in pool.map(_flat_alone, [seed] * len(outfits), outfits, chunksize=4):
            flats.append(flat)
            if progress:
                progress(len(flats), len(outfits))
    return flats


def _flat_alone(seed: int, outfit: int) -> Tensor:
    torch.set_num_threads(1)
    worn = [garment for garment in person_sample(seed, outfit * SHOTS).garments if garment.slot in SLOT_CATEGORY]
    return worn[outfit // 2 % len(worn)].flat


def _fitting(seed: int, outfit: int, paired: bool) -> Worn | None:
    """Return the first of an outfit's pictures that suits, with one of its garments: they take turns."""
    for shot in range(SHOTS):
        sample = person_sample(seed, outfit * SHOTS + shot, flats=False)
        suiting = [garment.slot for garment in _shown(sample) if is_paired(garment, sample) == paired]
        if suiting and abs(sample.shot.yaw) < SIDE:
            whole = person_sample(seed, outfit * SHOTS + shot)
            slot = suiting[outfit // 2 % len(suiting)]
            truth = next(truth for truth in whole.garments if truth.slot == slot)
            record = {name: getattr(truth, name) for name in ("slot", *QUALITIES)}
            return Worn(whole.image, truth.mask, truth.flat, truth.flat_mask, slot, flat_words(record))
    return None


def is_paired(garment: GarmentTruth, sample: PersonSample) -> bool:
    """Whether a garment is seen as in a shop's picture: from the front, before a plain ground, whole and hardly hidden."""
    mask = garment.mask
    truncated = bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())
    busy = any(place in sample.caption for place in BUSY)
    return abs(sample.shot.yaw) <= FRONT and garment.occlusion <= LIGHTLY and not truncated and not busy


def _shown(sample: PersonSample) -> Iterator[GarmentTruth]:
    for garment in sample.garments:
        if garment.slot in SLOT_CATEGORY and garment.mask.float().mean() >= LEAST:
            yield garment


def _drawn_alone(seed: int, outfit: int) -> Worn:
    torch.set_num_threads(1)
    return drawn_worn(seed, outfit)
