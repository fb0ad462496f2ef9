"""How hair can be cut and combed, and the colours it grows in."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .fabrics import Color

Direction = tuple[float, float, float]


@dataclass(frozen=True)
class HairStyle:
    """How hair is cut and combed.

    pole:    direction from the middle of the skull to where strands part
    top, side: metres of volume over the skull
    front:   metres of volume above the forehead, on top of that
    length:  metres that strands hang below the eyes, or None where all end at the hairline
    face:    degrees to either side of the nose that stay clear of hanging strands
    curl:    metres that curls stand out
    inwards: share of the radius by which hanging ends turn in
    fringe:  metres that strands fall over the forehead
    tails:   directions from the middle of the skull to where hair is tied
    tied:    what hangs there: "bun", "ponytail" or "braid"
    """

    pole: Direction
    top: float
    side: float
    front: float = 0.0
    length: float | None = None
    face: float = 62.0
    curl: float = 0.0
    inwards: float = 0.0
    fringe: float = 0.0
    tails: tuple[Direction, ...] = ()
    tied: str = ""


_BACK, _HIGH, _NAPE = (0.0, 0.45, -0.90), (0.0, 0.75, -0.66), (0.0, 0.05, -1.0)
STYLES: dict[str, HairStyle | None] = {
    "bald": None,
    "buzz": HairStyle((0.0, 0.9, -0.45), 0.005, 0.004),
    "short": HairStyle((0.12, 0.9, -0.40), 0.020, 0.009, 0.008),
    "quiff": HairStyle((0.20, 0.95, -0.20), 0.026, 0.007, 0.022),
    "side part": HairStyle((0.42, 0.88, 0.20), 0.022, 0.012, 0.008),
    "curly": HairStyle((0.0, 0.95, -0.25), 0.034, 0.026, 0.006, curl=0.010),
    "afro": HairStyle((0.0, 1.0, 0.0), 0.062, 0.060, 0.0, curl=0.007),
    "pixie": HairStyle((0.30, 0.92, -0.05), 0.022, 0.012, 0.004, fringe=0.026),
    "bob": HairStyle((0.22, 0.95, 0.25), 0.020, 0.020, 0.004, length=0.115, inwards=0.16),
    "fringe bob": HairStyle((0.0, 0.98, -0.05), 0.020, 0.020, 0.002, length=0.10, face=58, inwards=0.14, fringe=0.040),
    "long": HairStyle((0.0, 0.95, 0.30), 0.018, 0.018, 0.003, length=0.33, inwards=0.02),
    "wavy": HairStyle((0.25, 0.92, 0.28), 0.026, 0.026, 0.004, length=0.25, curl=0.008, inwards=0.0),
    "long curls": HairStyle((0.12, 0.95, 0.15), 0.036, 0.040, 0.004, length=0.20, curl=0.012, inwards=-0.06),
    "ponytail": HairStyle(_BACK, 0.008, 0.007, tails=(_BACK,), tied="ponytail"),
    "bun": HairStyle(_HIGH, 0.008, 0.007, tails=(_HIGH,), tied="bun"),
    "braid": HairStyle(_NAPE, 0.012, 0.010, tails=(_NAPE,), tied="braid"),
    "pigtails": HairStyle((0.0, 0.98, 0.20), 0.012, 0.010, 0.002, tails=((0.72, 0.0, -0.70), (-0.72, 0.0, -0.70)), tied="ponytail"),
}
# Styles that are mostly women's.
LONG_STYLES = (
    "pixie", "bob", "fringe bob", "long", "wavy", "long curls", "ponytail", "bun", "braid", "pigtails",
)  # fmt: skip

_DARK: tuple[Color, ...] = ((0.07, 0.055, 0.05), (0.10, 0.075, 0.06), (0.15, 0.10, 0.075), (0.23, 0.15, 0.10))
_LIGHT: tuple[Color, ...] = (
    (0.32, 0.21, 0.14), (0.42, 0.28, 0.17), (0.50, 0.34, 0.20), (0.66, 0.50, 0.30), (0.78, 0.63, 0.40), (0.88, 0.80, 0.64),
)  # brown, hazel, dark blond, blond, light blond, platinum # fmt: skip
_RED: tuple[Color, ...] = ((0.36, 0.16, 0.10), (0.50, 0.23, 0.12), (0.64, 0.33, 0.15))  # auburn, copper, ginger
_GREY: tuple[Color, ...] = ((0.38, 0.37, 0.36), (0.55, 0.54, 0.52), (0.70, 0.69, 0.68), (0.84, 0.83, 0.81))


def random_hair_color(draw: random.Random, complexion: float, age: float) -> Color:
    """Draw a hair colour (sRGB) for a complexion (0 fair .. 1 deep) and a phenotype's age (2/3 young adult .. 1 old).

    Dark hair goes with all complexions, light and red hair with fair ones; grey comes with age. Some people dye.
    """
    later = (age - 0.72) / 0.2
    if draw.random() < later * 0.9:
        return _varied(draw, _GREY[min(int(draw.triangular(0, 4, 4 * min(later, 1.0))), 3)])
    light = max(0.0, 0.75 - 1.3 * complexion)
    shades = draw.choices((_DARK, _LIGHT, _RED), (1 - 0.8 * light, light, 0.04 + 0.25 * light))[0]
    return _varied(draw, draw.choice(shades))


def _varied(draw: random.Random, color: Color) -> Color:
    brightness, warmth = draw.uniform(0.85, 1.15), draw.uniform(-0.05, 0.05)
    red, green, blue = (channel * brightness for channel in color)
    return (min(red * (1 + warmth), 0.92), min(green, 0.90), min(blue * (1 - warmth), 0.88))
