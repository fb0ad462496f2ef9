"""More Gaussians where pictures ask for them, none where they show nothing; all of them on the surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...geometry.rotation import quaternion_to_matrix
from ...render import Camera
from .parameters import Parameters
from .surface import Surface

LEAST_GRADIENT = 2e-4  # of the loss by the centre in half pictures, the threshold of 3D Gaussian Splatting
LEAST_OPACITY = 0.02  # below which a Gaussian is taken away
GROWTH = 0.3  # most that the number grows by at a time
_APART = 0.6  # standard deviations from the old centre to the new ones
_SHRINK = 1.6  # of the axis that is split, as in 3D Gaussian Splatting


@dataclass
class Evidence:
    """How strongly pictures pull at the centres of N Gaussians.

    pull: [N] sum of the image-space gradients' lengths
    seen: [N] pictures that showed the Gaussian
    """

    pull: Tensor
    seen: Tensor

    @staticmethod
    def none(count: int, device: torch.device | str = "cpu") -> Evidence:
        """Return the evidence before any picture."""
        return Evidence(torch.zeros(count, device=device), torch.zeros(count, device=device))

    def add(self, positions: Tensor, gradient: Tensor, camera: Camera) -> None:
        """Add what one picture says.

        The gradient by the position in world space is carried to the picture: of (x, y, z) in camera space, the picture shows
        (f x / z, f y / z), so a gradient by x is f / z times that by the pixel. What a position does to shape and colour counts
        too, which is little.

        Args:
            positions, gradient: [N, 3], world space.
        """
        view, k = camera.view.to(positions), camera.intrinsics.to(positions)
        depth = (positions @ view[2, :3] + view[2, 3]).clamp_min(0)
        across = gradient @ view[:2, :3].T * depth[:, None]
        halves = torch.tensor([0.5 * camera.width, 0.5 * camera.height], device=positions.device)
        self.pull += (across / k.diagonal()[:2] * halves).norm(dim=-1)
        self.seen += (gradient != 0).any(1)

    def mean(self) -> Tensor:
        """Return the mean pull [N] over the pictures that showed a Gaussian."""
        return self.pull / self.seen.clamp_min(1)


@dataclass(frozen=True)
class Revision:
    """Gaussians after splitting and removing.

    parameters: the new ones
    source:     [N'] which of the old ones each comes from
    fresh:      [N'] bool, True for both halves of a split
    split, removed: how many
    """

    parameters: Parameters
    source: Tensor
    fresh: Tensor
    split: int
    removed: int


@torch.no_grad()
def revise(parameters: Parameters, surface: Surface, sizes: tuple[float, float], evidence: Evidence | None, most: int) -> Revision:
    """Remove Gaussians that show nothing and split those that the evidence pulls at most.

    Nearly transparent, uselessly small and unreasonably large ones go; if that were all, the most opaque one stays. A split puts
    two halves on either side along the longest axis, carried along the surface and over edges where it must.

    Args:
        parameters: settled, plain tensors.
        sizes: metres, from `usual_sizes`.
        evidence: None only removes.
        most: Gaussians there may be.
    """
    size = parameters.log_scale.amax(1).exp()
    kept = (parameters.logit.sigmoid() >= LEAST_OPACITY) & (size >= sizes[0]) & (size <= sizes[1])
    if not kept.any():
        kept[parameters.logit.argmax()] = True
    stay = kept.nonzero()[:, 0]
    room = min(most - len(stay), int(GROWTH * len(stay)))
    if evidence is None or room <= 0:
        return Revision(parameters.map(lambda rows: rows[stay]), stay, torch.zeros_like(kept[stay]), 0, len(kept) - len(stay))
    pull = torch.where(size > 2 * sizes[0], evidence.mean(), 0.0)[stay]
    order = pull.argsort(descending=True, stable=True)[:room]
    chosen = order[pull[order] > LEAST_GRADIENT]
    whole = torch.ones_like(stay, dtype=torch.bool)
    whole[chosen] = False
    source = torch.cat([stay[whole], stay[chosen], stay[chosen]])
    fresh = torch.arange(len(source), device=source.device) >= int(whole.sum())
    halves = [_half(parameters.map(lambda rows: rows[stay[chosen]]), surface, side) for side in (-1.0, 1.0)]
    rest = parameters.map(lambda rows: rows[stay[whole]])
    joined = {name: torch.cat([getattr(part, name) for part in (rest, *halves)]) for name in vars(rest)}
    return Revision(Parameters(**joined), source, fresh, len(chosen), len(kept) - len(stay))


def _half(parameters: Parameters, surface: Surface, side: float) -> Parameters:
    """Return one half of each Gaussian, moved along its longest axis."""
    axis = parameters.log_scale.argmax(1)
    turns = quaternion_to_matrix(parameters.turn)
    index = torch.arange(len(axis), device=axis.device)
    way = side * _APART * parameters.log_scale.exp()[index, axis, None] * turns[index, :, axis]
    face, barycentric = surface.walk(parameters.face, parameters.barycentric, way)
    log_scale = parameters.log_scale.clone()
    log_scale[index, axis] -= torch.tensor(_SHRINK).log()
    return replace(parameters, face=face, barycentric=barycentric, log_scale=log_scale)
