"""Fitting a body to a surface: from coarse starts to the last millimetre."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ...body.interface import Body, BodyParameters, BodyState
from ...body.joints import JOINT_INDEX
from ...geometry import Gaussians, Mesh
from ...geometry.mesh import face_areas, scatter_faces_to_vertices
from ..types import Avatar
from .energy import Partners, Pulls, Weights, match
from .initial import ARMS, LEGS, heading_of, starts, with_limbs
from .keypoints import Keypoints, keypoint_pulls
from .prior import PosePrior, pose_prior, prior_rows
from .report import Report, measure
from .rig import TURNED, Guess, Posed, Rig, guess_from, make_rig, pose_rig
from .solver import Freedom, prior_cost, step
from .surface import Surface, surface_of


class _Stage(NamedTuple):
    """One of the last stages, in which everything is free: weights, what priors count, and how many steps."""

    weights: Weights
    pose_prior: float
    shape_prior: float
    steps: int


_HEADINGS = 12
_COARSE_POINTS, _MIDDLE_POINTS = (800, 500), (2000, 1200)  # of surface and body while starts and limbs are tried out
_LEAST_DAMPING = 0.005
_WIDE, _MIDDLE = Weights(reach=0.25, plane=0.6), Weights(reach=0.12, plane=0.8)
_FINE = (
    _Stage(Weights(reach=0.08), 0.02, 0.05, 8),
    _Stage(Weights(reach=0.05, plane=0.97), 0.01, 0.03, 10),
    _Stage(Weights(reach=0.04, plane=0.97), 0.01, 0.02, 12),
)
_START_STEPS, _LIMB_STEPS, _MIDDLE_STEPS = 4, 4, 8
_APART = math.radians(50)  # between headings that are followed up
_SEED = 7
_EVERY_JOINT = torch.ones(TURNED, dtype=torch.bool)
_ARM, _LEG = ("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")


@dataclass(frozen=True)
class Settings:
    """How a body is fitted.

    quality:     "draft", "fast" or "fine": how many points are looked at and how many starts are followed up
    pose_prior:  how much unlikely poses cost; 1 is usual, 0 not at all
    shape_prior: the same for unlikely shapes
    heading:     degrees from +Z towards +X in which the person looks, or None where that is to be found out
    start:       parameters of the body to try first, or None
    """

    quality: Literal["draft", "fast", "fine"] = "fast"
    pose_prior: float = 1.0
    shape_prior: float = 1.0
    heading: float | None = None
    start: BodyParameters | None = None


class Fit(NamedTuple):
    """A body that was fitted, and how well it sits."""

    body: BodyState
    report: Report


@dataclass(frozen=True)
class _Quality:
    """How much work a quality does.

    surface, body: points looked at in the end
    followed:      how many guesses are followed up, with all their limbs tried anew, in each of the rounds before that
    """

    surface: int
    body: int
    followed: tuple[int, ...]


_QUALITIES = {"draft": _Quality(2000, 1200, (1,)), "fast": _Quality(5000, 2500, (3, 2)), "fine": _Quality(12000, 5000, (6, 3))}


def fit_body(
    subject: Avatar | Mesh | Gaussians,
    model: Body,
    keypoints: Keypoints = (),
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Find shape and pose of a body inside a clothed person who stands upright, Y up, in metres.

    The surface and the body are paired point by point and brought together by damped Gauss-Newton steps (iterated closest points),
    with priors on pose and shape. Whole stances with headings all round are tried first, then limbs one by one on the best of
    them. Skin, where labels tell it, lies on the body; everything else lies outside of it, near but not always (`energy`).

    Args:
        subject: an avatar, whose body and skinning are not looked at; or a mesh; or free Gaussians.
        keypoints: places of joints, which guide the fit and need not be exact.

    Raises:
        ValueError: if the subject has too few points, values that are not finite, or no person's size in metres.
    """
    settings = settings or Settings()
    quality = _QUALITIES[settings.quality]
    surface = surface_of(subject, quality.surface)
    prior = pose_prior(model)
    candidates = _candidates(model, prior, surface, settings)
    task = _make_task(surface, model, prior, keypoints, settings, progress, len(candidates))
    first, middle = task.freedom(_EVERY_JOINT, 4, 0.2, 0.05, 0.05), task.freedom(_EVERY_JOINT, 10, 0.05, 0.05)
    ranked = _ranked(task, [_descend(task, start, _WIDE, first, _START_STEPS) for start in candidates])
    for count in quality.followed:
        guesses = [_with_best_limbs(task, guess) for guess in _apart([guess for _, guess in ranked], count)]
        ranked = _ranked(task, [_descend(task, guess, _MIDDLE, middle, _MIDDLE_STEPS) for guess in guesses])
        task = task.finer(surface, _MIDDLE_POINTS)
    fine = replace(task.finer(surface, (len(surface), len(task.whole.index))), exact=True)
    ranked = _ranked(fine, [_polished(fine, guess) for _, guess in ranked], _FINE[-1].weights)
    guess = ranked[0][1]
    body = BodyState(model, guess.parameters())
    report = measure(surface, body, keypoints, _doubt(ranked), lambda *_: task.clock.tick())
    task.clock.finish()
    return Fit(body, report)


class _Clock:
    """Tells how far a fit is, once for every step, and so asks whether it shall go on."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self.progress, self.done, self.total = progress, 0, total

    def tick(self) -> None:
        self.done = min(self.done + 1, self.total)
        if self.progress:
            self.progress(self.done, self.total)

    def finish(self) -> None:
        self.done = self.total
        self.tick()


@dataclass(frozen=True)
class _Task:
    """What all steps of a fit share.

    rig:   what of the body is looked at now; whole: what is looked at in the end
    exact: whether the body's own pose correctives count, see `pose_rig`
    """

    rig: Rig
    whole: Rig
    partners: Partners
    exact: bool
    prior: PosePrior
    keypoints: Keypoints
    settings: Settings
    clock: _Clock

    def finer(self, surface: Surface, points: tuple[int, int]) -> _Task:
        """Return the same that looks at more points of surface and body."""
        return replace(self, rig=self.whole.first(points[1]), partners=Partners(surface.some(points[0])))

    def freedom(self, joints: Tensor, shape: int, pose_prior: float, shape_prior: float, damping: float = 0.02) -> Freedom:
        """Return what a stage may change, with the user's say on the priors."""
        pose, figure = self.settings.pose_prior * pose_prior, self.settings.shape_prior * shape_prior
        return Freedom(joints, shape, pose, figure, damping)


def _make_task(
    surface: Surface,
    model: Body,
    prior: PosePrior,
    keypoints: Keypoints,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
    candidates: int,
) -> _Task:
    quality = _QUALITIES[settings.quality]
    tries = 2 * (len(ARMS) + len(LEGS)) * (_LIMB_STEPS + 1) + _MIDDLE_STEPS + 1
    polish = sum(stage.steps + 1 for stage in _FINE)
    total = candidates * (_START_STEPS + 1) + sum(quality.followed) * tries + quality.followed[-1] * polish
    whole = make_rig(model, _spread_vertices(model, quality.body))
    return _Task(
        rig=whole.first(_COARSE_POINTS[1]),
        whole=whole,
        partners=Partners(surface.some(_COARSE_POINTS[0])),
        exact=False,
        prior=prior,
        keypoints=keypoints,
        settings=settings,
        clock=_Clock(progress, total),
    )


def _candidates(model: Body, prior: PosePrior, surface: Surface, settings: Settings) -> list[Guess]:
    headings = [2 * math.pi * turn / _HEADINGS for turn in range(_HEADINGS)]
    if settings.heading is not None:
        headings = [math.radians(settings.heading + off) for off in (-40, -20, 0, 20, 40)]
    found = starts(model, prior, surface.low, surface.high, surface.points.median(0).values, headings)
    return found if settings.start is None else [*found, guess_from(settings.start)]


def _spread_vertices(model: Body, count: int) -> Tensor:
    """Draw vertices [count] evenly over the body's surface, in a random order: many are small where they lie close together."""
    area = scatter_faces_to_vertices(face_areas(model.template, model.faces), model.faces, len(model.template)).double()
    return torch.multinomial(area, min(count, int((area > 0).sum())), generator=torch.Generator().manual_seed(_SEED))


def _pulls(task: _Task, guess: Guess, weights: Weights) -> tuple[Posed, Pulls, float]:
    posed = pose_rig(task.rig, guess, task.exact)
    pulls, cost = match(task.partners, posed, weights)
    if task.keypoints:
        drawn, amiss = keypoint_pulls(task.keypoints, posed, weights.reach)
        pulls, cost = pulls + drawn, cost + amiss
    return posed, pulls, cost


def _descend(task: _Task, guess: Guess, weights: Weights, freedom: Freedom, steps: int) -> Guess:
    """Take some steps and return the cheapest guess; a step that made it dearer is taken back and tried with more damping."""
    best, least, state = guess, math.inf, None
    for taken in range(steps + 1):
        task.clock.tick()
        posed, pulls, cost = _pulls(task, guess, weights)
        leaning = prior_rows(task.prior, guess.rotations)
        cost += prior_cost(leaning, guess, freedom)
        if cost <= least or state is None:
            best, least, state = guess, cost, (posed, pulls, leaning)
            freedom = replace(freedom, damping=max(freedom.damping / 2, _LEAST_DAMPING))
        else:
            freedom = replace(freedom, damping=8 * freedom.damping)
        if taken < steps:
            guess = step(task.rig, *state, best, freedom)
    return best


def _polished(task: _Task, guess: Guess) -> Guess:
    for stage in _FINE:
        freedom = task.freedom(_EVERY_JOINT, task.rig.shape_size, stage.pose_prior, stage.shape_prior)
        guess = _descend(task, guess, stage.weights, freedom, stage.steps)
    return guess


def _ranked(task: _Task, guesses: Sequence[Guess], weights: Weights = _MIDDLE) -> list[tuple[float, Guess]]:
    """Return guesses with their costs, the cheapest first."""
    return sorted(((_pulls(task, guess, weights)[2], guess) for guess in guesses), key=lambda pair: pair[0])


def _apart(guesses: Sequence[Guess], count: int) -> list[Guess]:
    """Return `count` guesses: the first, then those that look elsewhere than any before, then the others in their order."""
    chosen: list[Guess] = []
    for guess in guesses:
        if all(_turn_between(guess, other) > _APART for other in chosen):
            chosen.append(guess)
    chosen += [guess for guess in guesses if all(guess is not other for other in chosen)]
    return chosen[:count]


def _doubt(ranked: Sequence[tuple[float, Guess]]) -> float:
    """Return the least cost beside that of the cheapest guess which looks elsewhere; 0 where none does."""
    elsewhere = [cost for cost, guess in ranked[1:] if _turn_between(guess, ranked[0][1]) > _APART]
    return ranked[0][0] / max(min(elsewhere), 1e-9) if elsewhere else 0.0


def _turn_between(first: Guess, second: Guess) -> float:
    """Return the radians between where two guesses look."""
    ahead, other = heading_of(first)[:, 2], heading_of(second)[:, 2]
    return math.acos(max(-1.0, min(1.0, float(ahead @ other))))


def _with_best_limbs(task: _Task, guess: Guess) -> Guess:
    """Try other positions of each arm and each leg, a few steps each, and keep the cheapest."""
    for side in ("left", "right"):
        for joints, arms, legs in ((_ARM, tuple(ARMS), ()), (_LEG, (), tuple(LEGS))):
            free = torch.zeros(TURNED, dtype=torch.bool)
            free[[JOINT_INDEX[f"{side}_{joint}"] for joint in joints]] = True
            freedom = task.freedom(free, 0, 0.05, 0.05, 0.05)
            tried = [with_limbs(task.whole.model, task.prior, guess, arm, None, (side,)) for arm in arms]
            tried += [with_limbs(task.whole.model, task.prior, guess, None, leg, (side,)) for leg in legs]
            guess = _ranked(task, [guess, *(_descend(task, other, _MIDDLE, freedom, _LIMB_STEPS) for other in tried)])[0][1]
    return guess
