"""Dressing: all the layers of a person in clothes, cut one over the other on the figure at rest, and striking a pose in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..models.avatars.labels import LABELS
from ..models.body import JOINT_INDEX, BodyParameters, BodyState, load_modiste_body
from ..models.body.skinning import apply_transforms, blend_transforms
from ..models.geometry.mesh import vertex_normals
from .anatomy import Figure, measure, smooth_normals
from .atlas import pack
from .bodices import Cut
from .draping import Obstacle
from .dresses import DRESS_CUTS, dress_edge, make_dress
from .faces import Face, above_hairline
from .hair import brow_color, make_hair
from .hats import HAT_CUTS, HatCut, hat_edge, make_hat, pressed_hair
from .lighting import hollows
from .lowers import LOWER_CUTS, lower_edge, make_lower
from .outers import OUTER_CUTS, make_outer, outer_edge
from .pieces import Piece, kept
from .recipes import AvatarRecipe
from .seats import Seat, stool
from .sheets import Sheet, averaging
from .shoes import SHOE_CUTS, make_shoes, on_heels, shoe_edge
from .skin import skin_piece
from .slots import PART_INDEX, SLOTS
from .tailoring import body_obstacle
from .uppers import UPPER_CUTS, make_upper, upper_edge, upper_hem

_TUCKED = 0.035  # metres inside another garment's edge from which on cloth is out of sight


@dataclass(frozen=True)
class Layer:
    """What a person wears in one slot, or the person's own skin or hair.

    name:  "skin", "hair" or one of SLOTS
    whole: its pieces, as cut
    worn:  the same without what is tucked well under other layers
    """

    name: str
    whole: tuple[Piece, ...]
    worn: tuple[Piece, ...]


@dataclass(frozen=True)
class DressedPerson:
    """A person in clothes at rest, as one mesh of all worn pieces, layer after layer.

    All of it follows from the recipe, so what a face and a place on it show is the same in every pose and picture.
    """

    recipe: AvatarRecipe
    figure: Figure
    shape: Tensor
    layers: tuple[Layer, ...]

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """All worn pieces, in the order of the mesh."""
        return tuple(piece for layer in self.layers for piece in layer.worn)

    @cached_property
    def rest(self) -> Tensor:
        """Vertices [V, 3] at rest, metres."""
        return torch.cat([piece.sheet.position for piece in self.pieces])

    @cached_property
    def faces(self) -> Tensor:
        """[F, 3] int64."""
        starts = torch.tensor([0, *(len(piece.labels) for piece in self.pieces)]).cumsum(0)
        return torch.cat([piece.sheet.faces + start for piece, start in zip(self.pieces, starts, strict=False)])

    @cached_property
    def skinning(self) -> Tensor:
        """[V, 55] weights of the body's joints."""
        return torch.cat([piece.sheet.values["skinning"] for piece in self.pieces])

    @cached_property
    def face_layer(self) -> Tensor:
        """[F] int64 index into `layers`."""
        counts = torch.tensor([sum(len(piece.panel) for piece in layer.worn) for layer in self.layers])
        return torch.arange(len(counts)).repeat_interleave(counts)

    @cached_property
    def face_part(self) -> Tensor:
        """[F] uint8 index into PARTS."""
        labels = torch.cat([piece.labels[piece.sheet.faces].amin(1) for piece in self.pieces])
        of_label = torch.tensor([PART_INDEX.get(label, 0) for label in LABELS], dtype=torch.uint8)
        part = of_label[labels]
        for index, layer in enumerate(self.layers):
            if layer.name in SLOTS:
                part[self.face_layer == index] = PART_INDEX[layer.name]
        return part

    @cached_property
    def face_uv(self) -> Tensor:
        """[F, 3, 2] each layer's flat panels side by side in the unit square: with the layer it names a spot of the surface."""
        return torch.cat([_packed(layer.worn) for layer in self.layers])

    @cached_property
    def warmth(self) -> Tensor:
        """[V] how much light bleeds through, 0..1."""
        return torch.cat([torch.full((len(piece.labels),), piece.warmth) for piece in self.pieces])

    @cached_property
    def hollow(self) -> Tensor:
        """[V] how deep in a crease each vertex lies at rest, 0..1."""
        return hollows(self.rest, vertex_normals(self.rest, self.faces), self.faces, self.smooth)

    @cached_property
    def smooth(self) -> Callable[[Tensor], Tensor]:
        """Averages values [V, C] with those of the vertices around."""
        return averaging(self.faces, len(self.rest))


@dataclass(frozen=True)
class Posed:
    """A dressed person in a pose, standing on the floor, y = 0.

    vertices, normals: [V, 3], of the person's mesh
    body: the body inside, in world space
    seat: what the person sits on, or None
    """

    person: DressedPerson
    vertices: Tensor
    normals: Tensor
    body: BodyState
    seat: Seat | None = None


def dressed_person(recipe: AvatarRecipe, report: Callable[[int], None] = lambda done: None) -> DressedPerson:
    """Make the body of a recipe and dress it; the pose is left open.

    Args:
        report: told how many of four steps are done.

    Raises:
        ValueError: if the recipe names a cut, fabric or hair style that does not exist, or a number is out of range.
    """
    body = load_modiste_body()
    shape = body.phenotype_shape(**recipe.phenotype())
    figure = measure(body, shape)
    return DressedPerson(recipe, figure, shape, tuple(dress(figure, recipe, report)))


def posed(person: DressedPerson, pose: Tensor, seat_height: float | None = None) -> Posed:
    """Put a person into a pose: axis-angle radians [55, 3]; on heels, feet are stretched further.

    Args:
        seat_height: metres from the floor to what the person sits on; None for somebody who stands.
    """
    pose = on_heels(pose, person.figure.joints, SHOE_CUTS[person.recipe.shoes.cut])
    state = BodyState(person.figure.body, BodyParameters(person.shape, pose, torch.zeros(3)))
    vertices = carried(state, person.skinning, person.rest)
    lift = torch.tensor([0.0, -float(vertices[:, 1].min()), 0.0])
    vertices = vertices + lift
    standing = BodyState(state.model, replace(state.parameters, translation=state.parameters.translation + lift))
    seat = None if seat_height is None else stool(standing.posed().joints[JOINT_INDEX["pelvis"]], seat_height)
    return Posed(person, vertices, vertex_normals(vertices, person.faces), standing, seat)


def carried(state: BodyState, skinning: Tensor, rest: Tensor) -> Tensor:
    """Return where a posed body carries points [V, 3] with weights [V, 55]."""
    return apply_transforms(blend_transforms(skinning, state.posed().transforms), rest)


def dress(figure: Figure, recipe: AvatarRecipe, report: Callable[[int], None]) -> list[Layer]:
    """Make all layers of a person at rest: what skin clothes leave bare, garments from the inside out, and hair."""
    seed, garments = recipe.seed, recipe.garments()
    made = {"shoes": _pieces(make_shoes(figure, recipe.shoes, seed))}
    obstacle = _with_pieces(body_obstacle(figure), made["shoes"])
    report(1)
    # From the inside out.
    makers = {"lower": make_lower, "upper": make_upper, "dress": make_dress, "outer": make_outer}
    for step, (slot, make) in enumerate(makers.items()):
        if slot in garments:
            made[slot] = _pieces(make(figure, garments[slot], obstacle, seed + 1 + step))
            obstacle = _with_pieces(obstacle, made[slot])
        if step % 2:
            report(2 + step // 2)
    hair = tuple(make_hair(figure, recipe.hair, recipe.complexion, obstacle, seed + 5))
    if recipe.hat:
        made["hat"] = _pieces(make_hat(figure, recipe.hat, obstacle, seed + 6))
        hair = tuple(_under_hat(figure, piece, HAT_CUTS[recipe.hat.cut]) for piece in hair)
    skin = (_bare_skin(figure, recipe),)
    layers = [Layer(slot, made[slot], _outside(figure, recipe, slot, made[slot])) for slot in SLOTS if slot in made]
    return [Layer("skin", skin, skin), *layers, *([Layer("hair", hair, hair)] if hair else [])]


def _pieces(made: Piece | list[Piece]) -> tuple[Piece, ...]:
    return (made,) if isinstance(made, Piece) else tuple(made)


def _outside(figure: Figure, recipe: AvatarRecipe, slot: str, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Cut away what lies well under other layers, where it could only poke through."""
    garments = recipe.garments()
    if slot == "lower" and "upper" in garments:
        hem = upper_hem(figure, UPPER_CUTS[garments["upper"].cut])
        pieces = tuple(_kept_where(piece, piece.sheet.values["start"][:, 1] < hem + _TUCKED) for piece in pieces)
    if slot in ("lower", "upper", "dress") and "outer" in garments:
        outer = garments["outer"]
        cut = OUTER_CUTS[outer.cut]
        pieces = tuple(_kept_where(piece, _under(figure, piece.sheet, cut, outer.opened) < _TUCKED) for piece in pieces)
    return pieces


def _under(figure: Figure, sheet: Sheet, cut: Cut, opened: bool) -> Tensor:
    """Return how many metres [V] inside an outer garment's edges a garment lies; negative also where it is not on the body."""
    if "arm" not in sheet.values:
        return torch.full((len(sheet.position),), -1.0)
    return outer_edge(figure, sheet.with_values(position=sheet.values["start"]), cut, opened)


def _under_hat(figure: Figure, hair: Piece, cut: HatCut) -> Piece:
    """Press hair to the head under a hat, without what is well inside it."""
    inside = hat_edge(figure, hair.sheet.position, cut)
    position = pressed_hair(figure, hair.sheet.position, cut)
    normal = smooth_normals(position, hair.sheet.faces, 1)
    return _kept_where(replace(hair, sheet=hair.sheet.with_values(position=position, normal=normal)), inside < 0.012)


def _kept_where(piece: Piece, shown: Tensor) -> Piece:
    """Return the piece without the faces of which no vertex [V] is shown; at least one face stays."""
    keep = shown[piece.sheet.faces].any(1)
    keep[0] = True
    return kept(piece, keep)


def _bare_skin(figure: Figure, recipe: AvatarRecipe) -> Piece:
    """Return the skin without what lies well inside clothes."""
    brows = brow_color(recipe.hair)
    face = Face(recipe.complexion, recipe.eyes, brows, recipe.lips, recipe.gender, recipe.stubble, recipe.features, recipe.smile)
    garments, sheet = recipe.garments(), figure.sheet
    edges = [shoe_edge(figure, sheet, SHOE_CUTS[recipe.shoes.cut])]
    edge_of = {"upper": (upper_edge, UPPER_CUTS), "lower": (lower_edge, LOWER_CUTS), "dress": (dress_edge, DRESS_CUTS)}
    for slot, (edge, cuts) in edge_of.items():
        if slot in garments:
            edges.append(edge(figure, sheet, cuts[garments[slot].cut]))
    if "outer" in garments:
        edges.append(outer_edge(figure, sheet, OUTER_CUTS[garments["outer"].cut], garments["outer"].opened))
    covered = torch.where(figure.on_parts("head", "hand"), -1.0, torch.stack(edges).amax(0))
    scalp_hair = None if recipe.hair.style == "bald" else recipe.hair.color
    if scalp_hair is not None:
        covered = torch.maximum(covered, above_hairline(figure.sheet.values["canonical"]) - 0.01)
    return skin_piece(figure, face, covered, scalp_hair, recipe.seed)


def _with_pieces(obstacle: Obstacle, pieces: tuple[Piece, ...]) -> Obstacle:
    for piece in pieces:
        obstacle = obstacle.joined(piece.sheet.position, piece.sheet.values["normal"])
    return obstacle


def _packed(pieces: tuple[Piece, ...]) -> Tensor:
    """Place all panels of some pieces side by side in the unit square: [F, 3, 2]."""
    charts, start = [], 0
    for piece in pieces:
        charts.append(piece.panel + start)
        start += int(piece.panel.max()) + 1
    _, chart = torch.unique(torch.cat(charts), return_inverse=True)
    uv, _ = pack(torch.cat([piece.corner_uv for piece in pieces]), chart, torch.ones(int(chart.max()) + 1), 1024)
    return uv
