"""DressCode's layout: a person and a garment, in a folder for each kind of garment.

train_pairs.txt, test_pairs_paired.txt, test_pairs_unpaired.txt   lines "NUMBER_0.jpg NUMBER_1.jpg KIND", KIND being 0, 1 or 2
upper_body|lower_body|dresses/                                    the same lists without KIND, and
    images       NUMBER_0.jpg the person, NUMBER_1.jpg the garment
    masks        NUMBER_1.png, the garment
    label_maps   NUMBER_4.png, labels as ATR counts them
    captions.json   ours: NUMBER -> caption, garment_caption
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..samples import VISIBLE, GarmentTruth, PersonSample
from .dataset import Entry, TryOnPictures, paired_names, read_captions
from .files import read_lines, write_json, write_labels, write_picture, write_text
from .labels import ATR, ATR_OTHERS, label_picture, palette, part_table
from .splits import SPLITS, exchanged, outermost, split_of

CATEGORIES = ("upper_body", "lower_body", "dresses")
_LISTS = ("train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt")
LISTS = (*_LISTS, *(f"{category}/{name}" for category in CATEGORIES for name in _LISTS))
_SLOT = {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}


def write_person(folder: Path, index: int, sample: PersonSample) -> list[dict[str, Any]]:
    """Write the files of a sample once for every kind of garment that it shows."""
    records = []
    for category, garment in _garments(sample).items():
        place, number = folder / category, f"{index:06d}"
        write_picture(place / "images" / f"{number}_0.jpg", sample.image)
        write_picture(place / "images" / f"{number}_1.jpg", garment.flat)
        write_picture(place / "masks" / f"{number}_1.png", garment.flat_mask)
        write_labels(place / "label_maps" / f"{number}_4.png", label_picture(sample, ATR), palette())
        captions = {"caption": sample.caption, "garment_caption": garment.flat_caption}
        records.append({"split": split_of(index), "category": category, "index": index, "number": number, "captions": captions})
    return records


def finish(folder: Path, records: list[dict[str, Any]]) -> None:
    """Write the captions and the lists of every kind, and last those of all kinds."""
    everything: dict[str, list[str]] = {name: [] for name in _LISTS}
    for kind, category in enumerate(CATEGORIES):
        own = [record for record in records if record["category"] == category]
        write_json(folder / category / "captions.json", {record["number"]: record["captions"] for record in own})
        numbers = {split: {record["index"]: record["number"] for record in own if record["split"] == split} for split in SPLITS}
        train, test = ([(number, number) for number in numbers[split].values()] for split in SPLITS)
        for name, pairs in zip(_LISTS, (train, test, exchanged(numbers["test"])), strict=True):
            lines = [f"{person}_0.jpg\t{garment}_1.jpg" for person, garment in pairs]
            write_text(folder / category / name, "".join(f"{line}\n" for line in lines))
            everything[name] += [f"{line}\t{kind}\n" for line in lines]
    for name, lines in reversed(everything.items()):
        write_text(folder / name, "".join(lines))


class DressCode(TryOnPictures):
    """A folder of this layout, ours or the real one: items of the slots "upper", "lower" and "dress"."""

    def __init__(
        self,
        folder: Path,
        split: str = "train",
        categories: Sequence[str] = CATEGORIES,
        paired: bool = True,
        strict: bool = False,
    ) -> None:
        """Read the lists of some kinds of garments and check their files.

        Args:
            paired: whether people of the split "test" come with the garments that they wear.

        Raises:
            ValueError: if a list cannot be read or nothing is left, or with `strict` if there is any problem.
        """
        listed = "train_pairs.txt" if split == "train" else f"{split}_pairs_{'paired' if paired else 'unpaired'}.txt"
        entries, problems = [], []
        for category in categories:
            pairs, wrong = paired_names(read_lines(folder / category / listed), f"{category}/{listed}")
            problems += wrong
            captions = read_captions(folder / category / "captions.json")
            entries += [self._entry(folder, category, *pair, captions) for pair in pairs]
        super().__init__(folder, entries, problems, part_table(ATR, ATR_OTHERS), strict)

    @staticmethod
    def _entry(folder: Path, category: str, person: str, garment: str, captions: dict[str, dict[str, str]]) -> Entry:
        place, number, other = folder / category, person.partition("_")[0], garment.partition("_")[0]
        files = {"person": place / "images" / person, "garment": place / "images" / garment}
        if (place / "label_maps").is_dir():
            files["parts"] = place / "label_maps" / f"{number}_4.png"
        if (place / "masks").is_dir():
            files["garment_mask"] = place / "masks" / f"{Path(garment).stem}.png"
        named = {
            "caption": captions.get(number, {}).get("caption"),
            "garment_caption": captions.get(other, {}).get("garment_caption"),
        }
        return Entry(f"{category} {Path(person).stem} {Path(garment).stem}", _SLOT[category], files, (), named)


def _garments(sample: PersonSample) -> dict[str, GarmentTruth]:
    """Return the garment of each category that the picture shows enough of."""
    outer = outermost(sample)
    found = {"dresses" if outer.slot == "dress" else "upper_body": outer}
    area = int((sample.depth > 0).sum())
    for garment in sample.garments:
        category = {"lower": "lower_body", "dress": "dresses"}.get(garment.slot)
        if category and int(garment.mask.sum()) >= VISIBLE * area:
            found[category] = garment
    return found
