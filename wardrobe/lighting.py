"""Soft studio light, baked: splats carry no lamps, so form is painted on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..models.geometry.mesh import scatter_faces_to_vertices
from .sheets import averaging

Vector = tuple[float, float, float]
GAMMA = 2.2  # of sRGB, about


@dataclass(frozen=True)
class Lamps:
    """A set-up of lights.

    key, fill, rim: the direction towards each lamp (the camera looks along -Z) and its linear colour; the key casts shadows
    sky, ground: linear colours of the light from above and from below
    spread: how large the key lamp is: 0.1 throws crisp shadows, 0.5 hardly any
    """

    key: tuple[Vector, Vector]
    fill: tuple[Vector, Vector]
    rim: tuple[Vector, Vector]
    sky: Vector
    ground: Vector
    spread: float


STUDIO = Lamps(
    key=((0.5, 0.75, 0.75), (0.70, 0.675, 0.63)),
    fill=((-0.8, 0.25, 0.6), (0.15, 0.16, 0.18)),
    rim=((-0.35, 0.5, -0.9), (0.26, 0.27, 0.29)),
    sky=(0.52, 0.53, 0.555),
    ground=(0.27, 0.245, 0.23),
    spread=0.28,
)
_QUICK_SKY, _QUICK_KEY = 10, 4  # directions that a quick light looks in
_CELL, _BIAS = 0.015, 0.022  # metres: resolution of the shadow maps, and what counts as the same surface


def light_vertices(
    position: Tensor,  # [V, 3] metres
    normal: Tensor,  # [V, 3] unit
    faces: Tensor,  # [F, 3]
    warmth: Tensor,  # [V] 0..1, how much light bleeds through, as in skin
) -> Tensor:  # [V, 3] linear light, about 0.2 to 1.3
    """Light the studio: a sky, a key, a fill and a rim lamp, with soft shadows and darkened hollows."""
    points = torch.cat([position, position[faces].mean(1)])
    smooth = averaging(faces, len(position))
    seen = torch.stack([_open_sky(points, normal, 40), _lamp_visibility(points, len(position), STUDIO, 14)], 1)
    openness, shadow = smooth(smooth(seen)).unbind(1)
    return _light(normal, warmth, openness, shadow, hollows(position, normal, faces, smooth), STUDIO)


def light_quickly(
    position: Tensor,  # [V, 3] metres
    normal: Tensor,  # [V, 3] unit
    warmth: Tensor,  # [V] 0..1
    hollow: Tensor,  # [V] 0..1, see `hollows`
    smooth: Callable[[Tensor], Tensor],
    lamps: Lamps,
) -> Tensor:  # [V, 3] linear light, about 0.2 to 1.3
    """Light vertices for one picture: coarser shadows than `light_vertices`, at a tenth of its cost.

    Args:
        smooth: averages values [V, C] over neighbouring vertices.
    """
    seen = torch.stack([_open_sky(position, normal, _QUICK_SKY), _lamp_visibility(position, len(position), lamps, _QUICK_KEY)], 1)
    openness, shadow = smooth(smooth(smooth(seen))).unbind(1)
    return _light(normal, warmth, openness, shadow, hollow, lamps)


def light_plainly(normal: Tensor, lamps: Lamps) -> Tensor:
    """Light surfaces with unit normals [N, 3] that stand half in the shade of something: [N, 3] linear light."""
    ones = torch.ones(len(normal))
    return _light(normal, 0 * ones, 0.8 * ones, 0.7 * ones, 0 * ones, lamps)


def turned(lamps: Lamps, degrees: float) -> Lamps:
    """Return the lamps turned round the upright axis, from +Z towards +X, as a camera that is carried round takes them along."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))

    def turn(lamp: tuple[Vector, Vector]) -> tuple[Vector, Vector]:
        (x, y, z), color = lamp
        return (cosine * x + sine * z, y, cosine * z - sine * x), color

    return replace(lamps, key=turn(lamps.key), fill=turn(lamps.fill), rim=turn(lamps.rim))


def _light(normal: Tensor, warmth: Tensor, openness: Tensor, shadow: Tensor, hollow: Tensor, lamps: Lamps) -> Tensor:
    up = 0.5 + 0.5 * normal[:, 1:2]
    light = torch.lerp(torch.tensor(lamps.ground), torch.tensor(lamps.sky), up) * _tinted(openness, warmth)
    for (direction, color), visible in ((lamps.key, shadow), (lamps.fill, openness), (lamps.rim, openness)):
        facing = normal @ torch.nn.functional.normalize(torch.tensor(direction), dim=0)
        light = light + torch.tensor(color) * _wrapped(facing, warmth) * _tinted(visible, warmth)
    return light * (1 - 0.45 * hollow)[:, None]


def lit(color: Tensor, light: Tensor) -> Tensor:
    """Multiply sRGB colour by linear light, giving linear colour: light adds up linearly, and bright parts roll off, not clip."""
    linear = color.clamp(0, 1) ** GAMMA * light
    return (linear / (1 + (linear - 0.75).clamp_min(0))).clamp(0, 1)


def embossing(relief: Tensor, owner: Tensor, step: int = 1) -> Tensor:
    """Return the brightness [H, W] of relief that is lit from above and a little from the left.

    Args:
        relief: [H, W] heights over the surface, in units of the distance between spots that lie `step` apart.
        owner:  [H, W] int64; relief of another owner is no neighbour's.
    """
    down, right = torch.zeros_like(relief), torch.zeros_like(relief)
    down[:-step] = (relief[step:] - relief[:-step]) * (owner[step:] == owner[:-step])
    right[:, :-step] = (relief[:, step:] - relief[:, :-step]) * (owner[:, step:] == owner[:, :-step])
    return (1 + 0.85 * down + 0.4 * right).clamp(0.6, 1.3)


def hollows(position: Tensor, normal: Tensor, faces: Tensor, smooth: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return how deep in a crease each vertex lies [V], 0..1: below the locally smoothed surface, for the mesh's fineness.

    Args:
        smooth: averages values [V, C] over neighbouring vertices; None makes it from the faces.
    """
    smooth = smooth or averaging(faces, len(position))
    edge = (position[faces] - position[faces[:, [1, 2, 0]]]).norm(dim=-1).mean(1, keepdim=True)
    edge = scatter_faces_to_vertices(edge, faces, len(position)) / torch.bincount(faces.flatten(), minlength=len(position))[:, None]
    depth = (1.3 * edge[:, 0]).clamp_min(0.004)
    smoothed = position
    for _ in range(8):
        smoothed = smooth(smoothed)
    return (((smoothed - position) * normal).sum(1) / depth).clamp(0, 1)


def _wrapped(facing: Tensor, warmth: Tensor) -> Tensor:
    """Lambert's cosine, let round the edge where light bleeds through: red farthest, as in skin."""
    reach = 0.08 + warmth[:, None] * torch.tensor([0.42, 0.22, 0.16])
    return ((facing[:, None] + reach) / (1 + reach)).clamp_min(0)


def _tinted(visible: Tensor, warmth: Tensor) -> Tensor:
    """Shadow on skin is not grey: what light is left comes through it, reddened."""
    return visible[:, None] ** (1 - warmth[:, None] * torch.tensor([0.45, 0.15, 0.0]))


def _open_sky(points: Tensor, normal: Tensor, count: int) -> Tensor:
    """Return the cosine-weighted share [V] of the surroundings that the first V points see, looking in `count` directions."""
    index = torch.arange(count) + 0.5
    polar, azimuth = torch.acos(1 - 2 * index / count), math.pi * (1 + math.sqrt(5)) * index
    directions = torch.stack([azimuth.cos() * polar.sin(), polar.cos(), azimuth.sin() * polar.sin()], 1)
    seen, total = torch.zeros(len(normal)), torch.zeros(len(normal))
    for direction in directions:
        weight = (normal @ direction).clamp_min(0)
        seen += weight * _visible_from(points, len(normal), direction)
        total += weight
    return seen / total.clamp_min(1e-6)


def _lamp_visibility(points: Tensor, count: int, lamps: Lamps, samples: int) -> Tensor:
    """Return the share [V] of the key lamp that the first `count` points see."""
    generator = torch.Generator().manual_seed(0)
    direction = torch.nn.functional.normalize(torch.tensor(lamps.key[0]), dim=0)
    spread = torch.nn.functional.normalize(direction + lamps.spread * torch.randn(samples, 3, generator=generator), dim=1)
    return torch.stack([_visible_from(points, count, sample) for sample in spread]).mean(0)


def _visible_from(points: Tensor, count: int, direction: Tensor) -> Tensor:
    """Return 1 for the first `count` points that nothing covers as seen along `direction`, 0 for covered ones: a shadow map."""
    helper = torch.tensor([0.0, 0.0, 1.0]) if abs(float(direction[1])) > 0.9 else torch.tensor([0.0, 1.0, 0.0])
    across = torch.nn.functional.normalize(torch.linalg.cross(helper, direction, dim=0), dim=0)
    upwards = torch.linalg.cross(direction, across, dim=0)
    x, y, depth = (points @ torch.stack([across, upwards, direction], 1)).unbind(1)
    column, row = ((x - x.min()) / _CELL).long(), ((y - y.min()) / _CELL).long()
    width = int(column.max()) + 1
    key = row * width + column
    nearest = torch.full((int(key.max()) + 1,), -torch.inf).scatter_reduce_(0, key, depth, "amax")
    return (depth[:count] > nearest[key[:count]] - _BIAS).float()
