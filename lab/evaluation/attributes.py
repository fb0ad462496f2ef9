"""What a picture shows, in words: of each slot the cut, colour and pattern, then gender, view and background.

A `Record` is what a garment is known as: slot, cut, pattern, color and, if somebody wears it, named. Both the wardrobe's samples
and rendered shards give it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...wardrobe.colors import COLOR_WORDS
from ...wardrobe.dresses import DRESS_CUTS
from ...wardrobe.fabrics import PATTERNS
from ...wardrobe.hats import HAT_CUTS
from ...wardrobe.lowers import LOWER_CUTS
from ...wardrobe.outers import OUTER_CUTS
from ...wardrobe.shoes import SHOE_CUTS
from ...wardrobe.slots import SLOTS
from ...wardrobe.uppers import UPPER_CUTS

QUALITIES = ("cut", "color", "pattern")
NONE = "none"  # the cut of a slot that is not worn
UNKNOWN = -100  # the target of a head that a picture cannot teach; torch's cross entropy passes it over

Words = dict[str, str]  # head -> word, without the heads that a picture says nothing of
Vocabulary = Mapping[str, Sequence[str]]  # head -> its words
Record = Mapping[str, Any]

_FRONT, _TURNED = "seen from the front", ("seen from the side", "seen from behind")
_PLACES = ("on a street", "in a room", "in a garden")
_GROUND = re.compile(r"against an? (.+) (?:background|wall)")


def head(slot: str, quality: str) -> str:
    """Return the name of the head that reads one quality of one slot."""
    return f"{slot} {quality}"


def garment_vocabulary() -> Vocabulary:
    """Return all words for clothes that the wardrobe's pictures teach: of each slot its cuts, NONE first, colours and patterns."""
    cuts = dict(zip(SLOTS, (UPPER_CUTS, LOWER_CUTS, DRESS_CUTS, OUTER_CUTS, HAT_CUTS, SHOE_CUTS), strict=True))
    heads: dict[str, tuple[str, ...]] = {}
    for slot in SLOTS:
        words = ((NONE, *cuts[slot]), tuple(COLOR_WORDS), tuple(PATTERNS))
        heads |= {head(slot, quality): known for quality, known in zip(QUALITIES, words, strict=True)}
    return heads


def wardrobe_vocabulary() -> Vocabulary:
    """Return all words that the wardrobe's pictures teach."""
    others = {"gender": ("woman", "man"), "view": (_FRONT, *_TURNED), "background": (*_PLACES, *COLOR_WORDS)}
    return {**garment_vocabulary(), **others}


def person_words(caption: str, garments: Sequence[Record]) -> Words:
    """Return what a picture of a person shows; nothing of garments that the caption passes over, since they hardly show."""
    words = {head(slot, "cut"): NONE for slot in SLOTS}
    for garment in garments:
        if garment["named"]:
            words |= _garment_words(garment)
        else:
            del words[head(garment["slot"], "cut")]
    ground = _GROUND.search(caption)
    words["background"] = ground[1] if ground else next(place for place in _PLACES if place in caption)
    words["view"] = next((view for view in _TURNED if view in caption), _FRONT)
    return {**words, "gender": "woman" if caption.startswith("a woman") else "man"}


def flat_words(garment: Record) -> Words:
    """Return what a garment's flat picture shows."""
    return {head(slot, "cut"): NONE for slot in SLOTS} | _garment_words(garment)


def targets(words: Words, vocabulary: Vocabulary) -> Tensor:
    """Return the index of each head's word [heads] int64, UNKNOWN where the picture says nothing.

    Raises:
        ValueError: if a word is not in the vocabulary.
    """
    return torch.tensor([list(known).index(words[name]) if name in words else UNKNOWN for name, known in vocabulary.items()])


def _garment_words(garment: Record) -> Words:
    return {head(garment["slot"], quality): garment[quality] for quality in QUALITIES}
