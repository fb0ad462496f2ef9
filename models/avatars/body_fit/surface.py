"""The surface to fit to: points spread over an avatar, a mesh or a cloud of Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...geometry import Gaussians, Mesh
from ...geometry.mesh import face_areas, face_normals, inside_out, vertex_normals
from ..labels import LABEL_INDEX, SKIN
from ..types import Avatar

LEAST_POINTS = 100
LEAST_HEIGHT, MOST_HEIGHT = 0.4, 2.9  # metres, from a toddler who sits to a tall person who reaches up
_SOLID = 0.5  # opacity from which a Gaussian counts
_SEED = 20230


@dataclass(frozen=True)
class Surface:
    """Points on what the body is to fit.

    points:  [N, 3] metres
    normals: [N, 3] unit, outwards; or None where nobody knows them
    skin:    [N] bool, True where the surface is known to be bare skin
    turned:  whether the mesh was inside out, so that its normals were turned round
    """

    points: Tensor
    normals: Tensor | None
    skin: Tensor
    turned: bool = False

    def __len__(self) -> int:
        return len(self.points)

    @property
    def low(self) -> float:
        """Height of the lowest point, metres, one in a thousand left out."""
        return float(self.points[:, 1].quantile(0.001))

    @property
    def high(self) -> float:
        """Height of the highest point, metres, one in a thousand left out."""
        return float(self.points[:, 1].quantile(0.999))

    def some(self, count: int) -> Surface:
        """Return about `count` of the points, evenly picked; they were drawn in a random order."""
        normals = None if self.normals is None else self.normals[:count]
        return replace(self, points=self.points[:count], normals=normals, skin=self.skin[:count])


def surface_of(subject: Avatar | Mesh | Gaussians, count: int) -> Surface:
    """Spread about `count` points over an avatar's mesh, a mesh, or take them from the opaque of free Gaussians.

    The same subject gives the same points.

    Raises:
        ValueError: if there are too few vertices, numbers that are not finite, or a size that no person in metres has.
    """
    if isinstance(subject, Gaussians):
        _check(subject.positions, "splat", "Gaussians")
        solid = subject.positions[subject.opacities > _SOLID].float()
        _check(solid, "splat", "opaque Gaussians")
        order = torch.randperm(len(solid), generator=torch.Generator().manual_seed(_SEED))[:count]
        return _sized(Surface(solid[order], None, torch.zeros(len(order), dtype=torch.bool)))
    mesh = subject.mesh if isinstance(subject, Avatar) else subject
    labels = subject.labels if isinstance(subject, Avatar) else None
    _check(mesh.vertices, "avatar's mesh", "vertices")
    bare = torch.zeros(len(mesh.vertices), dtype=torch.bool) if labels is None else _among(labels, SKIN)
    return _sized(_spread(mesh, bare, count))


def _spread(mesh: Mesh, bare: Tensor, count: int) -> Surface:
    """Draw points on the faces, as many everywhere as the area is large; without faces take the vertices."""
    draw = torch.Generator().manual_seed(_SEED)
    area = face_areas(mesh.vertices, mesh.faces) if len(mesh.faces) else torch.zeros(1)
    if not float(area.sum()) > 0:
        order = torch.randperm(len(mesh.vertices), generator=draw)[:count]
        return Surface(mesh.vertices[order].float(), None, bare[order])
    # Stratified: one point in each equal share of the area, so that no part is left out by chance.
    shares = (torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=draw, dtype=torch.float64)) / count
    ends = area.double().cumsum(0)
    face = torch.searchsorted(ends, shares * ends[-1]).clamp_max(len(mesh.faces) - 1)
    face = face[torch.randperm(count, generator=draw)]
    a, b = torch.rand(2, count, generator=draw)
    fold = a + b > 1
    a, b = torch.where(fold, 1 - a, a), torch.where(fold, 1 - b, b)
    weights = torch.stack([1 - a - b, a, b], dim=-1)[..., None]
    corners = mesh.faces[face]
    smooth = (weights * vertex_normals(mesh.vertices, mesh.faces)[corners]).sum(1)
    flat = face_normals(mesh.vertices, mesh.faces)[face]
    normals = torch.nn.functional.normalize(torch.where(smooth.norm(dim=-1, keepdim=True) > 0.1, smooth, flat), dim=-1)
    turned = inside_out(mesh.vertices, mesh.faces)
    return Surface((weights * mesh.vertices[corners]).sum(1).float(), -normals if turned else normals, bare[corners].all(1), turned)


def _among(labels: Tensor, names: Sequence[str]) -> Tensor:
    return torch.isin(labels, torch.tensor([LABEL_INDEX[name] for name in names]))


def _check(points: Tensor, what: str, of: str) -> None:
    if len(points) < LEAST_POINTS:
        raise ValueError(f"The {what} has {len(points)} {of}, and a body needs at least {LEAST_POINTS} to be fitted to.")
    if not points.isfinite().all():
        raise ValueError(f"The {what} has numbers that are not finite: repair it where it was made.")


def _sized(surface: Surface) -> Surface:
    height = surface.high - surface.low
    if not LEAST_HEIGHT <= height <= MOST_HEIGHT:
        raise ValueError(
            f"The avatar is {height:.3g} m high, which no person is: scale it to metres, Y up, before a body is fitted to it."
        )
    return surface
