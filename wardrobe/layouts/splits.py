"""What the layouts of try-on data sets share: which samples are for testing, and which garment is meant."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, groupby

from ..samples import SHOTS, GarmentTruth, PersonSample

SPLITS = ("train", "test")
_TENTH = 10


def split_of(index: int) -> str:
    """Return the split of a sample: every tenth outfit, with all its pictures, is for testing."""
    return "test" if index // SHOTS % _TENTH == _TENTH - 1 else "train"


def exchanged(names: Mapping[int, str]) -> list[tuple[str, str]]:
    """Pair samples, index -> name, with those of the next other outfit, after the last the first; one outfit alone gives none."""
    outfits = [[names[index] for index in indices] for _, indices in groupby(sorted(names), lambda index: index // SHOTS)]
    if len(outfits) < 2:
        return []
    following = [*outfits[1:], outfits[0]]
    return [pair for own, others in zip(outfits, following, strict=True) for pair in zip(own, cycle(others), strict=False)]


def outermost(sample: PersonSample) -> GarmentTruth:
    """Return the garment of the upper body that is worn over the others."""
    worn = {garment.slot: garment for garment in sample.garments}
    return next(worn[slot] for slot in ("outer", "dress", "upper") if slot in worn)
