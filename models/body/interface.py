"""What a body is to the rest of the pack: a rest shape, joints, skinning weights and a pose function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BodyParameters:
    """How a body stands.

    shape:       [S] coefficients of the body's shape space (S = body.shape_size), unit variance
    pose:        [55, 3] axis-angle radians, each joint relative to its parent, in JOINTS order; zeros are the rest pose
    translation: [3] metres, added last
    """

    shape: Tensor
    pose: Tensor
    translation: Tensor


@dataclass(frozen=True)
class PosedBody:
    """A body in a pose.

    vertices:   [V, 3] metres, world space
    joints:     [55, 3] metres, world space
    transforms: [55, 4, 4]; each takes a point of the shaped rest body to where that joint carries it
    """

    vertices: Tensor
    joints: Tensor
    transforms: Tensor


class Body(ABC):
    """A skinned parametric body. World space: metres, Y up, facing +Z at rest.

    name:            "modiste" or "smplx"
    template:        [V, 3] rest vertices of the mean shape
    faces:           [F, 3] int64
    corner_uv:       [F, 3, 2] or None, as in `Mesh`
    weights:         [V, 55] skinning weights, rows sum to 1, at most 8 non-zero for the Modiste body
    parts:           [V] int64, index into PARTS
    shape_size:      number of shape coefficients
    """

    name: str
    template: Tensor
    faces: Tensor
    corner_uv: Tensor | None
    weights: Tensor
    parts: Tensor
    shape_size: int

    @abstractmethod
    def shaped(self, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rest vertices [V, 3] and joints [55, 3] for shape coefficients [S]."""

    @abstractmethod
    def posed(self, parameters: BodyParameters) -> PosedBody:
        """Return the body in the given shape and pose."""

    @abstractmethod
    def rest(self) -> BodyParameters:
        """Return the parameters of the mean shape in the rest pose."""


@dataclass(frozen=True)
class BodyState:
    """A body model together with how it stands: the type MODISTE_BODY."""

    model: Body
    parameters: BodyParameters

    def posed(self) -> PosedBody:
        """Return the body as its parameters say."""
        return self.model.posed(self.parameters)
