"""The semantic labels of an avatar's vertices."""

from __future__ import annotations

LABELS = (
    "face", "hair", "torso_skin", "left_arm", "right_arm", "left_leg", "right_leg", "hands", "clothes", "shoes",
)  # fmt: skip

LABEL_INDEX = {name: index for index, name in enumerate(LABELS)}

# AvatarMix merges hair into the head (section 3.1): both move with the user.
HEAD = ("face", "hair")

SKIN = ("face", "torso_skin", "left_arm", "right_arm", "left_leg", "right_leg", "hands")
