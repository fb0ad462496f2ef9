"""Reshaping with a barrier: the paper's objective, solved where the quick result would enter the body or cross itself.

The quick result says where everything is to go. Most of it gets there without touching anything new; only what would not is
solved for, place by place. Each place starts at rest around a body drawn in to its skeleton, which grows to the target while the
mesh travels, and no free vertex passes through anything (`travel`). Where it arrives, the objective decides (`terms`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...geometry.mesh import unique_edges
from ..graph import groups
from ..types import Avatar
from .crossing import Crossings, labelled
from .distance_grid import DistanceGrid, body_grid, clothed_distance
from .newton import Problem, newton
from .skeleton import Skeleton, drawn_in, settled
from .terms import curves, fit, similarity
from .travel import Scene, Way, following, make_scene, travel

FIT = 1e4  # weight of the fit, 1 / m^2
SKIN = 4.0  # times as much on bare skin
STAYING = 400.0  # weight of the pull to the quick result in the last solve, 1 / m^2
_RINGS = 2  # of vertices around a crossing that are solved for
_APART = 0.03  # metres at rest between places that are solved for one after the other
_ROUNDS = 5  # each with more around a place that crosses still
_TRIES = 3  # without gain to get round what is stuck
_GAIN = 0.01  # of the way, which is worth going on
_LAST_STEPS = 12
_LAST_TOLERANCE = 2e-4  # metres


@dataclass(frozen=True)
class Settings:
    """Weights and parts of the objective.

    fit:     of L_fit, where similarity has 1 (and SKIN times as much on bare skin)
    curves:  of L_curv and L_tor, the angles and twists of boundary curves
    prepass: whether E_pre moves the skeleton inside the mesh first
    """

    fit: float = 1.0
    curves: float = 0.0
    prepass: bool = True


def landed(
    avatar: Avatar,
    quick: Tensor,
    ease: Tensor,
    inside: Tensor,
    target: BodyState,
    found: Crossings,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return the mesh's vertices [V, 3] near the quick result [V, 3], with as few new crossings as could be reached: mostly none.

    Every place where something crosses is solved for by itself, in ever wider surroundings until nothing crosses there. Where a
    place is stuck, such as skin between two limbs of the target that touch, it stays as the quick result has it.

    ease:   [V] metres that each vertex stood above its own body
    inside: [V] bool, which the quick result leaves inside the target
    """
    rest, goal = avatar.mesh.vertices.double(), quick.double()
    new = found.points(goal) | inside & found.solid
    if not new.any():
        return quick
    tell = None if progress is None else partial(progress, 0, 1)
    source = Skeleton(avatar.body.posed().joints)
    if settings.prepass:
        source = settled(source, clothed_distance(rest, avatar.mesh.faces), tell)
    body = (drawn_in(target, source)[found.kept].double(), found.body.double(), found.body_faces)
    grid = body_grid(target.posed().vertices, target.model.faces, progress=tell)
    stiff = torch.ones(len(rest), dtype=torch.float64)
    tried = torch.zeros_like(new)
    for round_ in range(_ROUNDS):
        wider = _rings(new, found.faces, _RINGS + 2 * round_) & found.solid
        if wider.equal(tried):
            break
        places, tried = _places(wider, rest, found.faces), wider
        for index, free in enumerate(places):
            told = None if progress is None else partial(_part_of, progress, round_ + index / len(places))
            scene, points = _arrived(Way(rest, goal, found.faces, body, stiff), free, found.solid, told)
            if scene is None:
                continue
            ahead = scene.given(_settled(scene, points, avatar, ease, grid, settings, told), goal)
            among = torch.isin(found.faces, scene.order).all(1)
            if int(found.points(ahead, among).sum()) < int(found.points(goal, among).sum()):
                goal = ahead
        new = found.points(goal)
        if not new.any():
            break
    return goal.to(quick)


def _places(free: Tensor, rest: Tensor, faces: Tensor) -> list[Tensor]:
    """Return the vertices [V] bool that are to move freely, in groups so far apart at rest that they do not meet, each [V] bool."""
    indices, edges = free.nonzero()[:, 0], unique_edges(faces)
    place = free.cumsum(0) - 1
    joined = place[edges[free[edges].all(1)]]
    return [torch.zeros_like(free).index_fill(0, indices[group], True) for group in groups(rest[free], _APART, joined)]


def _arrived(way: Way, free: Tensor, movable: Tensor, progress: Callable[[int, int], None] | None) -> tuple[Scene | None, Tensor]:
    """Travel all the way, if need be without what is stuck, which then goes as the quick result has it.

    Returns:
        the scene, or None where nothing arrived, and its points.
    """
    for _ in range(_TRIES):
        scene, points, blocked = _travelled(way, free, movable, progress)
        if scene is not None:
            return scene, points
        stuck = _rings(blocked, way.faces, _RINGS)
        free, movable = free & ~stuck, movable & ~stuck
        if not free.any():
            break
    return None, way.rest


def _travelled(
    way: Way, free: Tensor, movable: Tensor, progress: Callable[[int, int], None] | None
) -> tuple[Scene | None, Tensor, Tensor]:
    """Travel all the way; where something is stuck, what is around it becomes free too.

    Returns:
        the scene, or None where something stays stuck; its points; and which vertices [V] were stuck last.
    """
    vertices, done, patience, blocked = way.rest, 0.0, _TRIES, torch.zeros_like(free)
    while patience:
        scene, before = make_scene(way, free), done
        points, done, stuck = travel(scene, scene.taken(vertices, done), done, progress)
        if done == 1.0:
            return scene, points, blocked
        patience -= done - before < _GAIN
        vertices = scene.given(points, torch.lerp(way.rest, way.goal, done))
        blocked = torch.zeros_like(free)
        blocked[scene.order[torch.from_numpy(stuck[stuck < len(scene.order)])]] = True
        free = free | _rings(blocked, way.faces, _RINGS) & movable
    return None, way.rest, blocked


def _settled(
    scene: Scene,
    points: Tensor,
    avatar: Avatar,
    ease: Tensor,
    grid: DistanceGrid,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> Tensor:
    """Minimise the paper's objective from where the mesh has arrived."""
    skin = ~labelled(avatar, "clothes", "shoes")
    tightness = FIT * settings.fit * torch.where(skin, SKIN, 1.0).double()
    terms = [
        similarity(scene.start, scene.mesh, scene.stiff, scene.free),
        fit(scene.start, scene.mesh, scene.own(ease.double()), grid, scene.own(tightness), scene.free),
        following(scene, 1.0, STAYING),
        *curves(scene.start, scene.mesh, settings.curves),
    ]
    tell = None if progress is None else partial(progress, 100, 100)
    return newton(Problem(terms, scene.contact), points, _LAST_STEPS, _LAST_TOLERANCE, tell)[0]


def _part_of(progress: Callable[[int, int], None], round_: int, done: int, total: int) -> None:
    """Tell how far one round is."""
    progress(round_ * total + done, _ROUNDS * total)


def _rings(chosen: Tensor, faces: Tensor, count: int) -> Tensor:
    """Return the chosen vertices [V] and those up to so many edges around them."""
    for _ in range(count):
        touched = faces[chosen[faces].any(1)]
        chosen = chosen.clone()
        chosen[touched] = True
    return chosen
