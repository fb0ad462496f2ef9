"""Procedural avatars: a recipe in, a clothed, textured, labelled person out."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..models.avatars.types import Avatar
from ..models.body import BodyParameters, BodyState, load_modiste_body
from .anatomy import Figure, measure
from .assembly import assemble
from .draping import Obstacle
from .hair import brow_color, make_hair
from .lowers import LOWER_CUTS, lower_edge, make_lower
from .pieces import Piece, kept
from .poses import pose_of
from .recipes import AvatarRecipe
from .shoes import make_shoes, shoe_edge
from .skin import Face, above_hairline, skin_piece
from .tailoring import body_obstacle
from .uppers import UPPER_CUTS, make_upper, upper_edge, upper_hem


def procedural_avatar(recipe: AvatarRecipe, progress: Callable[[int, int], None] | None = None) -> Avatar:
    """Make the person of a recipe.

    The same recipe gives the same avatar, bit for bit with one number of threads; with another, colours agree to rounding.

    Raises:
        ValueError: if the recipe names a cut, fabric, hair style or pose that does not exist, or a number is out of range.
    """
    report = progress or (lambda done, total: None)
    body = load_modiste_body()
    shape = body.phenotype_shape(**recipe.phenotype())
    figure = measure(body, shape)
    pose = pose_of(recipe.pose, figure.joints)
    state = BodyState(body, BodyParameters(shape, pose, torch.zeros(3)))
    pieces = dress(figure, recipe, lambda done: report(done, 8))
    return assemble(pieces, state, recipe.gaussians, recipe.seed, lambda done, _: report(4 + done, 8))


def dress(figure: Figure, recipe: AvatarRecipe, report: Callable[[int], None]) -> list[Piece]:
    """Make all pieces of a person at rest: shoes, garments, what skin they leave bare, and hair."""
    seed = recipe.seed
    shoes = make_shoes(figure, recipe.shoes, seed)
    obstacle = _with_pieces(body_obstacle(figure), shoes)
    report(1)
    lower = make_lower(figure, recipe.lower, obstacle, seed + 1)
    report(2)
    upper = make_upper(figure, recipe.upper, _with_pieces(obstacle, [lower]), seed + 2)
    report(3)
    hair = make_hair(figure, recipe.hair, recipe.complexion, _with_pieces(obstacle, [upper]), seed + 3)
    return [_bare_skin(figure, recipe), *shoes, _without_tucked(figure, lower, recipe), upper, *hair]


def _without_tucked(figure: Figure, lower: Piece, recipe: AvatarRecipe) -> Piece:
    """Cut away what lies well under the upper garment."""
    height = lower.sheet.values["start"][:, 1]
    return kept(lower, (height < upper_hem(figure, UPPER_CUTS[recipe.upper.cut]) + 0.035)[lower.sheet.faces].any(1))


def _bare_skin(figure: Figure, recipe: AvatarRecipe) -> Piece:
    """Return the skin without what lies well inside clothes."""
    brows = brow_color(recipe.hair)
    face = Face(recipe.complexion, recipe.eyes, brows, recipe.lips, recipe.gender, recipe.stubble, recipe.features)
    covered = torch.stack(
        [
            upper_edge(figure, figure.sheet, UPPER_CUTS[recipe.upper.cut]),
            lower_edge(figure, figure.sheet, LOWER_CUTS[recipe.lower.cut]),
            shoe_edge(figure, figure.sheet),
        ]
    ).amax(0)
    covered = torch.where(figure.on_parts("head", "hand"), -1.0, covered)
    scalp_hair = None if recipe.hair.style == "bald" else recipe.hair.color
    if scalp_hair is not None:
        covered = torch.maximum(covered, above_hairline(figure.sheet.values["canonical"]) - 0.01)
    return skin_piece(figure, face, covered, scalp_hair, recipe.seed)


def _with_pieces(obstacle: Obstacle, pieces: list[Piece]) -> Obstacle:
    for piece in pieces:
        obstacle = obstacle.joined(piece.sheet.position, piece.sheet.values["normal"])
    return obstacle
