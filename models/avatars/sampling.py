"""Gaussians for a textured mesh: evenly spread flat discs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..geometry import Mesh
from ..geometry.mesh import face_areas, face_normals
from ..geometry.spherical_harmonics import rgb_to_sh
from ..render import texture_lookup
from .types import BoundGaussians

_CANDIDATES = 5  # per Gaussian
_OPACITY = 0.99
_COVER = 0.68  # tangential sigma over sample spacing: 99 % of a surface is then covered to 98 % or more
_THICKNESS = 0.12  # normal sigma over tangential sigma
GREY = 0.6  # what has neither texture nor colours
_CHUNK = 50_000  # points at a time, so that a cancelled run stops soon
_STEPS = 7  # of the progress that is told: four attempts, filling up, sizes, colours


def sample_gaussians(mesh: Mesh, count: int, seed: int, progress: Callable[[int, int], None] | None = None) -> BoundGaussians:
    """Cover a mesh with `count` flat Gaussians at even spacing, coloured from its texture or vertex colours.

    Blue noise by elimination: of many area-uniform candidates, no two kept ones on the same sheet of surface are nearer than one
    spacing. Sheets that merely lie close (a sleeve on an arm) do not thin each other out. The same seed gives the same Gaussians.

    Raises:
        ValueError: if the count is not positive or the mesh has no area.
    """
    if count < 1:
        raise ValueError(f"{count} Gaussians were asked for; ask for at least 1.")
    areas = face_areas(mesh.vertices.double(), mesh.faces)
    if len(areas) == 0 or not float(areas.sum()) > 0:
        raise ValueError("The mesh has no surface area, so no Gaussians can be placed on it; check its faces and units.")
    generator = torch.Generator().manual_seed(seed)
    face, barycentric = _candidates(areas, _CANDIDATES * count, generator)
    points = (barycentric[:, :, None] * mesh.vertices.double()[mesh.faces[face]]).sum(1)
    normals = face_normals(mesh.vertices.double(), mesh.faces)[face]
    spacing = math.sqrt(float(areas.sum()) / count)
    tell = partial(_tell, progress)
    chosen = _eliminate(points, normals, count, spacing, generator, tell)
    face, barycentric = face[chosen], barycentric[chosen].float()
    sigma = _COVER * _local_spacing(points[chosen], normals[chosen], spacing, partial(tell, 5)).float()
    tell(6)
    return BoundGaussians(
        face=face,
        barycentric=barycentric,
        offset=torch.zeros(count),
        rotation=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        scale=torch.stack([sigma, sigma, _THICKNESS * sigma], dim=-1),
        opacity=torch.full((count,), _OPACITY),
        sh=rgb_to_sh(_disc_colors(mesh, face, barycentric, sigma)),
    )


def _tell(progress: Callable[[int, int], None] | None, step: int) -> None:
    if progress:
        progress(step, _STEPS)


def surface_colors(mesh: Mesh, face: Tensor, barycentric: Tensor) -> Tensor:
    """Return sRGB colours [N, 3] at points of a mesh: its texture, else its vertex colours, else grey."""
    weights = barycentric[:, :, None]
    if mesh.texture is not None and mesh.corner_uv is not None:
        return texture_lookup(mesh.texture, (weights * mesh.corner_uv[face]).sum(1))
    if mesh.colors is not None:
        return (weights * mesh.colors[mesh.faces[face]]).sum(1)
    return torch.full((len(face), 3), GREY)


def _disc_colors(mesh: Mesh, face: Tensor, barycentric: Tensor, sigma: Tensor) -> Tensor:
    """Return the mean colours [N, 3] of the discs, from their centres and six points around, so that fine texture averages out."""
    corners = mesh.vertices[mesh.faces[face]]
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    step1 = e1 / e1.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    step2 = torch.linalg.cross(torch.nn.functional.normalize(torch.linalg.cross(e1, e2, dim=-1), dim=-1), step1, dim=-1)
    across = (e2 * step2).sum(-1).clamp_min(1e-9)  # height of the triangle over its first edge
    along, length = (e2 * step1).sum(-1), e1.norm(dim=-1).clamp_min(1e-9)
    total = 2 * surface_colors(mesh, face, barycentric)
    for turn in range(6):
        x, y = 0.8 * sigma * math.cos(turn * math.pi / 3), 0.8 * sigma * math.sin(turn * math.pi / 3)
        w = y / across
        v = (x - w * along) / length
        moved = (barycentric + torch.stack([-v - w, v, w], dim=-1)).clamp_min(0)  # points beyond an edge are drawn to it
        total = total + surface_colors(mesh, face, moved / moved.sum(-1, keepdim=True))
    return total / 8


def _candidates(areas: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Area-uniform points, stratified along the face order: faces [M] and barycentrics [M, 3]."""
    ends = areas.cumsum(0)
    places = (torch.arange(count) + torch.rand(count, generator=generator, dtype=torch.float64)) / count * ends[-1]
    face = torch.searchsorted(ends, places, right=True).clamp_max(len(areas) - 1)
    root = torch.rand(count, generator=generator, dtype=torch.float64).sqrt()
    along = torch.rand(count, generator=generator, dtype=torch.float64)
    return face, torch.stack([1 - root, root * (1 - along), root * along], dim=-1)


def _eliminate(
    points: Tensor, normals: Tensor, count: int, spacing: float, generator: torch.Generator, tell: Callable[[int], None]
) -> Tensor:
    """Return the indices [count] of candidates that keep a distance, filled up with the loneliest of the others."""
    priority = torch.rand(len(points), generator=generator)
    radius = 0.715 * spacing  # what a maximal set of random discs needs at this many candidates, on a flat surface
    for attempt in range(4):
        kept = _maximal_set(points, normals, radius, priority, partial(tell, attempt))
        if 0.97 * count <= len(kept) <= count:
            break
        radius *= math.sqrt(len(kept) / (0.985 * count))
    kept = kept[:count]
    missing = count - len(kept)
    if missing:
        rest = torch.ones(len(points), dtype=torch.bool)
        rest[kept] = False
        rest = rest.nonzero()[:, 0]
        lonely = _nearest(points[rest], points[kept], 1, partial(tell, 4))[0][:, 0]
        rest = rest[lonely.argsort(descending=True, stable=True)]
        pool = rest[: 16 * missing]
        apart = _maximal_set(points[pool], normals[pool], 0.7 * radius, -torch.arange(len(pool)), partial(tell, 4))
        others = torch.ones(len(rest), dtype=torch.bool)
        others[apart] = False
        kept = torch.cat([kept, torch.cat([rest[apart], rest[others]])[:missing]])
    return kept.sort().values


def _maximal_set(points: Tensor, normals: Tensor, radius: float, priority: Tensor, tick: Callable[[], None]) -> Tensor:
    """Take candidates in the order of priority [M], each unless a taken one on its sheet is nearer than `radius`.

    Done in rounds that give the same set: who beats all undecided neighbours is in, and its neighbours are out.
    """
    first, second = _close_pairs(points, normals, radius, tick)
    undecided = torch.ones(len(points), dtype=torch.bool)
    taken = torch.zeros(len(points), dtype=torch.bool)
    while undecided.any():
        tick()
        loser = torch.where(priority[first] < priority[second], first, second)
        wins = undecided.clone()
        wins[loser] = False
        taken |= wins
        undecided &= ~wins
        undecided[torch.cat([second[wins[first]], first[wins[second]]])] = False
        live = undecided[first] & undecided[second]
        first, second = first[live], second[live]
    return taken.nonzero()[:, 0]


def _close_pairs(points: Tensor, normals: Tensor, radius: float, tick: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Return the pairs (first < second) of points on one sheet that are at most `radius` apart, found slab by slab."""
    from scipy.spatial import cKDTree

    axis = int((points.amax(0) - points.amin(0)).argmax())
    place, order = points[:, axis].sort(stable=True)
    found = []
    for start in range(0, len(points), _CHUNK):
        tick()
        end = min(start + _CHUNK, len(points))
        reach = int(torch.searchsorted(place, place[end - 1] + radius, right=True))
        slab = order[start:reach]
        pairs = torch.from_numpy(cKDTree(points[slab].numpy()).query_pairs(radius, output_type="ndarray"))
        first, second = slab[pairs[pairs.amin(1) < end - start]].sort(dim=1).values.unbind(1)
        same = _same_sheet(points, normals, first, second, radius)
        found.append(torch.stack([first[same], second[same]]))
    return tuple(torch.cat(found, dim=1))


def _nearest(queries: Tensor, points: Tensor, count: int, tick: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """Return distances and indices [N, count] of the points nearest to each query."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points.numpy())
    found = []
    for part in queries.split(_CHUNK):
        tick()
        found.append([torch.from_numpy(values).reshape(len(part), count) for values in tree.query(part.numpy(), k=count)])
    distances, indices = zip(*found, strict=True)
    return torch.cat(distances), torch.cat(indices)


def _same_sheet(points: Tensor, normals: Tensor, first: Tensor, second: Tensor, radius: float) -> Tensor:
    """Whether pairs of points lie on one sheet of surface: normals agree and the step between them is tangential."""
    step = ((points[first] - points[second]) * (normals[first] + normals[second])).sum(-1).abs() / 2
    return ((normals[first] * normals[second]).sum(-1) > 0.3) & (step < 0.45 * radius)


def _local_spacing(points: Tensor, normals: Tensor, spacing: float, tick: Callable[[], None]) -> Tensor:
    """Return the mean distance [N] to the six nearest others on the same sheet, bounded around the mean spacing."""
    neighbours = min(16, len(points))
    distance, index = (found[:, 1:] for found in _nearest(points, points, neighbours, tick))
    if neighbours == 1:
        return torch.full((1,), spacing, dtype=torch.float64)
    same = torch.zeros_like(index, dtype=torch.bool)
    for rows in torch.arange(len(points)).split(_CHUNK):
        tick()
        here = rows[:, None].expand_as(index[rows]).reshape(-1)
        same[rows] = _same_sheet(points, normals, here, index[rows].reshape(-1), spacing).reshape(len(rows), -1)
    same &= same.cumsum(1) <= 6
    mean = (distance * same).sum(1) / same.sum(1).clamp_min(1)
    return torch.where(same.any(1), mean, spacing).clamp(0.5 * spacing, 1.6 * spacing)
