"""What is optimised: Gaussians in coordinates in which every value means something."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ...geometry import Gaussians
from ...geometry.rotation import quaternion_multiply
from ..types import BoundGaussians
from .surface import Surface

OFFSET = 0.03  # metres off the surface that a Gaussian may go; further only where it was to begin with
SMALLEST, LARGEST = 5e-5, 0.05  # standard deviations, as parts of the mesh's diagonal (0.1 mm and 10 cm of a person)
_GROWN = 4  # times the size that is usual at the beginning, which is not too large either
_LEAST_OPACITY, _MOST_OPACITY = 1e-4, 0.9999  # whose logits are finite


@dataclass(frozen=True)
class Parameters:
    """N Gaussians on a surface, as the optimiser sees them.

    face, barycentric: [N], [N, 3] where they stand; moved by `settle`
    limit:     [N] metres, how far the offset may go
    slide:     [N, 3] metres along the surface in world axes; zero but between an optimiser's step and `settle`
    offset:    [N] metres along the interpolated normal
    turn:      [N, 4] quaternions to the world, of about unit length: those of the face frame would jump from face to face
    log_scale: [N, 3]
    logit:     [N] of the opacity
    color:     [N, 1, 3] spherical harmonics of degree 0
    shine:     [N, K - 1, 3] the other degrees
    """

    face: Tensor
    barycentric: Tensor
    limit: Tensor
    slide: Tensor
    offset: Tensor
    turn: Tensor
    log_scale: Tensor
    logit: Tensor
    color: Tensor
    shine: Tensor

    def __len__(self) -> int:
        return len(self.face)

    def map(self, function: Callable[[Tensor], Tensor]) -> Parameters:
        """Return what a function makes of every tensor."""
        return Parameters(**{field.name: function(getattr(self, field.name)) for field in fields(self)})


OPTIMISED = ("slide", "offset", "turn", "log_scale", "logit", "color", "shine")


def usual_sizes(bound: BoundGaussians, surface: Surface) -> tuple[float, float]:
    """Return between which standard deviations in metres the longest axis of a Gaussian is of use."""
    usual = float(bound.scale.amax(1).median())
    return min(SMALLEST * surface.diagonal, usual / _GROWN), max(LARGEST * surface.diagonal, _GROWN * usual)


def pack(bound: BoundGaussians, surface: Surface) -> Parameters:
    """Return the parameters of bound Gaussians, on the device of the surface; nothing of them is shared."""
    device = surface.vertices.device
    bound = BoundGaussians(*(getattr(bound, field.name).to(device, copy=True) for field in fields(bound)))
    face = bound.face
    return Parameters(
        face=face,
        barycentric=bound.barycentric,
        limit=bound.offset.abs().clamp_min(OFFSET),
        slide=torch.zeros(len(face), 3, device=device),
        offset=bound.offset,
        turn=quaternion_multiply(surface.frames[face], bound.rotation),
        log_scale=bound.scale.log(),
        logit=bound.opacity.clamp(_LEAST_OPACITY, _MOST_OPACITY).logit(),
        color=bound.sh[:, :1].clone(),
        shine=bound.sh[:, 1:].clone(),
    )


def unpack(parameters: Parameters, surface: Surface) -> BoundGaussians:
    """Return settled parameters as bound Gaussians, on the CPU."""
    frames = surface.frames[parameters.face]
    local = quaternion_multiply(frames * frames.new_tensor([1.0, -1.0, -1.0, -1.0]), parameters.turn)
    bound = BoundGaussians(
        face=parameters.face,
        barycentric=parameters.barycentric,
        offset=parameters.offset,
        rotation=torch.nn.functional.normalize(local, dim=-1),
        scale=parameters.log_scale.exp(),
        opacity=parameters.logit.sigmoid(),
        sh=torch.cat([parameters.color, parameters.shine], dim=1),
    )
    return BoundGaussians(*(getattr(bound, field.name).detach().cpu() for field in fields(bound)))


def world(parameters: Parameters, surface: Surface) -> Gaussians:
    """Return the Gaussians to render, differentiable in all that is optimised."""
    upright = surface.upright[parameters.face]
    along = parameters.slide - (parameters.slide * upright).sum(-1, keepdim=True) * upright
    foot = surface.points(parameters.face, parameters.barycentric)
    normal = surface.normals_at(parameters.face, parameters.barycentric)
    return Gaussians(
        positions=foot + along + parameters.offset[:, None] * normal,
        scales=parameters.log_scale.exp(),
        rotations=torch.nn.functional.normalize(parameters.turn, dim=-1),
        opacities=parameters.logit.sigmoid(),
        sh=torch.cat([parameters.color, parameters.shine], dim=1),
    )


@torch.no_grad()
def settle(parameters: Parameters, surface: Surface, sizes: tuple[float, float]) -> Parameters:
    """Walk where the slides lead and bring the other values back into their bounds; optimised tensors are changed in place.

    Args:
        sizes: metres, from `usual_sizes`.
    """
    face, barycentric = surface.walk(parameters.face, parameters.barycentric, parameters.slide)
    parameters.slide.zero_()
    parameters.offset.copy_(parameters.offset.clamp(-parameters.limit, parameters.limit))
    parameters.turn.copy_(torch.nn.functional.normalize(parameters.turn, dim=-1))
    parameters.log_scale.clamp_(math.log(0.1 * sizes[0]), math.log(2 * sizes[1]))  # discs are thinner than they are wide
    most = math.log(_MOST_OPACITY / (1 - _MOST_OPACITY))
    parameters.logit.clamp_(-most, most)
    return replace(parameters, face=face, barycentric=barycentric)
