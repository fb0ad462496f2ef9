"""Measures AvatarMix's composition: one person's head on another's clothed body, from all sides."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...models.avatars import Avatar, align_head, compose, transfer_skin_tone, world_gaussians
from ...models.avatars.neck import head_and_neck, neck_tube
from ...models.avatars.reshape import reshape
from ...models.avatars.views import Views, camera_ring, render_views
from ...models.render import Camera
from ...wardrobe import procedural_avatar, random_recipe
from .dino import load_dino
from .encoder import load_encoder
from .metrics.regions import region_crops, region_masks, similarity
from .metrics.warping import warping_rmse

GAUSSIANS = 100_000
VIEWS, SIZE = 36, (256, 384)
APART = 3  # of the views, one in so many is looked at for similarity
HEAD_SIZE = 256
_BACKGROUND = torch.ones(3)

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """Whose head, and whose clothed body."""

    user: Avatar
    model: Avatar


@dataclass(frozen=True)
class Outcome:
    """What one case gave: figures by method and metric, and pictures [H, W, 3] uint8 of user, model, ours and no_reshape.

    Methods: `ours`; `no_reshape`, the same without GSReshape; `model` and `user`, the two as they are. warping_rmse of `model` is
    what an avatar scores that nobody touched. own_head of `model` and own_target of `user` are what somebody else scores.
    """

    figures: dict[tuple[str, str], float]
    pictures: list[Tensor]


@dataclass(frozen=True)
class Seen:
    """An avatar from all sides.

    views:  every view
    bodies: [B, 3, S, S] all but head and neck, in one view of `APART`
    heads:  [B, 3, S, S] head and neck from close by
    """

    views: Views
    cameras: list[Camera]
    bodies: Tensor
    heads: Tensor


def draw_case(seed: int, index: int, gaussians: int = GAUSSIANS) -> Case:
    """Return two people: a pure function of seed and index."""
    draw = random.Random(f"compose {seed} {index}")
    user, model = (procedural_avatar(random_recipe(draw.getrandbits(31), gaussians=gaussians)) for _ in range(2))
    return Case(user, model)


def composed(case: Case, with_reshape: bool = True) -> Avatar:
    """Return the user's head on the model's body, as the template compose_avatars makes it."""
    body = reshape(case.model, case.user.body)[0] if with_reshape else case.model
    return compose(align_head(case.user, body), transfer_skin_tone(body, case.user))


def networks() -> dict[str, Features]:
    """Return what judges likeness, by the prefix of its metrics: our own encoder, and DINO where the user has it."""
    dino = load_dino()
    return {"own": load_encoder().pooled} | ({"dino": dino} if dino else {})


def measure(case: Case, judges: dict[str, Features]) -> Outcome:
    """Compose one case, and compare.

    warping_rmse is the mean over all pairs of neighbouring views. <judge>_target compares the clothed body with the model's and
    <judge>_head the head and neck with the user's, by cosine similarity, in views from the same sides, averaged over views.
    """
    avatars = {"ours": composed(case), "no_reshape": composed(case, with_reshape=False), "model": case.model, "user": case.user}
    seen = {method: look(avatar) for method, avatar in avatars.items()}
    figures = {}
    for method, one in seen.items():
        views = one.views
        errors = warping_rmse(views.images, views.masks, views.depths, one.cameras, _BACKGROUND)
        figures[method, "warping_rmse"] = float(errors.mean())
        for judge, features in judges.items():
            figures[method, f"{judge}_target"] = float(similarity(features, one.bodies, seen["model"].bodies).mean())
            figures[method, f"{judge}_head"] = float(similarity(features, one.heads, seen["user"].heads).mean())
    fronts = [seen[method].views.images[0] for method in ("user", "model", "ours", "no_reshape")]
    return Outcome(figures, [(front * 255).round().to(torch.uint8) for front in fronts])


def look(avatar: Avatar) -> Seen:
    """Render an avatar whole and its head."""
    gaussians = world_gaussians(avatar.mesh, avatar.gaussians)
    cameras = camera_ring(avatar, VIEWS, *SIZE).cameras
    close = camera_ring(avatar, VIEWS // APART, HEAD_SIZE, HEAD_SIZE, framing="head").cameras
    views = render_views(gaussians, cameras, _BACKGROUND)
    head = head_and_neck(avatar, neck_tube(avatar.body))[avatar.mesh.faces].all(1)
    bodies = region_crops(views.images[::APART], region_masks(avatar.mesh, ~head, cameras[::APART]))
    heads = region_crops(render_views(gaussians, close, _BACKGROUND).images, region_masks(avatar.mesh, head, close))
    return Seen(views, cameras, bodies, heads)
