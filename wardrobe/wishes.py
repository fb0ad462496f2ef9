"""What somebody asks for in plain words, on top of a random person."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .dresses import DRESS_CUTS, DressGarment
from .fabrics import Color, Fabric
from .hair import STYLES
from .hats import HAT_CUTS, HatGarment
from .lowers import LOWER_CUTS
from .outers import OUTER_CUTS, OuterGarment
from .poses import POSES
from .recipes import AvatarRecipe, random_recipe
from .uppers import UPPER_CUTS

ANY = "from seed"
PEOPLE = (ANY, "woman", "man")
FIGURES = {"slim": 0.25, "average": 0.45, "full": 0.75}
COMPLEXIONS = {"fair": 0.05, "light": 0.25, "olive": 0.45, "brown": 0.7, "deep": 0.95}
HAIR = (ANY, *STYLES)
UPPERS = (ANY, *UPPER_CUTS)
LOWERS = (ANY, *LOWER_CUTS)
STANCES = (ANY, *POSES)
NONE = "none"
DRESSES = (NONE, *DRESS_CUTS)
OUTERS = (NONE, *OUTER_CUTS)
HATS = (NONE, *HAT_CUTS)
# What goes over everything: navy, camel, charcoal, olive, burgundy, cream.
_OVER: tuple[Color, ...] = (
    (0.13, 0.17, 0.30), (0.70, 0.55, 0.38), (0.24, 0.25, 0.27), (0.36, 0.38, 0.26), (0.42, 0.14, 0.18), (0.88, 0.84, 0.76),
)  # fmt: skip


@dataclass(frozen=True)
class Wishes:
    """Each is one of the choices above; ANY leaves it to the seed, as does a colour of None.

    A dress replaces upper and lower garment and is of the upper one's cloth.
    """

    person: str = ANY
    figure: str = ANY
    complexion: str = ANY
    hair: str = ANY
    upper: str = ANY
    upper_color: Color | None = None
    lower: str = ANY
    lower_color: Color | None = None
    pose: str = ANY
    dress: str = NONE
    outer: str = NONE
    hat: str = NONE


def wished_recipe(seed: int, wishes: Wishes, gaussians: int) -> AvatarRecipe:
    """Return the random person of a seed, changed as wished; what is not wished for stays as the seed has it.

    Raises:
        ValueError: if a wish is none of its choices.
    """
    woman = {ANY: None, "woman": True, "man": False}[_checked(wishes.person, PEOPLE)]
    pose = None if _checked(wishes.pose, STANCES) == ANY else wishes.pose
    recipe = random_recipe(seed, pose, gaussians, woman)
    if _checked(wishes.figure, (ANY, *FIGURES)) != ANY:
        recipe = replace(recipe, weight=FIGURES[wishes.figure])
    if _checked(wishes.complexion, (ANY, *COMPLEXIONS)) != ANY:
        recipe = replace(recipe, complexion=COMPLEXIONS[wishes.complexion])
    if _checked(wishes.hair, HAIR) != ANY:
        recipe = replace(recipe, hair=replace(recipe.hair, style=wishes.hair))
    upper = _garment(recipe.upper, _checked(wishes.upper, UPPERS), wishes.upper_color)
    lower = _garment(recipe.lower, _checked(wishes.lower, LOWERS), wishes.lower_color)
    recipe = replace(recipe, upper=upper, lower=lower)
    draw = random.Random(f"over {seed}")
    if _checked(wishes.dress, DRESSES) != NONE:
        recipe = replace(recipe, dress=DressGarment(wishes.dress, upper.fabric, upper.looseness))
    if _checked(wishes.outer, OUTERS) != NONE:
        cloth = Fabric("denim" if "denim" in wishes.outer else "plain", (draw.choice(_OVER),))
        recipe = replace(recipe, outer=OuterGarment(wishes.outer, cloth, draw.random()))
    if _checked(wishes.hat, HATS) != NONE:
        recipe = replace(recipe, hat=HatGarment(wishes.hat, Fabric("plain", (draw.choice(_OVER),))))
    return recipe


def _garment(garment, cut: str, color: Color | None):  # noqa: ANN001, ANN202 - upper or lower, in and out alike
    if cut != ANY:
        garment = replace(garment, cut=cut)
    if color is not None:
        garment = replace(garment, fabric=replace(garment.fabric, colors=(color, *garment.fabric.colors[1:])))
    return garment


def _checked(wish: str, choices: tuple[str, ...]) -> str:
    if wish not in choices:
        raise ValueError(f"'{wish}' cannot be had: choose one of {', '.join(choices)}.")
    return wish
