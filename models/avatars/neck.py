"""Where the head ends: the neck tube of a body, and head and neck of an avatar by labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..body.interface import BodyState
from ..body.joints import JOINT_INDEX, PART_INDEX
from .cut import split_faces
from .graph import components
from .labels import HEAD
from .selection import vertices_labelled
from .types import Avatar

CUT_HEIGHT = 0.20  # of the way from the neck joint to the head joint (official code of AvatarMix)
_TUBE_MARGIN = 1.25
_EPSILON = 0.02 / 0.35  # of the radius; the official code gives both as parts of the collar width
# Parts of the trunk, from the head joint: every head has vertices within the first, and no face reaches beyond the second.
_NEAR, _FAR = 0.3, 0.6
_ASTRAY = 0.1  # of a head's vertices may be mislabelled


@dataclass(frozen=True)
class NeckTube:
    """A cylinder around the neck, with the plane that cuts the head off.

    point:  [3] metres, where the axis meets the cut plane
    axis:   [3] unit, from the neck joint to the head joint; the plane's normal
    length: metres from the plane to the head joint
    radius: metres
    head:   [3] metres, the head joint
    trunk:  metres from the head joint to the pelvis joint, a measure of the person's size
    """

    point: Tensor
    axis: Tensor
    length: float
    radius: float
    head: Tensor
    trunk: float

    def height(self, points: Tensor) -> Tensor:
        """Return the signed distance [N] of points [N, 3] above the cut plane."""
        return (points - self.point) @ self.axis

    def distance(self, points: Tensor) -> Tensor:
        """Return the distance [N] of points [N, 3] from the axis."""
        away = points - self.point
        return (away - (away @ self.axis)[:, None] * self.axis).norm(dim=-1)

    def contains(self, points: Tensor, below: float = 0.0) -> Tensor:
        """Return whether points [N, 3] lie in the tube between the plane, lowered by `below` metres, and the head joint."""
        height, epsilon = self.height(points), _EPSILON * self.radius
        return (height >= -below - 1e-6) & (height <= self.length + epsilon) & (self.distance(points) <= self.radius)


def neck_tube(body: BodyState, neck_cut: float = CUT_HEIGHT) -> NeckTube:
    """Return the neck tube of a posed body.

    The tube test is the official code's, but the radius is measured: a quarter more than the body's own neck. (0.35 of the distance
    between the collar joints, the official radius, holds for SMPL-X only; other rigs put those joints elsewhere.)

    Args:
        neck_cut: 0..1 from the neck joint to the head joint.
    """
    posed = body.posed()
    neck, head, pelvis = (posed.joints[JOINT_INDEX[name]] for name in ("neck", "head", "pelvis"))
    axis = torch.nn.functional.normalize(head - neck, dim=0)
    length = float((head - neck).norm())
    trunk = float((head - pelvis).norm())
    tube = NeckTube(neck + neck_cut * (head - neck), axis, (1 - neck_cut) * length, 0.0, head, trunk)
    own = posed.vertices[body.model.parts == PART_INDEX["neck"]]
    return replace(tube, radius=_TUBE_MARGIN * float(tube.distance(own).max()))


def cut_at_neck(avatar: Avatar, tube: NeckTube, below: float = 0.0) -> Avatar:
    """Split the neck's skin along the cut plane, lowered by `below` metres, so that the edge of the head is a straight line."""
    vertices = avatar.mesh.vertices
    skin = vertices_labelled(avatar, (*HEAD, "torso_skin"))[avatar.mesh.faces].all(1)
    neck = vertices_labelled(avatar, ("torso_skin",))[avatar.mesh.faces].any(1)
    near = (tube.distance(vertices) <= tube.radius)[avatar.mesh.faces].any(1)
    return split_faces(avatar, tube.height(vertices) + below, skin & neck & near)


def head_and_neck(avatar: Avatar, tube: NeckTube, below: float = 0.0) -> Tensor:
    """Return whether each vertex [V] belongs to the head: face, hair, and the skin of the neck above the plane.

    Skin counts only where it is connected with the head inside the tube, so that a raised shoulder does not. Pieces of face or
    hair far from the head are dropped.

    Args:
        below: metres by which the cut plane is lowered.

    Raises:
        ValueError: if no vertex is labelled face or hair, or these labels lie elsewhere than on the head.
    """
    vertices, faces = avatar.mesh.vertices, avatar.mesh.faces
    head = vertices_labelled(avatar, HEAD)
    if not head.any():
        raise ValueError("The avatar's labels name no face and no hair, so its head cannot be found; load labels that have them.")
    chosen = head | (vertices_labelled(avatar, ("torso_skin",)) & tube.contains(vertices, below))
    piece = components(faces[chosen[faces].all(1)], len(vertices))
    count = int(piece.max()) + 1
    away = (vertices - tube.head).norm(dim=-1) / tube.trunk
    has_head = torch.bincount(piece[head], minlength=count) > 0
    close = torch.bincount(piece[chosen & (away < _FAR)], minlength=count) > 0
    kept = chosen & (has_head & close)[piece]
    astray = away > torch.where(vertices_labelled(avatar, ("hair",)), 1.0, _FAR)  # hair may hang down to the waist
    if not (head & kept & (away < _NEAR)).any() or int((head & kept & astray).sum()) > _ASTRAY * int((head & kept).sum()):
        raise ValueError(
            "The labels face and hair miss the avatar's head, or it stands beside its body; "
            "give Load Avatar a labels file that marks face and hair of this very mesh."
        )
    return kept
