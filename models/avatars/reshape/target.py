"""The wanted body: one person's shape as another stands."""

from __future__ import annotations

from dataclasses import replace

import torch

from ...body.interface import BodyParameters, BodyState


def target_body(body: BodyState, user: BodyState) -> BodyState:
    """Return the user's shape in the pose of `body`, on the same ground and with the pelvis above the same spot.

    Raises:
        ValueError: if the two are of different body models, which have no point in common to measure by.
    """
    if user.model.name != body.model.name:
        raise ValueError(
            f"The avatar's body is of the model '{body.model.name}' and the user's of '{user.model.name}': give both the same one."
        )
    if user.model.shape_size != body.model.shape_size or not user.model.template.equal(body.model.template):
        raise ValueError(f"The two bodies are of different files of the model '{body.model.name}': load both with the same file.")
    parameters = BodyParameters(user.parameters.shape, body.parameters.pose, torch.zeros(3))
    now, then = body.posed(), body.model.posed(parameters)
    shift = now.joints[0] - then.joints[0]
    shift[1] = now.vertices[:, 1].min() - then.vertices[:, 1].min()
    return BodyState(body.model, replace(parameters, translation=shift))
