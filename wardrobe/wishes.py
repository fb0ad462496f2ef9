"""What somebody asks for in plain words, on top of a random person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .fabrics import Color
from .hair import STYLES
from .lowers import LOWER_CUTS
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


@dataclass(frozen=True)
class Wishes:
    """Each is one of the choices above; ANY leaves it to the seed, as does a colour of None."""

    person: str = ANY
    figure: str = ANY
    complexion: str = ANY
    hair: str = ANY
    upper: str = ANY
    upper_color: Color | None = None
    lower: str = ANY
    lower_color: Color | None = None
    pose: str = ANY


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
    return replace(recipe, upper=upper, lower=lower)


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
