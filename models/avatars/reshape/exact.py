"""Reshaping with a barrier: the paper's objective, solved where the quick result would enter the body or cross itself.

The quick result says where everything is to go. Most of it gets there without touching anything new; only what would not is
solved for. It starts at rest around a body drawn in to its skeleton, which grows to the target while the mesh travels, and no
free vertex passes through anything (`travel`). Where it arrives, the objective decides (`terms`). What crosses still, among the
vertices that were not free, is solved for in the next round.
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
_TRIES = 4  # without gain to get round what is stuck, and to do without it
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

    Where a place is stuck, such as skin between two limbs of the target that touch, it stays as the quick result has it.

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
        source = settled(source, clothed_grid(rest, avatar.mesh.faces, source.joints, progress=tell))
    body = (drawn_in(target, source)[found.kept].double(), found.body.double(), found.body_faces)
    grid = body_grid(target.posed().vertices, target.model.faces, progress=tell)
    best, least, given_up = goal, int(new.sum()), torch.zeros_like(new)
    for round_ in range(_ROUNDS):
        told = None if progress is None else partial(_part_of, progress, round_)
        way = Way(rest, goal, found.faces, body, torch.ones(len(rest), dtype=torch.float64))
        free = _rings(new & ~given_up, found.faces, _RINGS + round_) & found.solid & ~given_up
        scene, points, lost = _arrived(way, free, found.solid & ~given_up, told)
        given_up |= lost
        if scene is None:
            break
        goal = scene.given(_settled(scene, points, avatar, ease, grid, settings, told), goal)
        new = found.points(goal)
        if int(new.sum()) >= least:
            break
        best, least = goal, int(new.sum())
        if not (new & ~given_up).any():
            break
    return best.to(quick)


def _arrived(
    way: Way, free: Tensor, movable: Tensor, progress: Callable[[int, int], None] | None
) -> tuple[Scene | None, Tensor, Tensor]:
    """Travel all the way. Where something is stuck, what is around it becomes free too; what stays stuck is given up.

    Returns:
        the scene, or None where nothing arrived; its points; and the vertices [V] that were given up.
    """
    lost = torch.zeros_like(free)
    for _ in range(_TRIES):
        vertices, done, freed, blocked = way.rest, 0.0, free, torch.zeros_like(free)
        patience = _TRIES if freed.any() else 0
        while patience:
            scene, before = make_scene(way, freed), done
            points, done, stuck = travel(scene, scene.taken(vertices, done), done, progress)
            if done == 1.0:
                return scene, points, lost
            patience -= done - before < _GAIN
            vertices = scene.given(points, torch.lerp(way.rest, way.goal, done))
            blocked = torch.zeros_like(free)
            blocked[scene.order[torch.from_numpy(stuck[stuck < len(scene.order)])]] = True
            freed = freed | (_rings(blocked, way.faces, _RINGS) & movable & ~lost)
        given_up = freed & _rings(blocked, way.faces, _RINGS)
        lost |= given_up
        free = free & ~given_up
        if not given_up.any():
            break
    return None, way.rest, lost | free


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
