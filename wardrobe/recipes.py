"""Recipes: everything that makes a procedural person, and tasteful random ones."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .dresses import DressGarment
from .fabrics import Color, Fabric
from .hair import Hair
from .hats import HatGarment
from .lowers import LowerGarment
from .outers import OuterGarment
from .shoes import Shoes
from .slots import SLOTS
from .uppers import UpperGarment

Garment = UpperGarment | LowerGarment | DressGarment | OuterGarment | HatGarment | Shoes


@dataclass(frozen=True)
class AvatarRecipe:
    """A person in clothes; two equal recipes make the same avatar.

    gender: 0 man .. 1 woman; age: 1/3 child, 2/3 young adult, 1 old; muscle, weight, height, proportions: 0..1, see
    `ModisteBody.phenotype_shape`
    upper, lower, dress, outer, hat: None where nothing is worn there; a dress replaces upper and lower
    complexion: 0 fair .. 1 deep
    pose: a name in `poses.POSES`, or 55 axis-angle rotations in radians
    features: how the face differs from the average one, see `face_shapes.FEATURES`
    eyes: sRGB; lips: 0 bare .. 1 red; stubble: 0 none .. 1.5 a full short beard; smile: 0 .. 1
    gaussians: how many cover the avatar
    seed: of what is left to chance: mottling, folds, strands
    """

    hair: Hair
    upper: UpperGarment | None
    lower: LowerGarment | None
    shoes: Shoes
    gender: float = 0.5
    age: float = 2 / 3
    muscle: float = 0.5
    weight: float = 0.45
    height: float = 0.5
    proportions: float = 0.2
    complexion: float = 0.25
    pose: str | tuple[tuple[float, float, float], ...] = "stand"
    eyes: Color = (0.33, 0.21, 0.12)
    lips: float = 0.15
    stubble: float = 0.0
    features: tuple[float, ...] = (0.0,) * 8
    smile: float = 0.4
    gaussians: int = 100_000
    seed: int = 0
    dress: DressGarment | None = None
    outer: OuterGarment | None = None
    hat: HatGarment | None = None

    def garments(self) -> dict[str, Garment]:
        """Return what is worn, slot -> garment, in the order of SLOTS."""
        worn = {slot: getattr(self, slot, None) for slot in SLOTS}
        hidden = ("upper", "lower") if self.dress else ()
        return {slot: garment for slot, garment in worn.items() if garment is not None and slot not in hidden}

    def phenotype(self) -> dict[str, float]:
        """Return the body's shape in words, for `phenotype_shape`."""
        return {name: getattr(self, name) for name in ("gender", "age", "muscle", "weight", "height", "proportions")}


# Colours that go together: (upper ground, what is on it, lower), sRGB.
_OUTFITS: tuple[tuple[Color, Color, Color], ...] = (
    ((0.93, 0.92, 0.88), (0.16, 0.22, 0.36), (0.17, 0.25, 0.42)),
    ((0.15, 0.20, 0.33), (0.90, 0.88, 0.82), (0.72, 0.63, 0.50)),
    ((0.74, 0.25, 0.22), (0.95, 0.90, 0.82), (0.22, 0.24, 0.28)),
    ((0.32, 0.42, 0.33), (0.88, 0.82, 0.66), (0.34, 0.28, 0.24)),
    ((0.86, 0.66, 0.28), (0.30, 0.22, 0.18), (0.20, 0.27, 0.44)),
    ((0.88, 0.70, 0.68), (0.62, 0.24, 0.30), (0.90, 0.88, 0.84)),
    ((0.55, 0.70, 0.80), (0.97, 0.97, 0.95), (0.24, 0.26, 0.32)),
    ((0.20, 0.45, 0.45), (0.94, 0.86, 0.70), (0.80, 0.75, 0.66)),
    ((0.47, 0.30, 0.42), (0.90, 0.80, 0.72), (0.18, 0.18, 0.21)),
    ((0.90, 0.52, 0.38), (0.98, 0.93, 0.86), (0.30, 0.38, 0.52)),
    ((0.25, 0.25, 0.27), (0.82, 0.80, 0.76), (0.40, 0.42, 0.45)),
    ((0.80, 0.84, 0.76), (0.26, 0.40, 0.34), (0.36, 0.32, 0.27)),
)
HAIR_COLORS: tuple[Color, ...] = (
    (0.07, 0.055, 0.05), (0.13, 0.09, 0.07), (0.23, 0.15, 0.10), (0.34, 0.22, 0.14), (0.47, 0.31, 0.18), (0.66, 0.50, 0.30),
    (0.50, 0.23, 0.12), (0.55, 0.54, 0.52),
)  # fmt: skip
EYE_COLORS: tuple[Color, ...] = (
    (0.25, 0.15, 0.09), (0.36, 0.23, 0.12), (0.42, 0.36, 0.18), (0.32, 0.42, 0.30), (0.33, 0.46, 0.56), (0.42, 0.48, 0.52),
)  # fmt: skip
_SHOE_COLORS: tuple[Color, ...] = (
    (0.92, 0.92, 0.90), (0.14, 0.14, 0.15), (0.40, 0.26, 0.17), (0.70, 0.20, 0.18), (0.20, 0.27, 0.40), (0.62, 0.58, 0.50),
)  # fmt: skip
_JEANS: tuple[Color, ...] = ((0.14, 0.20, 0.34), (0.24, 0.34, 0.50), (0.38, 0.48, 0.60), (0.13, 0.14, 0.16))
_WOMENS_LOWERS = ("jeans", "trousers", "skirt", "long skirt", "shorts")
_MENS_LOWERS = ("jeans", "jeans", "trousers", "shorts")
_WOMENS_HAIR = ("bob", "long", "wavy", "ponytail", "bun", "short", "curly")
_MENS_HAIR = ("short", "short", "quiff", "side part", "buzz", "bald", "curly")
# What some cuts are made of; the others are made of one of the two below.
_UPPER_PATTERNS = {
    "shirt": ("plain", "checks", "tartan", "pinstripes", "floral"),
    "sweater": ("knit", "knit", "stripes", "blocks"),
    "tank": ("plain", "dots", "stripes", "floral"),
}
_WOMENS_PATTERNS = ("plain", "plain", "stripes", "dots", "gradient", "blocks", "floral")
_MENS_PATTERNS = ("plain", "plain", "stripes", "gradient", "blocks")
_STANDING = ("stand", "relaxed", "walk", "hand on hip")


def random_recipe(seed: int, pose: str | None = None, gaussians: int = 100_000, woman: bool | None = None) -> AvatarRecipe:
    """Draw a person who dresses with taste: a pure function of the seed.

    Args:
        pose: a name in `poses.POSES`; None draws one of the standing ones.
        woman: a woman or a man; None draws one.
    """
    draw = random.Random(seed)
    drawn_woman = draw.random() < 0.5
    woman = drawn_woman if woman is None else woman
    gender = draw.uniform(0.82, 1.0) if woman else draw.uniform(0.0, 0.15)
    complexion = draw.random()
    dark_haired = complexion > 0.55
    age = draw.uniform(0.62, 0.84)
    hair = Hair(_draw_style(draw, woman, dark_haired), _draw_hair_color(draw, dark_haired, age))
    ground, mark, below = draw.choice(_OUTFITS)
    lower_cut = draw.choice(_WOMENS_LOWERS if woman else _MENS_LOWERS)
    return AvatarRecipe(
        gender=gender,
        age=age,
        muscle=draw.uniform(0.35, 0.65) + (0.0 if woman else 0.12),
        weight=draw.triangular(0.25, 0.75, 0.45),
        height=draw.triangular(0.25, 0.75, 0.5),
        proportions=draw.uniform(0.0, 0.35),
        complexion=complexion,
        pose=pose or draw.choice(_STANDING),
        eyes=draw.choice(EYE_COLORS[:2] if dark_haired else EYE_COLORS),
        lips=draw.uniform(0.1, 0.7) if woman else 0.0,
        stubble=0.0 if woman else draw.choice((0.0, 0.0, 0.35, 0.7, 1.0)),
        hair=hair,
        upper=_draw_upper(draw, woman, ground, mark),
        lower=LowerGarment(lower_cut, _draw_lower_fabric(draw, lower_cut, below, mark), draw.uniform(0.1, 0.8)),
        shoes=Shoes(draw.choice(_SHOE_COLORS), (0.95, 0.95, 0.93), draw.choice(((0.94, 0.94, 0.93), (0.18, 0.18, 0.19)))),
        features=tuple(draw.triangular(-1.3, 1.3, 0.0) for _ in range(8)),
        smile=draw.uniform(0.2, 0.8),
        gaussians=gaussians,
        seed=seed,
    )


def _draw_style(draw: random.Random, woman: bool, dark_haired: bool) -> str:
    return draw.choice((_WOMENS_HAIR if woman else _MENS_HAIR) + ("curly", "afro") * (2 if dark_haired else 0))


def _draw_hair_color(draw: random.Random, dark_haired: bool, age: float) -> Color:
    if age > 0.80 and draw.random() < 0.5:
        return HAIR_COLORS[-1]
    return draw.choice(HAIR_COLORS[:3] if dark_haired else HAIR_COLORS[:-1])


def _draw_upper(draw: random.Random, woman: bool, ground: Color, mark: Color) -> UpperGarment:
    cuts = ("t-shirt", "t-shirt", "v-neck", "long sleeve", "shirt", "sweater") + (("tank",) if woman else ())
    cut = draw.choice(cuts)
    pattern = draw.choice(_UPPER_PATTERNS.get(cut, _WOMENS_PATTERNS if woman else _MENS_PATTERNS))
    heart = (0.95, 0.80, 0.36) if pattern == "floral" else mark
    return UpperGarment(cut, Fabric(pattern, (ground, mark, heart), draw.uniform(0.85, 1.3)), draw.uniform(0.1, 0.8))


def _draw_lower_fabric(draw: random.Random, cut: str, ground: Color, mark: Color) -> Fabric:
    if cut == "jeans":
        return Fabric("denim", (draw.choice(_JEANS),))
    if "skirt" in cut:
        return Fabric(draw.choice(("plain", "plain", "checks", "dots", "tartan", "floral")), (ground, mark, (0.92, 0.84, 0.62)))
    lighter = tuple(0.7 * channel + 0.3 for channel in ground)
    return Fabric(draw.choice(("plain", "plain", "plain", "pinstripes")), (ground, lighter))
