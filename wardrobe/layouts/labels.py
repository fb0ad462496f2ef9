"""The labels that data sets give to the parts of a person, and what they are in PARTS."""

from __future__ import annotations

import colorsys

import torch
from torch import Tensor

from ..samples import PersonSample
from ..slots import PART_INDEX, PARTS

# VITON-HD's image-parse-v3 counts as CIHP does (10 is the skin of the torso); DressCode's label_maps count as ATR does.
CIHP = {
    "hat": 1, "hair": 2, "upper": 5, "dress": 6, "outer": 7, "lower": 9, "torso_skin": 10, "skirt": 12, "face": 13,
    "left_arm": 14, "right_arm": 15, "left_leg": 16, "right_leg": 17, "left_shoe": 18, "right_shoe": 19,
}  # fmt: skip
ATR = {
    "hat": 1, "hair": 2, "upper": 4, "outer": 4, "skirt": 5, "lower": 6, "dress": 7, "left_shoe": 9, "right_shoe": 10, "face": 11,
    "torso_skin": 11, "left_leg": 12, "right_leg": 13, "left_arm": 14, "right_arm": 15,
}  # fmt: skip

# Labels of real pictures that the wardrobe does not draw.
CIHP_OTHERS = {3: "hands", 4: "face", 8: "shoes", 11: "upper"}  # glove, sunglasses, socks, scarf
ATR_OTHERS = {3: "face", 8: "lower", 16: "background", 17: "upper"}  # sunglasses, belt, bag, scarf
_ONE_PART = {"skirt": "lower", "left_shoe": "shoes", "right_shoe": "shoes"}


def label_picture(sample: PersonSample, labels: dict[str, int]) -> Tensor:
    """Return a sample's parts in another data set's labels [H, W] uint8."""
    skirt = any(garment.slot == "lower" and "skirt" in garment.cut for garment in sample.garments)
    left, right = ({**labels, "hands": labels[f"{side}_arm"], "shoes": labels[f"{side}_shoe"]} for side in ("left", "right"))
    tables = []
    for side in (left, right):
        side["lower"] = side["skirt"] if skirt else side["lower"]
        tables.append(torch.tensor([side.get(part, 0) for part in PARTS], dtype=torch.uint8))
    parts = sample.parts.long()
    return torch.where(_on_left(sample), tables[0][parts], tables[1][parts])


def part_table(labels: dict[str, int], others: dict[int, str]) -> Tensor:
    """Return what each label 0..255 is in PARTS: [256] uint8; unknown labels are background."""
    table = torch.zeros(256, dtype=torch.uint8)
    for name, label in reversed(labels.items()):  # of two parts with one label the first is meant
        table[label] = PART_INDEX[_ONE_PART.get(name, name)]
    for label, name in others.items():
        table[label] = PART_INDEX[name]
    return table


def palette() -> list[int]:
    """Return colours for labels, [768] numbers 0..255: black for the background, then hues that are far apart."""
    colors = [(0.0, 0.0, 0.0)] + [colorsys.hsv_to_rgb(0.618034 * label % 1, 0.75, 0.9) for label in range(1, 256)]
    return [round(255 * channel) for color in colors for channel in color]


def _on_left(sample: PersonSample) -> Tensor:
    """Return which pixels [H, W] show the person's left half, at +X at rest."""
    person = sample.person
    middle = person.rest[person.faces].mean(1)[:, 0]
    return middle[sample.picture.face.long()] > 0
