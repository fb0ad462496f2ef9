"""Measures AvatarMix's geometry: GSReshape, composition, Fit Body and Fit Gaussians, on people that nothing was tuned to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...models.files import atomic_write
from ...wardrobe.workers import worker_pool
from ..training.sheets import contact_sheet
from . import body_fit, composition, gaussian_fit, reshaping
from .goals import Goal
from .intervals import mean_row
from .reports import Report, Row
from .systems import Request

ABOUT = """
GSReshape (split `reshape`): a clothed person takes on another person's shape. What the result should be is known, since the
wardrobe makes the same outfit for the other body too; nothing was tuned to these people. One in four wears an open coat or
jacket over the rest.

- `none`: the avatar as it was.
- `fast`, `exact`: GSReshape by its qualities.
- `no_hand_weights`: fast, with hands treated as all other skin.
- `scales_behind`: fast, with the Gaussians' scales left as they were, which is what the official code does; texture_ssim does
  not tell the two apart, since these people's Gaussians are many and small.
- `truth`: the true avatar covered with other Gaussians, the best that a picture can score.

body_mm is the mean distance of bare skin, hands and head aside, to the other body; garment_mm that of clothes to the true
clothes. hand_mm is how far a hand's vertices are, in the mean, from a rigid motion of it. area_distortion and edge_distortion
are by how much clothes' faces and edges grow or shrink (1 is not at all), the median and the 99th percentile. intersections is
the number of faces that cross the other body, or each other where that pair did not before, by a checker of its own; which faces
count is said by the reshape (all but head, hair, hands and the five centimetres around the wrists). texture_ssim compares
pictures from four sides with those of the truth. Without the skeleton's prepass exact gives the same here, since these people's
bones lie inside them already; it is for captures. seconds is for avatars of about 30 000 vertices, on one thread of a busy machine.

Composition (split `compose`, one case in four): the user's head on the model's body. warping_rmse compares neighbouring views
of 36, warped into each other by the splats' own depth; own_target and own_head compare clothed body and head with the model's
and the user's by our own encoder (dino_ by DINO, where its weights are). `ours`, `no_reshape` without GSReshape, and for
comparison `model` and `user` as they were.

Fit Body (split `bodies`): people in other poses without their body, found again. joint_mm is the median error of the 22 main
joints, skin_mm the mean of bare skin. `fit` knows labels, `fit_unlabelled` nothing, `fit_keypoints` 22 joints off by 5 mm.

Fit Gaussians (split `photos`, one case in four): grey Gaussians on the right mesh, fitted to 12 pictures of 128 by 192 pixels
and judged by eight others. `fitted` beside `none`, and beside `sampled`, as many Gaussians straight from the true texture.
"""
SHEETS = {
    "avatars_reshaped.jpg": "Each as made, reshaped fast, reshaped exactly, and the truth; the last is the worst by texture_ssim.",
    "avatars_composed.jpg": "User, model, composed, and composed without GSReshape.",
    "avatars_fitted.jpg": "Fit Gaussians: before, after, and the truth, from a view that was not fitted to.",
}
GOALS = (
    Goal("fast", "reshape", "body_mm", highest=6),
    Goal("exact", "reshape", "body_mm", highest=3),
    Goal("exact", "reshape", "body_mm", highest=0.1, against="none"),
    *(Goal(method, "reshape", "texture_ssim", lowest=0.95, against="truth") for method in ("fast", "exact")),
    Goal("exact", "reshape", "intersections", highest=0),
    Goal("fast", "reshape", "intersections_percent", highest=0.1),
    *(Goal(method, "reshape", "hand_mm", highest=2) for method in ("fast", "exact")),
    Goal("ours", "compose", "warping_rmse", highest=0.0175),
    Goal("fit", "bodies", "joint_mm", highest=25),
    Goal("fit_keypoints", "bodies", "joint_mm", highest=12),
)
EVERY = 4  # one case in so many has what takes long
ON_SHEET = 10
Figures = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Outcome:
    """What one case gave: by split, figures by method and metric, and pictures [H, W, 3] uint8 by sheet."""

    figures: dict[str, Figures]
    pictures: dict[str, list[Tensor]]


def evaluate(request: Request) -> Report:
    """Measure `count` cases, in as many processes as there are cores.

    Raises:
        ValueError: if weights are given, since nothing here has any.
    """
    if request.weights:
        raise ValueError("Avatars have no weights to measure: leave --weights out.")
    outcomes: list[Outcome] = []
    if request.reporter:
        request.reporter.start("reshaping, composing and fitting", 1, 1)
    with worker_pool(os.cpu_count() or 1) as pool:
        for outcome in pool.map(measured, [request.seed] * request.count, range(request.count)):
            outcomes.append(outcome)
            if request.reporter:
                request.reporter.advance(len(outcomes), request.count)
    if request.pictures:
        _save_sheets(outcomes, request.pictures)
    return Report(request.system, request.seed, request.count, request.command, tuple(rows(outcomes)))


def rows(outcomes: list[Outcome]) -> list[Row]:
    """Return the mean of every figure over the cases that have it, where two or more do."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for outcome in outcomes:
        for split, figures in outcome.figures.items():
            for (method, metric), value in figures.items():
                found.setdefault((split, method, metric), []).append(value)
    return [
        mean_row(method, split, metric, torch.tensor(values))
        for (split, method, metric), values in found.items()
        if len(values) > 1
    ]


def measured(seed: int, index: int) -> Outcome:
    """Measure one case; a pure function of seed and index but for the seconds."""
    torch.set_num_threads(1)
    whole = index % EVERY == 0
    reshaped = reshaping.measure(reshaping.draw_case(seed, index))
    figures, pictures = {"reshape": reshaped.figures}, {"avatars_reshaped.jpg": reshaped.pictures}
    fits = body_fit.outcome(seed, index)
    figures["bodies"] = {(method, metric): fits[method][metric] for method in fits for metric in ("joint_mm", "skin_mm")}
    if whole:
        composed = composition.measure(composition.draw_case(seed, index), composition.networks())
        figures["compose"], pictures["avatars_composed.jpg"] = composed.figures, composed.pictures
        fit = gaussian_fit.measure_fit(gaussian_fit.draw_fit_case(seed, index))
        figures["photos"], pictures["avatars_fitted.jpg"] = fit.figures, fit.pictures
    return Outcome(figures, pictures)


def _save_sheets(outcomes: list[Outcome], folder: Path) -> None:
    worst = min(outcomes, key=lambda outcome: outcome.figures["reshape"]["exact", "texture_ssim"])
    for name in SHEETS:
        shown = [*outcomes[:ON_SHEET], worst] if name == "avatars_reshaped.jpg" else outcomes
        lines = [outcome.pictures[name] for outcome in shown if name in outcome.pictures]
        if not lines:
            continue
        sheet = contact_sheet([picture for line in lines for picture in line], None, 2 * len(lines[0]))
        with atomic_write(folder / name) as temporary:
            sheet.save(temporary, quality=90)
