"""Data sets of people and the garments that they wear, whatever folders they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..slots import PART_INDEX
from .files import picture_size, read_json, read_labels, read_mask, read_picture

_LIKE_GARMENT = ("garment", "garment_mask")


@dataclass(frozen=True)
class TryOnItem:
    """A person and a garment; the one that the person wears, but in unpaired lists. What a data set lacks is None.

    person, garment: [H, W, 3] uint8; the garment's size may differ
    slot:            the garment's place, one of SLOTS
    mask:            [H, W] bool, where garments of that place are seen on the person
    garment_mask:    bool, like the garment
    agnostic:        [H, W, 3] uint8, the person without what tells the garment; agnostic_mask: [H, W] bool, what is hidden
    parts:           [H, W] uint8 index into PARTS
    """

    name: str
    slot: str
    person: Tensor
    garment: Tensor
    mask: Tensor | None = None
    garment_mask: Tensor | None = None
    agnostic: Tensor | None = None
    agnostic_mask: Tensor | None = None
    parts: Tensor | None = None
    caption: str | None = None
    garment_caption: str | None = None


@dataclass(frozen=True)
class Entry:
    """Where an item's pictures are: name of a field of `TryOnItem` -> file; and in which slots its mask is."""

    name: str
    slot: str
    files: Mapping[str, Path]
    mask_slots: tuple[str, ...] = ()
    captions: Mapping[str, str] = field(default_factory=dict)


class TryOnPictures(Dataset):
    """Items of a folder. What is missing, unreadable or of another size than the rest is left out.

    skipped: a few words for each item that was left out, with the name of the file
    """

    def __init__(self, folder: Path, entries: Sequence[Entry], problems: Sequence[str], table: Tensor | None, strict: bool) -> None:
        """Check the files of all entries.

        Args:
            problems: what was wrong with the lists.
            table: [256] uint8, the data set's labels in PARTS; None if they are the same.
            strict: whether to stop at the first problem.

        Raises:
            ValueError: if nothing is left, or with `strict` if there is any problem.
        """
        self.folder, self.table = folder, table
        sizes: dict[Path, tuple[int, int] | str] = {}
        for path in dict.fromkeys(path for entry in entries for path in entry.files.values()):
            try:
                sizes[path] = picture_size(path)
            except ValueError as error:
                sizes[path] = str(error)
        found = Counter(size for entry in entries if not isinstance(size := sizes[entry.files["person"]], str))
        usual = found.most_common(1)[0][0] if found else (0, 0)
        flaws = [_flaw(folder, entry, sizes, usual) for entry in entries]
        self.entries = [entry for entry, flaw in zip(entries, flaws, strict=True) if not flaw]
        self.skipped = (*problems, *filter(None, flaws))
        check_skipped(folder, self.skipped, len(self.entries), strict)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> TryOnItem:
        """Read an item.

        Raises:
            ValueError: if a picture turns out to be damaged inside.
        """
        entry = self.entries[index]
        pictures = {role: _READERS[role](path) for role, path in entry.files.items()}
        mask = None
        if "parts" in pictures:
            if self.table is not None:
                pictures["parts"] = self.table[pictures["parts"].long()]
            slots = torch.tensor([PART_INDEX[slot] for slot in entry.mask_slots or (entry.slot,)], dtype=torch.uint8)
            mask = torch.isin(pictures["parts"], slots)
        return TryOnItem(entry.name, entry.slot, mask=mask, **pictures, **entry.captions)


def check_skipped(folder: Path, skipped: Sequence[str], left: int, strict: bool) -> None:
    """Stop if anything was skipped and that is not allowed, or everything was.

    Raises:
        ValueError: names the first problem.
    """
    if strict and skipped:
        raise ValueError(f"In the data set '{folder}' {skipped[0]}: repair it, or read the rest without strict checking.")
    if not left:
        reason = f"{len(skipped)} were left out, first because {skipped[0]}" if skipped else "its list is empty"
        raise ValueError(f"The data set '{folder}' has no item that can be used ({reason}): check the folder.")


def paired_names(lines: Sequence[str], listed: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Read lines of a list of pairs, "person garment ...": the pairs of file names, and what is wrong with other lines."""
    pairs, problems = [], []
    for number, line in enumerate(lines, 1):
        names = line.split()[:2]
        if len(names) == 2 and all(map(is_file_name, names)):
            pairs.append((names[0], names[1]))
        elif line.strip():
            problems.append(f"line {number} of {listed} does not name two files")
    return pairs, problems


def is_file_name(name: object) -> bool:
    """Return whether what a list gives names a file or folder of the list's own folder, and none elsewhere."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def read_captions(path: Path) -> dict[str, dict[str, str]]:
    """Read captions, name -> `caption` and `garment_caption`; none where there is no such file, as in real data sets.

    Raises:
        ValueError: if the file cannot be read or holds something else.
    """
    captions = read_json(path) if path.exists() else {}
    whole = isinstance(captions, dict) and all(isinstance(known, dict) for known in captions.values())
    if not whole or not all(isinstance(words, str) for known in captions.values() for words in known.values()):
        raise ValueError(f"'{path}' does not hold captions by name: remove it, or write the data set again.")
    return captions


_READERS = {
    "person": read_picture, "garment": read_picture, "garment_mask": read_mask,
    "agnostic": read_picture, "agnostic_mask": read_mask, "parts": read_labels,
}  # fmt: skip


def _flaw(folder: Path, entry: Entry, sizes: Mapping[Path, tuple[int, int] | str], usual: tuple[int, int]) -> str:
    """Return what is wrong with an entry's files; nothing if they are fine."""
    for role, path in entry.files.items():
        size = sizes[path]
        name = path.relative_to(folder)
        if isinstance(size, str):
            return f"'{name}' {size}"
        right = sizes[entry.files["garment"]] if role in _LIKE_GARMENT else usual
        if size != right and not isinstance(right, str):
            return f"'{name}' is {size[0]}x{size[1]} pixels and should be {right[0]}x{right[1]}"
    return ""
