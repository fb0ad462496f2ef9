"""Procedural avatars: a recipe in, a clothed, textured, labelled person out."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..models.avatars.types import Avatar
from ..models.body import BodyParameters, BodyState
from .assembly import assemble
from .dressing import dressed_person
from .poses import pose_of
from .recipes import AvatarRecipe
from .shoes import SHOE_CUTS, on_heels


def procedural_avatar(recipe: AvatarRecipe, progress: Callable[[int, int], None] | None = None) -> Avatar:
    """Make the person of a recipe.

    The same recipe gives the same avatar, bit for bit with one number of threads; with another, colours agree to rounding.

    Raises:
        ValueError: if the recipe names a cut, fabric, hair style or pose that does not exist, or a number is out of range.
    """
    report = progress or (lambda done, total: None)
    person = dressed_person(recipe, lambda done: report(done, 8))
    pose = on_heels(pose_of(recipe.pose, person.figure.joints), person.figure.joints, SHOE_CUTS[recipe.shoes.cut])
    state = BodyState(person.figure.body, BodyParameters(person.shape, pose, torch.zeros(3)))
    return assemble(person.pieces, state, recipe.gaussians, recipe.seed, lambda done, _: report(4 + done, 8))
