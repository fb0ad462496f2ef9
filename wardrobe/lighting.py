"""Soft studio light, baked: splats carry no lamps, so form is painted on."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..models.geometry.mesh import scatter_faces_to_vertices

# Directions towards the lamps (the person faces +Z) and their linear colours.
KEY = ((0.5, 0.75, 0.75), (0.70, 0.675, 0.63))
FILL = ((-0.8, 0.25, 0.6), (0.15, 0.16, 0.18))
RIM = ((-0.35, 0.5, -0.9), (0.26, 0.27, 0.29))
SKY, GROUND = (0.52, 0.53, 0.555), (0.27, 0.245, 0.23)
_CELL, _BIAS = 0.015, 0.022  # metres: resolution of the shadow maps, and what counts as the same surface


def light_vertices(
    position: Tensor,  # [V, 3] metres
    normal: Tensor,  # [V, 3] unit
    faces: Tensor,  # [F, 3]
    warmth: Tensor,  # [V] 0..1, how much light bleeds through, as in skin
) -> Tensor:  # [V, 3] linear light, about 0.2 to 1.3
    """Light from a sky, a key, a fill and a rim lamp, with soft shadows and darkened hollows."""
    openness = _open_sky(position, normal, faces)
    shadow = _lamp_visibility(position, normal, faces, torch.tensor(KEY[0]))
    up = 0.5 + 0.5 * normal[:, 1:2]
    light = torch.lerp(torch.tensor(GROUND), torch.tensor(SKY), up) * _tinted(openness, warmth)
    for (direction, color), visible in ((KEY, shadow), (FILL, openness), (RIM, openness)):
        facing = normal @ torch.nn.functional.normalize(torch.tensor(direction), dim=0)
        light = light + torch.tensor(color) * _wrapped(facing, warmth) * _tinted(visible, warmth)
    return light * (1 - 0.45 * hollows(position, normal, faces))[:, None]


def hollows(position: Tensor, normal: Tensor, faces: Tensor) -> Tensor:
    """Return how deep in a crease each vertex lies [V], 0..1: below the locally smoothed surface, for the mesh's fineness."""
    edge = (position[faces] - position[faces[:, [1, 2, 0]]]).norm(dim=-1).mean(1, keepdim=True)
    edge = scatter_faces_to_vertices(edge, faces, len(position)) / torch.bincount(faces.flatten(), minlength=len(position))[:, None]
    depth = (1.3 * edge[:, 0]).clamp_min(0.004)
    smooth = position
    for _ in range(8):
        smooth = _face_mean(smooth, faces)
    return (((smooth - position) * normal).sum(1) / depth).clamp(0, 1)


def _wrapped(facing: Tensor, warmth: Tensor) -> Tensor:
    """Lambert's cosine, let round the edge where light bleeds through: red farthest, as in skin."""
    reach = 0.08 + warmth[:, None] * torch.tensor([0.42, 0.22, 0.16])
    return ((facing[:, None] + reach) / (1 + reach)).clamp_min(0)


def _tinted(visible: Tensor, warmth: Tensor) -> Tensor:
    """Shadow on skin is not grey: what light is left comes through it, reddened."""
    return visible[:, None] ** (1 - warmth[:, None] * torch.tensor([0.45, 0.15, 0.0]))


def _open_sky(position: Tensor, normal: Tensor, faces: Tensor) -> Tensor:
    """Return the cosine-weighted share [V] of the surroundings that each vertex sees."""
    count = 40
    index = torch.arange(count) + 0.5
    polar, azimuth = torch.acos(1 - 2 * index / count), math.pi * (1 + math.sqrt(5)) * index
    directions = torch.stack([azimuth.cos() * polar.sin(), polar.cos(), azimuth.sin() * polar.sin()], 1)
    seen, total = torch.zeros(len(position)), torch.zeros(len(position))
    for direction in directions:
        weight = (normal @ direction).clamp_min(0)
        seen += weight * _visible_from(position, faces, direction)
        total += weight
    return _face_mean((seen / total.clamp_min(1e-6))[:, None], faces, 2)[:, 0]


def _lamp_visibility(position: Tensor, normal: Tensor, faces: Tensor, direction: Tensor) -> Tensor:
    """Return the visible share [V] of a large soft lamp."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.nn.functional.normalize(direction, dim=0) + 0.28 * torch.randn(14, 3, generator=generator)
    seen = torch.stack([_visible_from(position, faces, sample) for sample in torch.nn.functional.normalize(spread, dim=1)]).mean(0)
    return _face_mean(seen[:, None], faces, 2)[:, 0]


def _visible_from(position: Tensor, faces: Tensor, direction: Tensor) -> Tensor:
    """Return 1 for vertices [V] that nothing covers as seen along `direction`, 0 for covered ones: a shadow map of points."""
    helper = torch.tensor([0.0, 0.0, 1.0]) if abs(float(direction[1])) > 0.9 else torch.tensor([0.0, 1.0, 0.0])
    across = torch.nn.functional.normalize(torch.linalg.cross(helper, direction, dim=0), dim=0)
    upwards = torch.linalg.cross(direction, across, dim=0)
    points = torch.cat([position, position[faces].mean(1)])
    cell = torch.stack([points @ across, points @ upwards], 1).div(_CELL).floor().long()
    cell = cell - cell.amin(0)
    width = int(cell[:, 0].max()) + 1
    key = cell[:, 1] * width + cell[:, 0]
    depth = points @ direction
    nearest = torch.full((int(key.max()) + 1,), -torch.inf).scatter_reduce_(0, key, depth, "amax")
    return (depth[: len(position)] > nearest[key[: len(position)]] - _BIAS).float()


def _face_mean(values: Tensor, faces: Tensor, rounds: int = 1) -> Tensor:
    """Average values [V, C] over the faces around each vertex, `rounds` times."""
    ones = scatter_faces_to_vertices(torch.ones(len(faces), 1), faces, len(values)).clamp_min(1)
    for _ in range(rounds):
        values = scatter_faces_to_vertices(values[faces].mean(1), faces, len(values)) / ones
    return values
