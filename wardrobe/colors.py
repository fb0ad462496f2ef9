"""Colour words: what a catalogue calls a colour, and colours to which only one word fits."""

from __future__ import annotations

import random
from functools import cache

import torch
from torch import Tensor

from ..models.geometry.color import lab_to_srgb, srgb_to_lab
from .fabrics import Color

# The centre of what each word means, sRGB. Words that lie between two of these, such as turquoise or maroon, are left out.
COLOR_WORDS: dict[str, Color] = {
    "black": (0.09, 0.09, 0.10),
    "grey": (0.50, 0.50, 0.51),
    "white": (0.94, 0.94, 0.93),
    "navy": (0.10, 0.14, 0.32),
    "blue": (0.14, 0.33, 0.70),
    "light blue": (0.58, 0.75, 0.91),
    "teal": (0.05, 0.45, 0.46),
    "green": (0.16, 0.52, 0.24),
    "olive": (0.40, 0.41, 0.20),
    "yellow": (0.95, 0.80, 0.22),
    "orange": (0.92, 0.49, 0.13),
    "red": (0.78, 0.13, 0.15),
    "burgundy": (0.40, 0.08, 0.15),
    "pink": (0.94, 0.62, 0.71),
    "purple": (0.43, 0.23, 0.56),
    "brown": (0.38, 0.24, 0.14),
    "beige": (0.82, 0.73, 0.58),
}
# How much nearer to its own word than to the next a drawn colour must be.
_CLEARLY = 0.55


def color_word(color: Color | Tensor) -> str:
    """Return the word whose colour is nearest in Lab to an sRGB colour [3]."""
    return list(COLOR_WORDS)[int(_distances(torch.as_tensor(color, dtype=torch.float32)).argmin())]


def draw_color(draw: random.Random, word: str) -> Color:
    """Draw an sRGB colour that clearly deserves a word: a little lighter or darker, duller or of another tinge than its centre.

    Raises:
        ValueError: if the word is none of COLOR_WORDS.
    """
    if word not in COLOR_WORDS:
        raise ValueError(f"There is no colour word '{word}'; use one of {', '.join(COLOR_WORDS)}.")
    centre = srgb_to_lab(torch.tensor(COLOR_WORDS[word]))
    tinge = 1.2 + 0.10 * float(centre[1:].norm())  # a grey with a tinge is called otherwise; a vivid red keeps its name
    spread = 1.0
    while True:
        shift = torch.tensor([draw.gauss(0, 6), draw.gauss(0, tinge), draw.gauss(0, tinge)]) * spread
        color = lab_to_srgb(centre + shift).clamp(0.03, 0.97)
        nearest = _distances(color).sort().values
        if color_word(color) == word and nearest[0] < _CLEARLY * nearest[1]:
            return tuple(round(channel, 4) for channel in color.tolist())
        spread *= 0.9


def _distances(color: Tensor) -> Tensor:
    """Return the Lab distance from a colour [3] to every word's."""
    return (srgb_to_lab(color) - _centres()).norm(dim=1)


@cache
def _centres() -> Tensor:
    return srgb_to_lab(torch.tensor(list(COLOR_WORDS.values())))
