"""Measures GSReshape: clothed people in another body's shape, beside the same outfit made for that body."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...models.avatars import LABEL_INDEX, SKIN, Avatar, repose, sample_gaussians, world_gaussians
from ...models.avatars.closest import closest_points
from ...models.avatars.reshape import reshape, target_body
from ...models.avatars.reshape.crossing import Crossings, find_crossings
from ...models.avatars.views import camera_ring, render_views
from ...models.body import BodyState
from ...models.geometry import Mesh
from ...models.geometry.mesh import face_areas, unique_edges
from ...wardrobe import AvatarRecipe, procedural_avatar, random_recipe
from ...wardrobe.outers import OUTER_CUTS, OuterGarment
from ...wardrobe.people import draw_fabric
from .metrics.crossings import against_body, newly_crossing
from .metrics.pictures import ssim

SIDES, SIZE = 4, (256, 384)
GAUSSIANS = 60_000
METHODS = ("fast", "exact", "no_hand_weights", "scales_behind")
SHOWN = ("none", "fast", "exact", "goal")  # of the methods
COATS = 4
_FIGURE = ("age", "muscle", "weight", "height", "proportions")


@dataclass(frozen=True)
class Case:
    """One avatar, the body whose shape it takes, and what that should give, standing where the reshaped avatar stands."""

    avatar: Avatar
    user: BodyState
    truth: Avatar


@dataclass(frozen=True)
class Outcome:
    """What one case gave: figures by method and metric, and pictures [H, W, 3] uint8 of SHOWN."""

    figures: dict[tuple[str, str], float]
    pictures: list[Tensor]


def draw_case(seed: int, index: int, gaussians: int = GAUSSIANS) -> Case:
    """Return an avatar and the body of somebody of the same sex: a pure function of seed and index.

    One in COATS wears an open coat or jacket over the rest.
    """
    draw = random.Random(f"reshape {seed} {index}")
    recipe = random_recipe(draw.getrandbits(31), gaussians=gaussians)
    other = random_recipe(draw.getrandbits(31), woman=recipe.gender > 0.5)
    # Figures of the wardrobe stay near the mean; a try-on must not.
    wide = {"weight": draw.uniform(0.05, 0.95), "height": draw.uniform(0.15, 0.85)}
    if index % COATS == COATS - 1:
        cut = draw.choice(list(OUTER_CUTS))
        recipe = replace(recipe, outer=OuterGarment(cut, draw_fabric(draw, cut, quiet=True), draw.random(), opened=True))
    recipe_there: AvatarRecipe = replace(recipe, **({name: getattr(other, name) for name in _FIGURE} | wide))
    avatar, truth = procedural_avatar(recipe), procedural_avatar(recipe_there)
    return Case(avatar, truth.body, repose(truth, target_body(avatar.body, truth.body).parameters))


def measure(case: Case, methods: tuple[str, ...] = METHODS) -> Outcome:
    """Reshape one avatar by each method, and compare."""
    again = replace(case.truth, gaussians=sample_gaussians(case.truth.mesh, len(case.truth.gaussians), seed=12345))
    avatars, figures = {"none": case.avatar}, {}
    for method in methods:
        started = time.perf_counter()
        avatars[method] = _reshaped(case, method)
        figures[method, "seconds"] = time.perf_counter() - started
    crossing = find_crossings(case.avatar, target_body(case.avatar.body, case.user))
    for method, avatar in avatars.items():
        figures |= {(method, metric): value for metric, value in geometry(case, avatar.mesh, crossing).items()}
    avatars |= {"truth": again, "goal": case.truth}
    cameras = camera_ring(case.truth, SIDES, *SIZE, start=20.0).cameras
    seen = {
        name: render_views(world_gaussians(avatar.mesh, avatar.gaussians), cameras, torch.ones(3)).images.movedim(-1, 1)
        for name, avatar in avatars.items()
    }
    figures |= {(name, "texture_ssim"): float(ssim(seen[name], seen["goal"]).mean()) for name in seen if name != "goal"}
    shown = [name for name in SHOWN if name in seen]
    return Outcome(figures, [(seen[name][0].movedim(0, -1) * 255).round().to(torch.uint8) for name in shown])


def _reshaped(case: Case, method: str) -> Avatar:
    quality = "fast" if method in ("fast", "scales_behind", "no_hand_weights") else "exact"
    return reshape(
        case.avatar,
        case.user,
        quality,
        hand_aware=method != "no_hand_weights",
        follow_scales=method != "scales_behind",
    )[0]


def geometry(case: Case, mesh: Mesh, crossing: Crossings) -> dict[str, float]:
    """Return how far a mesh in place of the avatar's is from what it should be."""
    target, before = target_body(case.avatar.body, case.user), case.avatar.mesh
    skin = _labelled(case.avatar, *(name for name in SKIN if name not in ("hands", "face")))
    cloth, true_cloth = (_labelled(avatar, "clothes") for avatar in (case.avatar, case.truth))
    truth, faces = case.truth.mesh, before.faces[cloth[before.faces].all(1)]
    edges = unique_edges(faces)
    distortions = {
        "area": face_areas(mesh.vertices, faces) / face_areas(before.vertices, faces).clamp_min(1e-12),
        "edge": _lengths(mesh.vertices, edges) / _lengths(before.vertices, edges).clamp_min(1e-9),
    }
    crossed = int(_crossed(case.avatar, mesh, crossing).sum())
    figures = {
        "body_mm": _distance(mesh.vertices[skin], target.posed().vertices, target.model.faces),
        "garment_mm": _distance(mesh.vertices[cloth], truth.vertices, truth.faces[true_cloth[truth.faces].all(1)]),
        "hand_mm": hand_error(case.avatar, mesh.vertices),
        "intersections": float(crossed),
        "intersections_percent": 100 * crossed / len(before.faces),
    }
    for kind, growth in distortions.items():
        by = growth.clamp_min(1e-6).log().abs().exp()
        figures |= {f"{kind}_distortion_{name}": float(by.quantile(share)) for name, share in (("p50", 0.5), ("p99", 0.99))}
    return figures


def _crossed(avatar: Avatar, mesh: Mesh, crossing: Crossings) -> Tensor:
    """Return which faces that count cross the target body or, newly, each other, by a checker of its own."""
    before, after = avatar.mesh.vertices.double(), mesh.vertices.double()
    return newly_crossing(before, after, crossing.faces) | against_body(
        after, crossing.faces, crossing.body.double(), crossing.body_faces
    )


def _lengths(vertices: Tensor, edges: Tensor) -> Tensor:
    return (vertices[edges[:, 0]] - vertices[edges[:, 1]]).norm(dim=1)


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
