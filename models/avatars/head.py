"""The user's head and neck, brought onto the model's neck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..body.interface import BodyState
from ..body.joints import JOINT_INDEX
from ..body.skinning import apply_transforms
from ..geometry.rotation import matrix_to_quaternion, polar_rotation, quaternion_to_matrix
from .deform import follow, move_body, transform
from .graph import harmonic_fill
from .labels import HEAD
from .neck import CUT_HEIGHT, cut_at_neck, head_and_neck, neck_tube
from .repose import repose_transforms, require_rig, target_parameters
from .selection import select_faces, vertices_labelled
from .types import Avatar

_NECK = JOINT_INDEX["neck"]
TONGUE = 0.03  # metres of neck kept below the cut plane, for Compose Avatars to tuck in


def align_head(
    user: Avatar,
    model: Avatar,
    neck_cut: float = CUT_HEIGHT,
    match_size: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Return the user's head and neck in the model's pose, on the model's neck (AvatarMix, section 3.1).

    The head moves as one rigid piece by the mean of its vertices' skinning transforms, so that a face is never bent by its weights;
    the neck bends from there into the pose of the model's shoulders. The neck joints are then brought together.

    Args:
        neck_cut: where the neck is cut, 0..1 from the neck joint to the head joint; a further 3 cm below stay on.
        match_size: scale the head so that its neck is as long as the model's, rather than keep the user's own size.

    Raises:
        ValueError: if a body, skinning weights or labels are missing, or the labels name no head.
    """
    body, _ = require_rig(user)
    if model.body is None:
        raise ValueError("The model avatar has no body inside, so its pose is unknown; connect Load Body to it first.")
    tell = progress or (lambda done, total: None)
    tell(0, 5)
    tube = neck_tube(body, neck_cut)
    user = cut_at_neck(user, tube, TONGUE)
    tell(1, 5)
    chosen = head_and_neck(user, tube, TONGUE)
    tell(2, 5)
    head = select_faces(user, chosen[user.mesh.faces].all(1))
    tell(3, 5)

    parameters = target_parameters(body, model.body)
    bends = repose_transforms(head, parameters)
    bent = apply_transforms(bends, head.mesh.vertices)
    rigid_part = vertices_labelled(head, HEAD)
    rotation, centre, goal = mean_rigid(bends[rigid_part], head.mesh.vertices[rigid_part])
    stiff = (head.mesh.vertices - centre) @ rotation.T + goal
    tell(4, 5)
    share = _stiffness(head, rigid_part, tube.height(head.mesh.vertices))
    posed = follow(head, bent + share[:, None] * (stiff - bent))
    tell(5, 5)

    own_body = BodyState(body.model, parameters)
    own_neck, goal_neck = (state.posed().joints[_NECK] for state in (own_body, model.body))
    scale = neck_tube(model.body).length / neck_tube(own_body).length if match_size else 1.0
    placed = transform(replace(posed, body=None), scale, translation=goal_neck - scale * own_neck)
    return replace(placed, body=move_body(own_body, torch.eye(3), goal_neck - own_neck))


def mean_rigid(
    transforms: Tensor,  # [N, 4, 4]
    points: Tensor,  # [N, 3] the point each transform carries
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of nearly rigid transforms as x' = R (x - centre) + goal: R [3, 3], centre [3], goal [3].

    Mean of unit quaternions with aligned signs and mean of translations at the centre; transforms whose rotation or translation is
    farther from the first mean than mean + 2 standard deviations are left out of a second one (official code of AvatarMix).
    """
    quaternions = matrix_to_quaternion(polar_rotation(transforms[:, :3, :3]))
    keep = torch.ones(len(points), dtype=torch.bool)
    for _ in range(2):
        _, _, axes = torch.linalg.svd(quaternions[keep], full_matrices=False)
        mean = axes[0]  # the mean direction of quaternions whatever their signs
        aligned = quaternions * torch.where(quaternions @ mean < 0, -1.0, 1.0)[:, None]
        mean = torch.nn.functional.normalize(aligned[keep].mean(0), dim=0)
        centre = points[keep].mean(0)
        goals = apply_transforms(transforms, centre.expand_as(points))
        goal = goals[keep].mean(0)
        turn, step = 1 - (aligned @ mean).abs(), (goals - goal).norm(dim=-1)
        limits = [value.mean() + 2 * value.std(correction=0) + 1e-6 for value in (turn, step)]
        keep = (turn <= limits[0]) & (step <= limits[1])
    return quaternion_to_matrix(mean), centre, goal


def _stiffness(head: Avatar, rigid_part: Tensor, height: Tensor) -> Tensor:
    """Return how much each vertex [V] moves with the rigid head: 1 on face and hair, falling to 0 at the cut plane."""
    known = rigid_part | (height <= 0)
    share = harmonic_fill(rigid_part.float()[:, None], known, head.mesh.vertices, head.mesh.faces)[:, 0]
    return share * share * (3 - 2 * share)
