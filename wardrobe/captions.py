"""Captions: what a picture of a dressed person shows, in the words of a catalogue."""

from __future__ import annotations

from .colors import color_word
from .fabrics import PATTERN_WORDS, Fabric
from .prints import Print
from .recipes import AvatarRecipe

# Cuts whose name in the wardrobe is not what a catalogue says.
_CUT_WORDS = {
    "t-shirt": "T-shirt", "v-neck": "V-neck T-shirt", "tank": "tank top", "long sleeve": "long-sleeved T-shirt",
}  # fmt: skip
# The order in which garments are listed.
_LISTED = ("dress", "upper", "lower", "outer", "hat", "shoes")
_SIDE, _BEHIND = 60, 120  # degrees of yaw from which a person is seen from the side, and from behind


def garment_words(cut: str, pattern: str, color: str, printed: Print | None = None) -> str:
    """Return a garment's name without article: "striped blue T-shirt", "red hoodie with a star logo"."""
    unsaid = pattern in cut or (cut, pattern) == ("jeans", "denim")  # the name says it already
    pattern_word = "" if unsaid else PATTERN_WORDS[pattern]
    name = " ".join(word for word in (pattern_word, color, _CUT_WORDS.get(cut, cut)) if word)
    return f"{name} with {print_words(printed)}" if printed else name


def print_words(printed: Print) -> str:
    """Return what is printed on a garment: 'the word "OCEAN"', "a star logo"."""
    return f'the word "{printed.word}"' if printed.kind == "text" else f"{with_article(printed.word)} logo"


def fabric_color(fabric: Fabric) -> str:
    """Return the colour word of a cloth: that of its ground."""
    return color_word(fabric.colors[0])


def with_article(words: str) -> str:
    """Put "a" or "an" before a garment's or background's name; pairs, such as jeans and shoes, do without."""
    if words.endswith("s") and not words.endswith("ss"):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def flat_caption(words: str) -> str:
    """Return the caption of a garment alone: "a striped blue T-shirt on a white background"."""
    return f"{with_article(words)} on a white background"


def person_words(recipe: AvatarRecipe) -> str:
    """Return "man" or "woman"."""
    return "woman" if recipe.gender > 0.5 else "man"


def person_caption(person: str, worn: dict[str, str], background: str, yaw: float) -> str:
    """Return the caption of a dressed person: "a woman wearing a striped blue T-shirt and black jeans, against a grey background".

    Args:
        worn: slot -> words of each garment that can be seen.
        background: with its preposition, such as "against a grey background".
        yaw: degrees by which the person is turned from the camera, -180..180.
    """
    garments = [with_article(worn[slot]) for slot in _LISTED if slot in worn]
    listed = ", ".join(garments[:-1]) + (" and " if len(garments) > 1 else "") + garments[-1] if garments else ""
    seen = ", seen from behind" if abs(yaw) >= _BEHIND else ", seen from the side" if abs(yaw) >= _SIDE else ""
    return f"a {person}{' wearing ' + listed if listed else ''}, {background}{seen}"
