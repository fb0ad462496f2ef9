"""What the layouts of try-on data sets share: which samples are for testing, and which garment is meant."""

from __future__ import annotations

from collections.abc import Sequence

from ..samples import SHOTS, GarmentTruth, PersonSample

SPLITS = ("train", "test")
_TENTH = 10


def split_of(index: int) -> str:
    """Return the split of a sample: every tenth outfit, with all its pictures, is for testing."""
    return "test" if index // SHOTS % _TENTH == _TENTH - 1 else "train"


def exchanged(names: Sequence[str]) -> list[str]:
    """Return the names so that each stands where one of another outfit stood, if there are two outfits."""
    return [*names[SHOTS:], *names[:SHOTS]]


def outermost(sample: PersonSample) -> GarmentTruth:
    """Return the garment of the upper body that is worn over the others."""
    worn = {garment.slot: garment for garment in sample.garments}
    return next(worn[slot] for slot in ("outer", "dress", "upper") if slot in worn)
