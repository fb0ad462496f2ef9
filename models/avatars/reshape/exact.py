"""Reshaping without a new crossing: the paper's objective with its barrier, where the quick result would enter the body or itself.

The quick result says where everything is to go. Most of it gets there without touching anything new; only what would not is
solved for. It starts at rest around a body drawn in to its skeleton, which grows to the target while the mesh travels, and no
step of anything passes through anything (`travel`). Where it arrives, the objective decides (`terms`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...body.interface import BodyState
from ..types import Avatar
from .crossing import Crossings, labelled
from .distance_grid import DistanceGrid, body_grid, clothed_grid
from .newton import Problem, newton
from .skeleton import Skeleton, drawn_in, settled
from .terms import curves, fit, similarity
from .travel import Scene, Way, following, make_scene, travel

FIT = 1e4  # weight of the fit, 1 / m^2
SKIN = 4.0  # times as much on bare skin
STAYING = 400.0  # weight of the pull to the quick result in the last solve, 1 / m^2
_RINGS = 2  # of vertices around a crossing that are solved for
_ROUNDS = 8
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
    goal: Tensor,
    ease: Tensor,
    target: BodyState,
    found: Crossings,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return the mesh's vertices [V, 3] near `goal` [V, 3], without a crossing that was not there before.

    ease: [V] metres that each vertex stood above its own body
    """
    rest, goal = avatar.mesh.vertices.double(), goal.double()
    source = Skeleton(avatar.body.posed().joints)
    if settings.prepass:
        source = settled(source, clothed_grid(rest, avatar.mesh.faces))
    body = (drawn_in(target, source)[found.kept].double(), found.body.double(), found.body_faces)
    grid = body_grid(target.posed().vertices, target.model.faces)
    left = len(rest)
    for round_ in range(_ROUNDS):
        new = found.points(goal)
        if not new.any() or int(new.sum()) >= left:
            break
        left = int(new.sum())
        way = Way(rest, goal, found.faces, body, torch.ones(len(rest), dtype=torch.float64))
        free = _rings(new, found.faces, _RINGS + round_) & found.solid
        tell = None if progress is None else partial(_part_of, progress, round_)
        scene, points, done = _arrived(way, free, found.solid, tell)
        if done < 1.0:
            break  # what is stuck stays as the quick result has it, and is told of
        goal = scene.given(_settled(scene, points, avatar, ease, grid, settings, tell), goal)
    return goal.to(avatar.mesh.vertices)


def _arrived(way: Way, free: Tensor, solid: Tensor, progress: Callable[[int, int], None] | None) -> tuple[Scene, Tensor, float]:
    """Travel as far as it goes, by which share of the way is told; where something is stuck, what is around it becomes free."""
    vertices, done = way.rest, 0.0
    for _ in range(_ROUNDS):
        scene = make_scene(way, free)
        points, done, stuck = travel(scene, scene.taken(vertices, done), done, progress)
        if done == 1.0:
            break
        vertices = scene.given(points, torch.lerp(way.rest, way.goal, done))
        blocked = torch.zeros_like(free)
        blocked[scene.order[torch.from_numpy(stuck[stuck < len(scene.order)])]] = True
        free = free | (_rings(blocked, way.faces, _RINGS) & solid)
    return scene, points, done


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
