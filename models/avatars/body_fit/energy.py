"""What a fit costs: how far surface and body are apart, with clothes outside of the body, as weighted rows for the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .rig import Posed
from .surface import Surface

_NORMAL_REACH = 0.12  # metres that opposite normals add to a distance, twice: what faces away is no partner
_FIRM = 0.02  # metres: the least scale on which skin off the body, and body outside of the surface, cost


@dataclass(frozen=True)
class Weights:
    """How the terms count.

    reach:   metres from which on a distance counts less and less (Geman and McClure 1985)
    gap:     metres that cloth usually lies off the body
    loose:   of cloth's distance off the body, beside 1 for cloth inside of it
    skin:    of skin's distance to both sides
    hollow:  of the body's distance inside of the surface, beside 1 for body outside of it
    plane:   how much of a distance counts along the normal alone; the rest counts in every direction
    """

    reach: float = 0.05
    gap: float = 0.008
    loose: float = 0.35
    skin: float = 3.0
    hollow: float = 0.25
    plane: float = 0.9


class Pulls(NamedTuple):
    """What pulls at the points and joints of a rig: where x is how far one moves, it costs x.matrix.x + 2 x.force.

    matrix: [N + 55, 3, 3]
    force:  [N + 55, 3]
    """

    matrix: Tensor
    force: Tensor

    def __add__(self, other: Pulls) -> Pulls:
        return Pulls(self.matrix + other.matrix, self.force + other.force)


class Partners:
    """Finds partners on the surface, which stays, for body points, which move; and the other way round."""

    def __init__(self, surface: Surface) -> None:
        from scipy.spatial import cKDTree

        self.surface = surface
        self.facing = surface.normals is not None
        self.tree: Any = cKDTree(_keys(surface.points, surface.normals))

    def on_surface(self, posed: Posed) -> Tensor:
        """Return the surface point [N] nearest to each body point, in place and facing."""
        return torch.from_numpy(self.tree.query(_keys(posed.points, posed.normals if self.facing else None))[1])

    def on_body(self, posed: Posed) -> Tensor:
        """Return the body point [M] nearest to each surface point, in place and facing."""
        from scipy.spatial import cKDTree

        tree = cKDTree(_keys(posed.points, posed.normals if self.facing else None))
        return torch.from_numpy(tree.query(self.tree.data)[1])


def match(partners: Partners, posed: Posed, weights: Weights) -> tuple[Pulls, float]:
    """Pair the surface with the body; return what the pairs pull and cost.

    Along the body's normal, cloth may lie outside of the body by about a gap; farther off it costs robustly, inside it costs fully.
    Skin costs on both sides. Body outside of the surface costs fully, inside robustly, since clothes and hair hide it. The cost is
    a mean over both sides, so that guesses can be compared.
    """
    surface = partners.surface
    body, near = partners.on_body(posed), partners.on_surface(posed)
    every = torch.arange(len(near))
    out, cost_out = _pairs(posed, body, surface.points, surface.skin, weights, weights.loose)
    into, cost_in = _pairs(posed, every, surface.points[near], surface.skin[near], weights, weights.hollow)
    return out + into, cost_out + cost_in


def _pairs(posed: Posed, point: Tensor, place: Tensor, skin: Tensor, weights: Weights, loose: float) -> tuple[Pulls, float]:
    """Return what pairs of body points [K] and places on the surface [K, 3] pull, and their mean cost.

    A pair costs level * s^2 d^2 / (s^2 + d^2) in units of 1 cm^2, and pulls as the derivative of that asks. d is the distance along
    the normal, with a share 1 - plane of the whole distance.
    """
    normal = posed.normals[point]
    away = place - posed.points[point]
    off = (normal * away).sum(-1) - torch.where(skin, 0.0, weights.gap)
    outside = ~skin & (off > 0)
    level = torch.where(skin, weights.skin, torch.where(outside, loose, 1.0))
    scale = torch.where(outside, weights.reach, max(_FIRM, weights.reach / 2))
    square = weights.plane * off.square() + (1 - weights.plane) * away.square().sum(-1)
    ratio = scale.square() / (scale.square() + square)
    weight = level * ratio.square() * (1e4 / len(point))
    matrix = weights.plane * normal[:, :, None] * normal[:, None] + (1 - weights.plane) * torch.eye(3)
    force = -(weights.plane * off[:, None] * normal + (1 - weights.plane) * away)
    count = len(posed.carried)
    pulls = Pulls(
        torch.zeros(count, 3, 3).index_add_(0, point, weight[:, None, None] * matrix),
        torch.zeros(count, 3).index_add_(0, point, weight[:, None] * force),
    )
    return pulls, float((level * ratio * square).mean()) * 1e4


def _keys(points: Tensor, normals: Tensor | None) -> Any:
    """Return what partners are searched by: places, and normals as metres."""
    if normals is None:
        return points.numpy()
    return torch.cat([points, _NORMAL_REACH * normals], dim=1).numpy()
