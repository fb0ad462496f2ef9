"""Measures GSReshape: clothed people in another body's shape, beside the same outfit made for that body."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ...models.avatars import LABEL_INDEX, SKIN, Avatar, repose, sample_gaussians, world_gaussians
from ...models.avatars.closest import closest_points
from ...models.avatars.reshape import Check, reshape, target_body
from ...models.avatars.views import camera_ring, render_views
from ...models.body import BodyState
from ...models.files import atomic_write
from ...models.geometry import Mesh
from ...models.geometry.mesh import face_areas
from ...wardrobe import AvatarRecipe, procedural_avatar, random_recipe
from ...wardrobe.workers import worker_pool
from ..training.sheets import contact_sheet
from .goals import Goal
from .intervals import mean_row
from .metrics.pictures import ssim
from .reports import Report
from .systems import Request

ABOUT = """
GSReshape: a clothed person takes on another person's shape. What the result should be is known, since the wardrobe makes
the same outfit for the other body too; nothing was tuned to these people.

- `none`: the avatar as it was.
- `fast`: GSReshape, quality fast.
- `scales_behind`: the same with the Gaussians' scales left as they were, which is what the official code does.
- `truth`: the true avatar covered with other Gaussians, the best that a picture can score.

body_mm is the mean distance of bare skin, hands and head aside, to the other body; garment_mm that of clothes to the true
clothes. hand_mm is how far a hand's vertices are, in the mean, from a rigid motion of it. area_distortion is by how much
clothes' faces grow or shrink (1 is not at all), the median and the 99th percentile over faces. inside_percent is the share of
faces that newly enter the body, hands and head aside. texture_ssim compares pictures from four sides with those of the truth.
seconds is for avatars of about 30 000 vertices, on one thread.
"""
SHEETS = {"avatars_reshaped.jpg": "Two people a row, each as made, reshaped, and the truth; the last is the worst by texture_ssim."}
GOALS = (
    Goal("fast", "all", "body_mm", highest=6),
    Goal("fast", "all", "hand_mm", highest=2),
    Goal("fast", "all", "inside_percent", highest=0.1),
    Goal("fast", "all", "texture_ssim", lowest=0.95, against="truth"),
)
SIDES, SIZE = 4, (256, 384)
GAUSSIANS = 60_000
ON_SHEET = 9
_FIGURE = ("age", "muscle", "weight", "height", "proportions")


@dataclass(frozen=True)
class Case:
    """One avatar, the body whose shape it takes, and what that should give, standing where the reshaped avatar stands."""

    avatar: Avatar
    user: BodyState
    truth: Avatar


@dataclass(frozen=True)
class Outcome:
    """What one case gave: figures by method and metric, and pictures [H, W, 3] uint8 of before, after and truth."""

    figures: dict[tuple[str, str], float]
    pictures: list[Tensor]


def evaluate(request: Request) -> Report:
    """Reshape `count` avatars, in as many processes as there are cores.

    Raises:
        ValueError: if weights are given, since nothing here has any.
    """
    if request.weights:
        raise ValueError("GSReshape has no weights to measure: leave --weights out.")
    outcomes = []
    if request.reporter:
        request.reporter.start("reshaping", 1, 1)
    for outcome in _outcomes(request.seed, request.count):
        outcomes.append(outcome)
        if request.reporter:
            request.reporter.advance(len(outcomes), request.count)
    names = outcomes[0].figures
    rows = [mean_row(method, "all", metric, _column(outcomes, method, metric)) for method, metric in names]
    if request.pictures:
        _save_sheet(outcomes, request.pictures / "avatars_reshaped.jpg")
    return Report(request.system, request.seed, request.count, request.command, tuple(rows))


def draw_case(seed: int, index: int, gaussians: int = GAUSSIANS) -> Case:
    """Return an avatar and the body of somebody of the same sex: a pure function of seed and index."""
    draw = random.Random(f"reshape {seed} {index}")
    recipe = random_recipe(draw.getrandbits(31), gaussians=gaussians)
    other = random_recipe(draw.getrandbits(31), woman=recipe.gender > 0.5)
    # Figures of the wardrobe stay near the mean; a try-on must not.
    wide = {"weight": draw.uniform(0.05, 0.95), "height": draw.uniform(0.15, 0.85)}
    recipe_there: AvatarRecipe = replace(recipe, **({name: getattr(other, name) for name in _FIGURE} | wide))
    avatar, truth = procedural_avatar(recipe), procedural_avatar(recipe_there)
    return Case(avatar, truth.body, repose(truth, target_body(avatar.body, truth.body).parameters))


def measure(case: Case) -> Outcome:
    """Reshape one avatar and compare."""
    started = time.perf_counter()
    reshaped, check = reshape(case.avatar, case.user)
    seconds = time.perf_counter() - started
    left, _ = reshape(case.avatar, case.user, follow_scales=False)
    again = replace(case.truth, gaussians=sample_gaussians(case.truth.mesh, len(case.truth.gaussians), seed=12345))
    cameras = camera_ring(case.truth, SIDES, *SIZE, start=20.0).cameras
    seen = {
        name: render_views(world_gaussians(avatar.mesh, avatar.gaussians), cameras, torch.ones(3)).images.movedim(-1, 1)
        for name, avatar in (
            ("none", case.avatar), ("fast", reshaped), ("scales_behind", left), ("truth", again), ("goal", case.truth),
        )
    }  # fmt: skip
    figures = {(name, "texture_ssim"): float(ssim(seen[name], seen["goal"]).mean()) for name in seen if name != "goal"}
    for name, avatar, found in (("none", case.avatar, None), ("fast", reshaped, check)):
        figures |= {(name, metric): value for metric, value in geometry(case, avatar.mesh, found).items()}
    figures["fast", "seconds"] = seconds
    pictures = [(seen[name][0].movedim(0, -1) * 255).round().to(torch.uint8) for name in ("none", "fast", "goal")]
    return Outcome(figures, pictures)


def geometry(case: Case, mesh: Mesh, check: Check | None) -> dict[str, float]:
    """Return how far a mesh in place of the avatar's is from what it should be."""
    target = target_body(case.avatar.body, case.user)
    skin = _labelled(case.avatar, *(name for name in SKIN if name not in ("hands", "face")))
    cloth, true_cloth = (_labelled(avatar, "clothes") for avatar in (case.avatar, case.truth))
    truth, faces = case.truth.mesh, case.avatar.mesh.faces[cloth[case.avatar.mesh.faces].all(1)]
    growth = face_areas(mesh.vertices, faces) / face_areas(case.avatar.mesh.vertices, faces).clamp_min(1e-12)
    distortion = torch.exp(growth.clamp_min(1e-6).log().abs())
    figures = {
        "body_mm": _distance(mesh.vertices[skin], target.posed().vertices, target.model.faces),
        "garment_mm": _distance(mesh.vertices[cloth], truth.vertices, truth.faces[true_cloth[truth.faces].all(1)]),
        "hand_mm": hand_error(case.avatar, mesh.vertices),
    }
    if check is not None:
        figures |= {
            "area_distortion_p50": float(distortion.quantile(0.5)),
            "area_distortion_p99": float(distortion.quantile(0.99)),
            "inside_percent": 100 * check.inside,
        }
    return figures


def hand_error(avatar: Avatar, vertices: Tensor) -> float:
    """Return the mean distance in mm of the hands' new vertices from the nearest rigid motion of the old ones (Kabsch 1976)."""
    errors = []
    hands, middle = _labelled(avatar, "hands"), avatar.body.posed().joints[0, 0]
    for left in (True, False):
        own = hands & ((avatar.mesh.vertices[:, 0] > middle) == left)
        if own.sum() < 3:
            continue
        before, after = (points[own].double() - points[own].double().mean(0) for points in (avatar.mesh.vertices, vertices))
        u, _, vt = torch.linalg.svd(before.T @ after)
        flip = torch.diag(torch.tensor([1.0, 1.0, float(torch.sign(torch.linalg.det(u @ vt)))], dtype=torch.float64))
        errors.append((before @ (u @ flip @ vt) - after).norm(dim=1))
    return 1000 * float(torch.cat(errors).mean()) if errors else 0.0


def _labelled(avatar: Avatar, *names: str) -> Tensor:
    return torch.isin(avatar.labels, torch.tensor([LABEL_INDEX[name] for name in names]))


def _distance(points: Tensor, vertices: Tensor, faces: Tensor) -> float:
    """Return the mean distance in mm of points to a surface."""
    return 1000 * float(closest_points(points, vertices, faces).distance.mean())


def _column(outcomes: list[Outcome], method: str, metric: str) -> Tensor:
    return torch.tensor([outcome.figures[method, metric] for outcome in outcomes])


def _outcomes(seed: int, count: int) -> Iterator[Outcome]:
    with worker_pool(os.cpu_count() or 1) as pool:
        yield from pool.map(_alone, [seed] * count, range(count))


def _alone(seed: int, index: int) -> Outcome:
    torch.set_num_threads(1)
    return measure(draw_case(seed, index))


def _save_sheet(outcomes: list[Outcome], path: Path) -> None:
    worst = min(outcomes, key=lambda outcome: outcome.figures["fast", "texture_ssim"])
    sheet = contact_sheet([picture for outcome in [*outcomes[:ON_SHEET], worst] for picture in outcome.pictures], None, 6)
    with atomic_write(path) as temporary:
        sheet.save(temporary, quality=90)
