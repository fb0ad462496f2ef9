"""VITON-HD's layout: a person and a garment for the upper body, in folders for training and testing.

train_pairs.txt, test_pairs.txt                      lines "person.jpg garment.jpg"; test pairs exchange garments
train|test/image, cloth, cloth-mask, agnostic-v3.2   NAME.jpg
train|test/image-parse-v3                            NAME.png, labels as CIHP counts them
train|test/agnostic-mask                             NAME_mask.png
train|test/captions.json                             ours: NAME -> caption, garment_caption
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..samples import PersonSample
from .dataset import Entry, TryOnPictures, paired_names, read_captions
from .files import read_lines, write_json, write_labels, write_picture, write_text
from .labels import CIHP, CIHP_OTHERS, label_picture, palette, part_table
from .splits import SPLITS, exchanged, outermost, split_of

LISTS = ("train_pairs.txt", "test_pairs.txt")
_MASK_SLOTS = ("upper", "dress", "outer")
_OPTIONAL = {
    "garment_mask": ("cloth-mask", ".jpg"),
    "agnostic": ("agnostic-v3.2", ".jpg"),
    "agnostic_mask": ("agnostic-mask", "_mask.png"),
    "parts": ("image-parse-v3", ".png"),
}


def write_person(folder: Path, index: int, sample: PersonSample) -> list[dict[str, Any]]:
    """Write the files of a sample, with the outermost garment of its upper body as the one to try on."""
    name, split, garment = f"{index:05d}_00", split_of(index), outermost(sample)
    place = folder / split
    write_picture(place / "image" / f"{name}.jpg", sample.image)
    write_picture(place / "cloth" / f"{name}.jpg", garment.flat)
    write_picture(place / "cloth-mask" / f"{name}.jpg", garment.flat_mask)
    write_picture(place / "agnostic-v3.2" / f"{name}.jpg", sample.agnostic)
    write_picture(place / "agnostic-mask" / f"{name}_mask.png", sample.agnostic_mask)
    write_labels(place / "image-parse-v3" / f"{name}.png", label_picture(sample, CIHP), palette())
    captions = {"caption": sample.caption, "garment_caption": garment.flat_caption}
    return [{"split": split, "index": index, "name": name, "captions": captions}]


def finish(folder: Path, records: list[dict[str, Any]]) -> None:
    """Write the captions, and last the lists of pairs."""
    names = {split: {record["index"]: record["name"] for record in records if record["split"] == split} for split in SPLITS}
    for split in SPLITS:
        captions = {record["name"]: record["captions"] for record in records if record["split"] == split}
        write_json(folder / split / "captions.json", captions)
    for split in reversed(SPLITS):
        pairs = exchanged(names[split]) if split == "test" else [(name, name) for name in names[split].values()]
        write_text(folder / f"{split}_pairs.txt", "".join(f"{person}.jpg {garment}.jpg\n" for person, garment in pairs))


class VitonHD(TryOnPictures):
    """A folder of this layout, ours or the real one: items of slot "upper"."""

    def __init__(self, folder: Path, split: str = "train", strict: bool = False) -> None:
        """Read the split's list of pairs and check its files.

        Raises:
            ValueError: if the list cannot be read or nothing is left, or with `strict` if there is any problem.
        """
        listed = f"{split}_pairs.txt"
        pairs, problems = paired_names(read_lines(folder / listed), listed)
        captions = read_captions(folder / split / "captions.json")
        entries = [self._entry(folder / split, *pair, captions) for pair in pairs]
        super().__init__(folder, entries, problems, part_table(CIHP, CIHP_OTHERS), strict)

    @staticmethod
    def _entry(place: Path, person: str, garment: str, captions: dict[str, dict[str, str]]) -> Entry:
        files = {"person": place / "image" / person, "garment": place / "cloth" / garment}
        for role, (kind, ending) in _OPTIONAL.items():
            if (place / kind).is_dir():
                files[role] = place / kind / (Path(garment if role == "garment_mask" else person).stem + ending)
        named = {
            "caption": captions.get(Path(person).stem, {}).get("caption"),
            "garment_caption": captions.get(Path(garment).stem, {}).get("garment_caption"),
        }
        return Entry(f"{Path(person).stem} {Path(garment).stem}", "upper", files, _MASK_SLOTS, named)
