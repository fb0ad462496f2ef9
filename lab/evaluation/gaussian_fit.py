"""Measures Fit Gaussians: a grey avatar fitted to pictures of a made-up person, seen from where no picture was taken."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...models.avatars import Avatar, sample_gaussians, world_gaussians
from ...models.avatars.gaussian_fit import FitReport, FitSettings, fit_gaussians
from ...models.avatars.views import Views, camera_ring, render_views
from ...models.geometry import Mesh
from ...models.render import Camera
from ...wardrobe import procedural_avatar, random_recipe
from .metrics.pictures import psnr, ssim

VIEWS, HELD_OUT, SIZE = 12, 8, (128, 192)
TRUTH = 60_000  # Gaussians of the person who is photographed
START, MOST = 4_000, 8_000  # Gaussians before and after, about as many as such small pictures can tell apart
STEPS = 600
_BACKGROUND = (1.0, 1.0, 1.0)
_GREY = 0.5


@dataclass(frozen=True)
class FitCase:
    """A person, the same mesh with few grey Gaussians, and pictures to fit to and to judge by."""

    truth: Avatar
    start: Avatar
    cameras: list[Camera]
    views: Views
    held_cameras: list[Camera]
    held: Views


def draw_fit_case(seed: int, index: int) -> FitCase:
    """Return a case, a pure function of seed and index: pictures all round, and others between them from above."""
    draw = random.Random(f"gaussian fit {seed} {index}")
    truth = procedural_avatar(random_recipe(draw.getrandbits(31), gaussians=TRUTH))
    grey = Mesh(truth.mesh.vertices, truth.mesh.faces, colors=torch.full_like(truth.mesh.vertices, _GREY))
    start = replace(truth, gaussians=sample_gaussians(grey, START, seed=0))
    cameras = camera_ring(truth, VIEWS, *SIZE).cameras
    held_cameras = camera_ring(truth, HELD_OUT, *SIZE, start=180 / VIEWS, elevation=12.0).cameras
    return FitCase(truth, start, cameras, _seen(truth, cameras), held_cameras, _seen(truth, held_cameras))


def fit_case(case: FitCase, steps: int = STEPS) -> tuple[Avatar, FitReport]:
    """Fit the grey avatar of a case."""
    settings = FitSettings(steps=steps, most_gaussians=MOST, background=_BACKGROUND)
    return fit_gaussians(case.start, case.views.images, case.cameras, settings=settings)


@dataclass(frozen=True)
class Outcome:
    """What one case gave: figures by method and metric, and one held-out picture [H, W, 3] uint8 before, after and in truth."""

    figures: dict[tuple[str, str], float]
    pictures: list[Tensor]


def measure_fit(case: FitCase, steps: int = STEPS) -> Outcome:
    """Fit a case, and compare over the held-out pictures.

    `none` is the grey avatar, `fitted` what became of it, and `sampled` the same mesh covered with as many Gaussians from its true
    texture, which Avatar from Mesh does where there is one. psnr and ssim are of whole pictures, person_psnr of the person alone.
    """
    started = time.perf_counter()
    fitted, report = fit_case(case, steps)
    seconds = time.perf_counter() - started
    sampled = replace(case.truth, gaussians=sample_gaussians(case.truth.mesh, len(fitted.gaussians), seed=0))
    figures = {
        (name, metric): value
        for name, avatar in (("none", case.start), ("fitted", fitted), ("sampled", sampled))
        for metric, value in held_out(case, avatar).items()
    }
    figures |= {("fitted", "gaussians"): float(report.count[1]), ("fitted", "seconds"): seconds}
    pictures = [(picture.clamp(0, 1) * 255).round().to(torch.uint8) for picture in fit_pictures(case, fitted)]
    return Outcome(figures, pictures)


def held_out(case: FitCase, avatar: Avatar) -> dict[str, float]:
    """Return how near an avatar comes to the pictures that nothing was fitted to."""
    seen, true = _seen(avatar, case.held_cameras).images, case.held.images
    error = ((seen - true).square().mean(-1) * case.held.masks).sum((1, 2)) / case.held.masks.sum((1, 2))
    return {
        "psnr": float(psnr(seen.movedim(-1, 1), true.movedim(-1, 1)).mean()),
        "ssim": float(ssim(seen.movedim(-1, 1), true.movedim(-1, 1)).mean()),
        "person_psnr": float((-10 * error.log10()).mean()),
    }


def fit_pictures(case: FitCase, fitted: Avatar) -> list[Tensor]:
    """Return one held-out view [H, W, 3] before, after and in truth."""
    first = case.held_cameras[:1]
    return [_seen(case.start, first).images[0], _seen(fitted, first).images[0], case.held.images[0]]


def _seen(avatar: Avatar, cameras: list[Camera]) -> Views:
    return render_views(world_gaussians(avatar.mesh, avatar.gaussians), cameras, torch.tensor(_BACKGROUND))
