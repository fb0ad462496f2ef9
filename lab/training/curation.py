"""The fine stage's data (IGR, section 3.2): which pairs of a folder to leave out, and why.

This writes `curated.txt`, the names of what stays, and `left_out.jpg`, some of what does not with the reasons, into a folder of
VITON-HD's, DressCode's or our own layout. Correct the list by hand as you like; `curated = true` trains on what it names.

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab.training import curation; \
curation.main('FOLDER')"
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...models.files import atomic_write
from ...models.restoration.categories import SLOT_CATEGORY
from ...models.restoration.crop import mask_box
from ...wardrobe.slots import PART_INDEX
from .sheets import contact_sheet

if TYPE_CHECKING:
    from ...wardrobe.layouts import TryOnItem

LIST, SHEET = "curated.txt", "left_out.jpg"
SMALLEST = 0.015  # share of the picture that the garment must cover
LONGEST = 3.5  # times as long as wide, or the other way round, that a garment alone may be
NARROWEST = 0.55  # of the garment's own proportions that its width on the person may keep: less is a side view
HIDDEN = 0.15  # share of the garment's box on the person that arms, hands and hair may cover
OFFENDERS = ("left_arm", "right_arm", "hands", "hair")
NOT_WHITE = 245  # of 255, under which a garment's picture is no ground
SHOWN = 40


def fault(item: TryOnItem) -> str:
    """Return why a pair should not be learned from in the fine stage, in a few words; "" if it may.

    What is exact on the wardrobe is a guess here: a mask at the picture's edge is truncated, one that is much narrower than the
    garment alone is a side view, and arms or hair over it hide it.
    """
    box = mask_box(item.mask)
    if box is None or item.mask.float().mean() < SMALLEST:
        return "hardly seen"
    if item.mask[[0, -1]].any() or item.mask[:, [0, -1]].any():
        return "cut off by the picture's edge"
    if item.parts is not None and _covered(item.parts[box]) > HIDDEN:
        return "hidden by arms or hair"
    alone = item.garment_mask if item.garment_mask is not None else (item.garment < NOT_WHITE).any(-1)
    slender, slender_alone = _slenderness(box), _slenderness(mask_box(alone) or (slice(0, 1), slice(0, 1)))
    if not 1 / LONGEST <= slender_alone <= LONGEST:
        return "extreme proportions"
    if slender_alone / slender < NARROWEST:
        return "seen from the side"
    return ""


def curated_names(folder: Path) -> set[str] | None:
    """Return the names that a folder's list has, or None without a list."""
    path = folder / LIST
    return set(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else None


def main(folder: str) -> None:
    """Write the list and the sheet."""
    from .folder_pairs import open_layout

    place = Path(folder)
    pictures = open_layout(place)
    kept, left = [], []
    for index, entry in enumerate(pictures.entries):
        item = pictures[index]
        if item.mask is None or item.slot not in SLOT_CATEGORY:
            continue
        reason = fault(item)
        kept += [] if reason else [entry.name]
        left += [(index, reason)] if reason else []
    with atomic_write(place / LIST) as temporary:
        temporary.write_text("".join(f"{name}\n" for name in kept), encoding="utf-8")
    if left:
        some = left[:: max(1, len(left) // SHOWN)][:SHOWN]
        with atomic_write(place / SHEET) as temporary:
            sheet = contact_sheet([pictures[index].person for index, _ in some], [reason for _, reason in some], 8)
            sheet.save(temporary, quality=88)
    print(f"{len(kept)} of {len(kept) + len(left)} pairs stay: see '{place / LIST}' and '{place / SHEET}'.")


def _covered(parts: Tensor) -> float:
    """Return the share of parts [h, w], without the background, that is arms, hands or hair."""
    offending = torch.isin(parts.long(), torch.tensor([PART_INDEX[name] for name in OFFENDERS]))
    return float(offending.sum() / (parts != 0).sum().clamp_min(1))


def _slenderness(box: tuple[slice, slice]) -> float:
    """Return how many times as high as wide a box is."""
    rows, columns = box
    return (rows.stop - rows.start) / (columns.stop - columns.start)
