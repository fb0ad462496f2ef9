"""Drawing people: adults of both sexes, all builds and complexions, in any mix of garments, fabrics and colours."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from .colors import COLOR_WORDS, color_word, draw_color
from .dresses import DRESS_CUTS, DressGarment
from .fabrics import PATTERNS, Color, Fabric
from .figures import random_figure
from .hair import Hair
from .hair_styles import LONG_STYLES, STYLES, random_hair_color
from .hats import HAT_CUTS, HatGarment
from .lowers import LOWER_CUTS, LowerGarment
from .outers import OUTER_CUTS, OuterGarment
from .prints import LOGOS, Print
from .recipes import EYE_COLORS, AvatarRecipe, Garment
from .shoes import SHOE_CUTS, Shoes
from .uppers import UPPER_CUTS, UpperGarment

_WOMENS_CUTS = (
    "skirt",
    "crop top",
    "blouse",
    "leggings",
    "ballet flats",
    "pumps",
    "high boots",
)  # a cut whose name has one of these words is worn by women
_PRINTED_CUTS = ("t-shirt", "long sleeve", "hoodie", "sweater", "tank", "crop top")
_WORDS = (
    "LOVE", "OCEAN", "CITY", "SMILE", "PEACE", "DREAM", "MUSIC", "COFFEE", "WILD", "HAPPY", "NORTH", "SPORT", "CLUB", "ROCK",
    "SUMMER", "HELLO", "TEAM 7", "SUN", "MOON", "LUCKY", "RIVER", "FOREST", "RUN", "YES", "1984", "NO 5",
)  # fmt: skip
_LIGHT = ("white", "beige", "light blue", "yellow", "pink")
_DARK = ("black", "navy", "blue", "green", "red", "burgundy", "purple", "teal", "brown")
_DENIM = ("navy", "blue", "blue", "light blue", "black", "grey")
_SHOE_WORDS = ("white", "white", "black", "black", "brown", "red", "navy", "grey", "beige", "blue", "green")
_QUIET = ("plain", "denim", "knit", "cable", "corduroy", "herringbone")
# Patterns that mix the ground with another tone of itself, since with white they would be called by a paler colour.
_TONE_IN_TONE = ("checks", "gingham", "tartan", "houndstooth", "herringbone", "camouflage")
# Patterns of which the ground is only half: what is on it is white or black, so that one colour word says enough.
_HALF = (
    "wide stripes", "vertical stripes", "stripes", "blocks", "zigzag", "argyle", "zebra", "leopard", "leaves", "gradient",
    "tie-dye",
)  # fmt: skip
# Patterns that only garments with one of some words in their name are made of.
_ONLY = {
    "denim": ("jeans", "denim", "skirt", "shirt dress", "vest", "shirt"),
    "knit": ("sweater", "cardigan", "turtleneck", "beanie"),
    "cable": ("sweater", "cardigan", "turtleneck", "beanie"),
    "corduroy": ("trousers", "blazer", "skirt", "jacket", "long coat"),
    "herringbone": ("blazer", "coat", "trousers", "skirt", "vest", "cap"),
    "houndstooth": ("blazer", "coat", "skirt", "dress", "cap"),
}
# What garments with a word in their name are always made of.
_ALWAYS = {
    "jeans": ("denim",),
    "denim": ("denim",),
    "sweater": ("knit", "cable", "stripes", "argyle"),
    "cardigan": ("knit", "cable", "stripes"),
    "turtleneck": ("plain", "knit", "cable"),
    "leggings": ("plain",),
    "blazer": ("plain", "pinstripes", "herringbone", "windowpane"),
    "coat": ("plain", "plain", "herringbone", "houndstooth"),
    "parka": ("plain", "camouflage"),
    "puffer": ("plain",),
    "bomber": ("plain", "camouflage"),
    "cargo": ("plain", "camouflage"),
}


def draw_person(draw: random.Random, seed: int) -> AvatarRecipe:
    """Draw a person and an outfit; the pose is left at the recipe's default.

    Args:
        seed: the recipe's own, for what it leaves to chance.
    """
    woman = draw.random() < 0.5
    figure = random_figure(draw, woman)
    complexion = draw.random()
    dark_haired = complexion > 0.55
    features = tuple(draw.triangular(-1.2, 1.2, 0.0) for _ in range(8))
    hair = Hair(_draw_style(draw, woman), random_hair_color(draw, complexion, figure["age"]))
    return AvatarRecipe(
        **figure,
        complexion=complexion,
        eyes=draw.choice(EYE_COLORS[:2] if dark_haired else EYE_COLORS),
        lips=draw.uniform(0.1, 0.8) if woman else 0.0,
        stubble=0.0 if woman else draw.choice((0.0, 0.0, 0.35, 0.7, 1.0, 1.5)),
        features=features,
        smile=draw.random(),
        hair=hair,
        **_draw_garments(draw, woman),
        seed=seed,
    )


def _draw_garments(draw: random.Random, woman: bool) -> dict[str, Garment | None]:
    """Draw a dress, or an upper and a lower garment, and for some an outer garment and a hat; seldom two patterns at once."""
    worn: dict[str, Garment | None] = {"upper": None, "lower": None}

    def cloth(cut: str) -> Fabric:
        patterned = any(garment and garment.fabric.pattern not in _QUIET for garment in worn.values())
        return draw_fabric(draw, cut, quiet=patterned and draw.random() < 0.75)

    def made(kind: type[Garment], cuts: Iterable[str]) -> Garment:
        cut = draw.choice(_worn_by(woman, cuts))
        return kind(cut, cloth(cut), draw.random())

    if woman and draw.random() < 0.36:
        worn["dress"] = made(DressGarment, DRESS_CUTS)
    else:
        worn["upper"] = _printed(draw, made(UpperGarment, UPPER_CUTS))
        worn["lower"] = made(LowerGarment, LOWER_CUTS)
    if draw.random() < 0.30:
        worn["outer"] = replace(made(OuterGarment, OUTER_CUTS), opened=draw.random() < 0.7)
    if draw.random() < 0.22:
        cut = draw.choice(list(HAT_CUTS))
        worn["hat"] = HatGarment(cut, cloth(cut))
    legs = "bare" if worn["lower"] is None or any(word in worn["lower"].cut for word in ("skirt", "shorts")) else "covered"
    worn["shoes"] = _draw_shoes(draw, woman, legs == "bare")
    return worn


def _printed(draw: random.Random, garment: UpperGarment) -> UpperGarment:
    """Print a word or a logo on some of the garments that have room for one."""
    if garment.cut not in _PRINTED_CUTS or draw.random() < 0.6:
        return garment
    fabric = replace(garment.fabric, pattern="plain")
    color = draw_color(draw, draw.choice(_DARK if color_word(fabric.colors[0]) in _LIGHT else _LIGHT))
    if draw.random() < 0.4:
        printed = Print("logo", draw.choice(list(LOGOS)), color, draw.uniform(0.09, 0.17))
    else:
        letters = "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=draw.randint(2, 5)))
        printed = Print("text", draw.choice((letters, draw.choice(_WORDS), draw.choice(_WORDS))), color, draw.uniform(0.16, 0.24))
    return replace(garment, fabric=replace(fabric, print=printed))


def draw_fabric(draw: random.Random, cut: str, quiet: bool = False) -> Fabric:
    """Draw a cloth for a garment of some cut; its first colour clearly deserves its word.

    Args:
        quiet: whether to leave loud patterns out where the cut can do without.
    """
    fitting = _fitting_patterns(cut)
    pattern = draw.choice([name for name in fitting if name in _QUIET] or fitting if quiet else fitting)
    words = [word for word in COLOR_WORDS if word != "white"] if pattern in _TONE_IN_TONE else list(COLOR_WORDS)
    word = draw.choice(_DENIM if pattern == "denim" else words)
    ground = draw_color(draw, word)
    if pattern in _TONE_IN_TONE:
        mark = _other_tone(ground)
    elif pattern in _HALF and draw.random() < 0.8:
        mark = draw_color(draw, "black" if word in _LIGHT else "white")
    else:
        mark = draw_color(draw, draw.choice(_DARK if word in _LIGHT else _LIGHT))
    third = draw_color(draw, draw.choice(("yellow", "white", "orange", "red")))
    if pattern == "camouflage":
        third = tuple(0.8 * channel for channel in ground)
    return Fabric(pattern, (ground, mark, third), draw.uniform(0.85, 1.5))


def _fitting_patterns(cut: str) -> list[str]:
    for word, patterns in _ALWAYS.items():
        if word in cut:
            return list(patterns)
    fitting = [name for name in PATTERNS if any(word in cut for word in _ONLY.get(name, (cut,)))]
    return ["plain"] * (len(fitting) // 2) + fitting


def _other_tone(color: Color) -> Color:
    """Return a darker tone of a colour, or a lighter one of a dark colour."""
    if max(color) > 0.35:
        return tuple(0.6 * channel for channel in color)
    return tuple(channel + 0.28 * (1 - channel) for channel in color)


def _draw_shoes(draw: random.Random, woman: bool, bare_legs: bool) -> Shoes:
    """Draw shoes; high boots need bare legs, since trousers fall over them."""
    cuts = [cut for cut in _worn_by(woman, SHOE_CUTS) if bare_legs or cut != "high boots"]
    color = draw_color(draw, draw.choice(_SHOE_WORDS))
    sole = draw.choice(((0.95, 0.95, 0.93), color)) if draw.random() < 0.7 else (0.12, 0.11, 0.11)
    return Shoes(color, sole, draw.choice(((0.94, 0.94, 0.93), (0.18, 0.18, 0.19))), draw.choice(["sneakers", *cuts]))


def _draw_style(draw: random.Random, woman: bool) -> str:
    fitting = [style for style in STYLES if style != "bald"] if woman else [style for style in STYLES if style not in LONG_STYLES]
    return draw.choice([*fitting, *(LONG_STYLES if woman else ("short", "side part"))])


def _worn_by(woman: bool, cuts: Iterable[str]) -> list[str]:
    return [cut for cut in cuts if woman or not any(word in cut for word in _WOMENS_CUTS)]
