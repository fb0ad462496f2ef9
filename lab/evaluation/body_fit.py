"""Measures Fit Body: people in poses that nothing was tuned on, whose bodies are known, found again from their clothed surface."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...models.avatars import Avatar
from ...models.avatars.body_fit import Fit, Spots, fit_body
from ...models.avatars.body_fit.keypoints import spots
from ...models.avatars.closest import closest_points
from ...models.avatars.labels import LABEL_INDEX
from ...models.body import BodyState, load_modiste_body
from ...models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from ...wardrobe import procedural_avatar, random_recipe
from ...wardrobe.anatomy import measure as measured_figure
from ...wardrobe.pose_families import POSE_FAMILIES, random_pose

METHODS = ("fit", "fit_unlabelled", "fit_keypoints")
MAIN_JOINTS = 22  # without jaw, eyes and fingers
NOISE = 0.005  # metres, the deviation of a keypoint along each axis
_SKIN = ("face", "torso_skin", "left_arm", "right_arm", "left_leg", "right_leg")  # hands aside, whose fingers are not fitted
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Case:
    """A clothed person without a body, and what it should be.

    avatar:    without body and skinning, turned any way round
    truth:     the body inside
    keypoints: its 22 main joints, each a little off
    family:    of poses
    """

    avatar: Avatar
    truth: BodyState
    keypoints: Spots
    family: str


def draw_case(seed: int, index: int, gaussians: int = 2000) -> Case:
    """Return a person in a pose of some family: a pure function of seed and index."""
    draw = random.Random(f"body fit {seed} {index}")
    recipe = random_recipe(draw.getrandbits(31), gaussians=gaussians)
    body = load_modiste_body()
    figure = measured_figure(body, body.phenotype_shape(**recipe.phenotype()))
    pose = random_pose(draw, figure, draw.choice(POSE_FAMILIES))
    rotations = pose.rotations.clone()
    heading = axis_angle_to_matrix(torch.tensor([0.0, draw.uniform(-math.pi, math.pi), 0.0]))
    rotations[0] = matrix_to_axis_angle(heading @ axis_angle_to_matrix(rotations[0]))
    avatar = procedural_avatar(replace(recipe, pose=tuple(map(tuple, rotations.tolist()))))
    return Case(replace(avatar, body=None, skinning=None), avatar.body, _observed(avatar.body, draw), pose.family)


def fitted(case: Case, method: str, progress: Progress | None = None) -> Fit:
    """Fit the Modiste body by one of METHODS: with labels, without, or with labels and keypoints."""
    avatar = replace(case.avatar, labels=None) if method == "fit_unlabelled" else case.avatar
    keypoints = (case.keypoints,) if method == "fit_keypoints" else ()
    return fit_body(avatar, load_modiste_body(), keypoints, progress=progress)


def measure(case: Case, found: BodyState) -> dict[str, float]:
    """Return how far a body is from the truth, in mm: joint_mm the median over the main joints, joint_max_mm the worst of them,
    vertex_mm the mean over the vertices, skin_mm the mean distance of the avatar's bare skin, hands aside, to the body.
    """
    posed, truth = found.posed(), case.truth.posed()
    joints = 1000 * (posed.joints - truth.joints)[:MAIN_JOINTS].norm(dim=1)
    skin = case.avatar.mesh.vertices[torch.isin(case.avatar.labels, torch.tensor([LABEL_INDEX[name] for name in _SKIN]))]
    return {
        "joint_mm": float(joints.median()),
        "joint_max_mm": float(joints.max()),
        "vertex_mm": 1000 * float((posed.vertices - truth.vertices).norm(dim=1).mean()),
        "skin_mm": 1000 * float(closest_points(skin, posed.vertices, found.model.faces).distance.mean()),
    }


def outcome(seed: int, index: int, methods: tuple[str, ...] = METHODS, progress: Progress | None = None) -> dict[str, dict]:
    """Return the figures of one case, method -> metric -> mm."""
    case = draw_case(seed, index)
    return {method: measure(case, fitted(case, method, progress).body) for method in methods}


def _observed(body: BodyState, draw: random.Random) -> Spots:
    noise = torch.tensor([[draw.gauss(0, NOISE) for _ in range(3)] for _ in range(MAIN_JOINTS)])
    points: Tensor = body.posed().joints[:MAIN_JOINTS] + noise
    return spots(points, torch.ones(MAIN_JOINTS), "joints")
