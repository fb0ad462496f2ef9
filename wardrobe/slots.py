"""The places of a person's outfit, and the parts that a picture of the person is divided into."""

from __future__ import annotations

SLOTS = ("upper", "lower", "dress", "outer", "hat", "shoes")

# What a pixel of a person shows. The first stands for no person; garments are told by their slot, skin by the part of the body.
PARTS = (
    "background", "face", "hair", "torso_skin", "left_arm", "right_arm", "left_leg", "right_leg", "hands",
    *SLOTS,
)  # fmt: skip

PART_INDEX = {name: index for index, name in enumerate(PARTS)}

# Slots whose pictures are wider than high.
WIDE_SLOTS = ("hat", "shoes")
