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
from ...geometry.mesh import enclosed_volume, unique_edges
from ..graph import groups
from ..types import Avatar
from .clearance import INSIDE
from .crossing import labelled
from .distance_grid import DistanceGrid, body_grid, clothed_distance
from .fast import Placed
from .newton import Problem, newton
from .skeleton import Skeleton, drawn_in, settled
from .terms import curves, fit, similarity
from .travel import Scene, Way, following, make_scene, travel

FIT = 1e4  # weight of the fit, 1 / m^2
SKIN = 4.0  # times as much on bare skin
STAYING = 400.0  # weight of the pull to the quick result in the last solve, 1 / m^2
_RINGS = 2  # of vertices around a crossing that are solved for
_APART = 0.03  # metres at rest between places that are solved for one after the other
_ROUNDS = 3  # each with more around a place that crosses still
_TRIES = 3  # at a place, each without what was stuck before
_PATIENCE = 3  # times of making more around what is stuck free without gain
_MOST_WIDER = 12  # times of it at all
_GAIN = 0.01  # of the way, which is worth going on
_NEARLY = 0.98  # of the way, which is taken where no more can be had: the rest is less than a millimetre mostly
_TOLD = 1000  # parts of the work, as progress is told
_AREA_REACH = 0.043  # metres off the body within which what it loses in area counts, the paper's code's 0.05 of half a height
_LAST_STEPS = 12
_LAST_TOLERANCE = 2e-4  # metres


@dataclass(frozen=True)
class Settings:
    """Weights and parts of the objective.

    fit:     of L_fit, where similarity has 1 (and SKIN times as much on bare skin)
    curves:  of L_curv and L_tor, the angles and twists of boundary curves
    prepass: whether E_pre moves the skeleton inside the mesh first
    anneal:  whether, the more the body loses in volume, the fit is first tightened and shapes kept less, then shapes restored
    area_aware: whether, the more the body loses in area somewhere, the fit counts more there and shapes are kept less
    """

    fit: float = 1.0
    curves: float = 0.0
    prepass: bool = True
    anneal: bool = False
    area_aware: bool = False


def landed(
    avatar: Avatar, to: Placed, target: BodyState, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> Tensor:
    """Return the mesh's vertices [V, 3] near the quick result, with as few new crossings as could be reached: mostly none.

    Every place where something crosses is solved for by itself, in ever wider surroundings until nothing crosses there. Where a
    place is stuck, such as skin between two limbs of the target that touch, it stays as the quick result has it.
    """
    found, rest, goal = to.crossing, avatar.mesh.vertices.double(), to.vertices.double()
    used = torch.zeros_like(found.solid)
    used[found.faces] = True
    entered = (to.entered & used).nonzero()[:, 0]
    new = found.points(goal).index_fill(0, entered, True)
    if not new.any():
        return to.vertices
    tell = None if progress is None else partial(progress, 0, 1)
    source = Skeleton(avatar.body.posed().joints)
    if settings.prepass:
        source = settled(source, clothed_distance(rest, avatar.mesh.faces), tell)
    body = (drawn_in(target, source)[found.kept].double(), found.body.double(), found.body_faces)
    objective = _objective(avatar, to, target, settings, body_grid(target.posed().vertices, target.model.faces, progress=tell))

    def wrong(vertices: Tensor, among: Tensor | None = None) -> Tensor:
        """Return which vertices [V] newly cross something, or have entered the body still."""
        inside = entered[objective.grid.sample(vertices[entered])[0] < -INSIDE]
        return found.points(vertices, among).index_fill(0, inside, True)

    tried = torch.zeros_like(new)
    for round_ in range(_ROUNDS):
        wider = _rings(new, found.faces, _RINGS + 2 * round_) & found.solid
        if wider.equal(tried):
            break
        places, tried = _places(wider, rest, found.faces), wider
        for index, free in enumerate(places):
            told = None if progress is None else partial(_part_of, progress, round_, index / len(places), 1 / len(places))
            scene, points, done = _arrived(Way(rest, goal, found.faces, body, objective.stiff), free, found.solid, told)
            if done < _NEARLY:
                continue
            ahead = scene.given(_settled(scene, points, objective, told) if done == 1.0 else points, goal)
            among = torch.isin(found.faces, scene.order).any(1)  # all that can have changed
            if int(wrong(ahead, among).sum()) < int(wrong(goal, among).sum()):
                goal = ahead
        new = wrong(goal)
        if not new.any():
            break
    return goal.to(to.vertices)


def _places(free: Tensor, rest: Tensor, faces: Tensor) -> list[Tensor]:
    """Return the vertices [V] bool that are to move freely, in groups so far apart at rest that they do not meet, each [V] bool."""
    indices, edges = free.nonzero()[:, 0], unique_edges(faces)
    place = free.cumsum(0) - 1
    joined = place[edges[free[edges].all(1)]]
    return [torch.zeros_like(free).index_fill(0, indices[group], True) for group in groups(rest[free], _APART, joined)]


def _arrived(way: Way, free: Tensor, movable: Tensor, progress: Callable[[int, int], None] | None) -> tuple[Scene, Tensor, float]:
    """Travel all the way, if need be without what is stuck, which then goes as the quick result has it.

    Returns:
        the scene, its points, and which share of the way they have come: the most that any try did.
    """
    best, blocked = _travelled(way, free, movable, progress)
    for _ in range(_TRIES - 1):
        stuck = _rings(blocked, way.faces, _RINGS)
        free, movable = free & ~stuck, movable & ~stuck
        if best[2] == 1.0 or not free.any():
            break
        found, blocked = _travelled(way, free, movable, progress)
        best = found if found[2] > best[2] else best
    return best


def _travelled(
    way: Way, free: Tensor, movable: Tensor, progress: Callable[[int, int], None] | None
) -> tuple[tuple[Scene, Tensor, float], Tensor]:
    """Travel all the way; where something is stuck, what is around it becomes free too.

    Returns:
        the scene, its points, and which share of the way they have come; and which vertices [V] were stuck last.
    """
    vertices, done, patience = way.rest, 0.0, _PATIENCE
    for _ in range(_MOST_WIDER):
        scene, before = make_scene(way, free), done
        points, done, stuck = travel(scene, scene.taken(vertices, done), done, progress)
        blocked = torch.zeros_like(free)
        blocked[scene.order[torch.from_numpy(stuck[stuck < len(scene.order)])]] = True
        patience -= done - before < _GAIN
        if done == 1.0 or not patience:
            break
        vertices = scene.given(points, torch.lerp(way.rest, way.goal, done))
        free = free | _rings(blocked, way.faces, _RINGS) & movable
    return (scene, points, done), blocked


@dataclass(frozen=True)
class _Objective:
    """What the last solve of a place minimises.

    ease:   [V] metres that each vertex stood above its own body
    tight:  [V] weight of the fit, 1 / m^2
    stiff:  [V] weight of the similarity
    curves: weight of the boundary curves
    grid:   distances to the target body
    stages: by how much fit and similarity count, one solve after the other
    """

    ease: Tensor
    tight: Tensor
    stiff: Tensor
    curves: float
    grid: DistanceGrid
    stages: tuple[tuple[float, float], ...]


def _objective(avatar: Avatar, to: Placed, target: BodyState, settings: Settings, grid: DistanceGrid) -> _Objective:
    skin = ~labelled(avatar, "clothes", "shoes")
    tight, stiff = FIT * settings.fit * torch.where(skin, SKIN, 1.0).double(), torch.ones(len(skin), dtype=torch.float64)
    if settings.area_aware:
        lost = (1 - to.growth.double()).clamp_min(0) * (to.ease.abs() < _AREA_REACH)
        tight, stiff = tight * (1 + 16 * lost).clamp_max(10), (1 - 0.8 * lost).clamp_min(0.7)
    stages = ((1.0, 1.0),)
    if settings.anneal:
        before, after = (enclosed_volume(body.posed().vertices, body.model.faces) for body in (avatar.body, target))
        shrunk = min(max(1 - after / before, 0.0) / 0.2, 1.0)
        stages = ((1 + 10 * shrunk, 1 - 0.75 * shrunk), (1 + 0.4 * shrunk, 1.0)) if shrunk else stages
    return _Objective(to.ease.double(), tight, stiff, settings.curves, grid, stages)


def _settled(scene: Scene, points: Tensor, objective: _Objective, progress: Callable[[int, int], None] | None) -> Tensor:
    """Minimise the paper's objective from where the mesh has arrived."""
    tell = None if progress is None else partial(progress, 100, 100)
    for tight, stiff in objective.stages:
        terms = [
            similarity(scene.start, scene.mesh, stiff * scene.stiff, scene.free),
            fit(scene.start, scene.mesh, scene.own(objective.ease), objective.grid, scene.own(tight * objective.tight), scene.free),
            following(scene, 1.0, STAYING),
            *curves(scene.start, scene.mesh, objective.curves),
        ]
        points, _ = newton(Problem(terms, scene.contact), points, _LAST_STEPS, _LAST_TOLERANCE, tell)
    return points


def _part_of(progress: Callable[[int, int], None], round_: int, start: float, share: float, done: int, total: int) -> None:
    """Tell how far one place of a round is; each round counts as half of what is left, since few places need many."""
    progress(int(_TOLD * (1 - 0.5**round_ + 0.5 ** (round_ + 1) * (start + share * done / total))), _TOLD)


def _rings(chosen: Tensor, faces: Tensor, count: int) -> Tensor:
    """Return the chosen vertices [V] and those up to so many edges around them."""
    for _ in range(count):
        touched = faces[chosen[faces].any(1)]
        chosen = chosen.clone()
        chosen[touched] = True
    return chosen
