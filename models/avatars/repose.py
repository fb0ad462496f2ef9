"""An avatar in another pose, by the skinning of the body inside."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..body import retarget_pose
from ..body.interface import BodyParameters, BodyState
from ..body.skinning import apply_transforms, blend_transforms
from .deform import follow
from .types import Avatar


def repose(avatar: Avatar, target: BodyState | BodyParameters | Tensor) -> Avatar:
    """Return the avatar in another pose, its own shape kept: back through its present pose, then into the new one.

    Args:
        target: a pose [55, 3]; or parameters of the avatar's own body model, whose pose and translation are taken; or a body of any
            model, whose pose is carried over (`models.body.retarget_pose`) and whose translation is taken.

    Raises:
        ValueError: if the avatar has no body or no skinning weights.
    """
    body, _ = require_rig(avatar)
    parameters = target_parameters(body, target)
    moved = apply_transforms(repose_transforms(avatar, parameters), avatar.mesh.vertices)
    return replace(follow(avatar, moved), body=BodyState(body.model, parameters))


def target_parameters(body: BodyState, target: BodyState | BodyParameters | Tensor) -> BodyParameters:
    """Return the parameters of `body` in the target's pose: its own model and shape, the target's pose and translation."""
    own = body.parameters
    if isinstance(target, BodyState):
        return BodyParameters(own.shape, retarget_pose(target, body.model), target.parameters.translation)
    if isinstance(target, BodyParameters):
        return BodyParameters(own.shape, target.pose, target.translation)
    return BodyParameters(own.shape, target, own.translation)


def repose_transforms(avatar: Avatar, parameters: BodyParameters) -> Tensor:
    """Return what reposing does to each vertex [V, 4, 4]: back by its blended transform, forth by that of the new pose."""
    body, skinning = require_rig(avatar)
    now = blend_transforms(skinning.double(), body.posed().transforms.double())
    then = blend_transforms(skinning.double(), body.model.posed(parameters).transforms.double())
    return torch.linalg.solve(now, then, left=False).float()


def require_rig(avatar: Avatar) -> tuple[BodyState, Tensor]:
    """Return the body and the skinning weights of an avatar.

    Raises:
        ValueError: if either is missing.
    """
    if avatar.body is None:
        raise ValueError("The avatar has no body inside; connect Load Body to the avatar first.")
    if avatar.skinning is None:
        raise ValueError("The avatar has no skinning weights; run Transfer Skinning on it first.")
    return avatar.body, avatar.skinning
