"""Gaussians for a dressed person: finer where people look and where cloth is patterned, crisp where cloth ends."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from ..models.avatars.sampling import sample_gaussians, surface_colors
from ..models.avatars.types import BoundGaussians
from ..models.geometry import Mesh
from ..models.geometry.mesh import face_areas, face_normals, take_faces
from ..models.geometry.spherical_harmonics import rgb_to_sh
from .sheets import rim_edges

# Gaussians an area, against 1 for plain surfaces.
_LABELS = {"face": 6.0, "hands": 2.5}
_FEATURES = {1: 22.0, 2: 110.0}  # brows, nose and mouth; eyes
# Along the rims of cloth: how far apart, how far inside and how large Gaussians are, metres.
_RIM_SPACING, _RIM_INSET, _RIM_SIGMA = 0.0026, 0.0012, 0.0015


def cover(mesh: Mesh, labels: Tensor, features: Tensor, share: Tensor, count: int, seed: int) -> BoundGaussians:
    """Cover a mesh with `count` Gaussians; hems that are folded inside get none.

    Args:
        labels: [V] index into LABELS.
        features: [V] 0 off the features of the face, 1 on them, 2 on the eyes.
        share: [F] Gaussians an area, relative.
    """
    kind = labels[mesh.faces].amin(1)
    density = share.clone()
    for name, weight in _LABELS.items():
        density[kind == LABEL_INDEX[name]] = weight
    feature = features[mesh.faces].amin(1).round()
    for level, weight in _FEATURES.items():
        density[feature == level] = weight
    edge = mesh.corner_uv[:, 1:] - mesh.corner_uv[:, :1]
    outside = (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]).abs() > 1e-12
    edges = _crisp_edges(mesh, outside & (kind == LABEL_INDEX["clothes"]), outside & (kind == LABEL_INDEX["shoes"]))
    rims = _edging(mesh, *edges, count // 20)
    parts = [rims]
    levels = torch.unique(density)
    areas = face_areas(mesh.vertices, mesh.faces) * outside
    demand = torch.stack([areas[density == level].sum() * level for level in levels])
    counts = (demand.cumsum(0) / demand.sum() * (count - len(rims))).round().long().diff(prepend=torch.zeros(1, dtype=torch.int64))
    for index, level in enumerate(levels):
        group = (density == level) & outside
        if not counts[index]:
            continue
        part, _, _ = take_faces(mesh, group)
        bound = sample_gaussians(part, int(counts[index]), seed + index)
        parts.append(_with_face(bound, group.nonzero()[:, 0][bound.face]))
    return _shrunk_near(_joined(parts), mesh, rims)


def _edging(mesh: Mesh, face: Tensor, corner: Tensor, most: int) -> BoundGaussians:
    """Run small Gaussians along edges, each told by a face [E] and the corner of it where the edge starts [E]."""
    start = mesh.vertices[mesh.faces[face, corner]]
    length = (mesh.vertices[mesh.faces[face, (corner + 1) % 3]] - start).norm(dim=1)
    ends = length.cumsum(0)
    total = float(ends[-1]) if len(ends) else 0.0
    amount = min(int(total / _RIM_SPACING), most)
    place = (torch.arange(amount) + 0.5) / max(amount, 1) * total
    at = torch.searchsorted(ends, place).clamp_max(max(len(face) - 1, 0))
    along = 1 - (ends[at] - place) / length[at]
    face, corner = face[at], corner[at]
    height = 2 * face_areas(mesh.vertices, mesh.faces[face]) / length[at]
    inset = (_RIM_INSET / height.clamp_min(1e-5)).clamp_max(0.5)
    barycentric = torch.zeros(amount, 3)
    barycentric.scatter_(1, corner[:, None], ((1 - along) * (1 - inset))[:, None])
    barycentric.scatter_(1, (corner[:, None] + 1) % 3, (along * (1 - inset))[:, None])
    barycentric.scatter_(1, (corner[:, None] + 2) % 3, inset[:, None])
    return BoundGaussians(
        face=face,
        barycentric=barycentric,
        offset=torch.zeros(amount),
        rotation=torch.tensor([1.0, 0, 0, 0]).repeat(amount, 1),
        scale=torch.tensor([_RIM_SIGMA, _RIM_SIGMA, 0.3 * _RIM_SIGMA]).repeat(amount, 1),
        opacity=torch.full((amount,), 0.99),
        sh=rgb_to_sh(surface_colors(mesh, face, barycentric)),
    )


def _crisp_edges(mesh: Mesh, cloth: Tensor, shoes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rims of cloth and the sharp edges of soles, as faces [E] and the corners of them where edges start [E]."""
    _, owner, corner = rim_edges(mesh.faces[cloth])
    face = cloth.nonzero()[:, 0][owner]
    normal = face_normals(mesh.vertices, mesh.faces)
    sole = shoes & (normal[:, 1] < -0.7)
    _, owner, sharp_corner = rim_edges(mesh.faces[shoes & ~sole])
    wall = (shoes & ~sole).nonzero()[:, 0][owner]
    return torch.cat([face, wall]), torch.cat([corner, sharp_corner])


def _shrunk_near(bound: BoundGaussians, mesh: Mesh, rims: BoundGaussians) -> BoundGaussians:
    """Shrink what lies so near to a rim that it would stick out over it."""
    from scipy.spatial import cKDTree

    if not len(rims):
        return bound

    def centres(some: BoundGaussians) -> Tensor:
        return (some.barycentric[..., None] * mesh.vertices[mesh.faces[some.face]]).sum(1)

    distance = torch.from_numpy(cKDTree(centres(rims).numpy()).query(centres(bound).numpy(), distance_upper_bound=0.02)[0]).float()
    limit = (_RIM_SIGMA + 0.5 * distance.clamp_max(0.02))[:, None]
    scale = bound.scale * (limit / bound.scale[:, :1]).clamp_max(1)
    return BoundGaussians(bound.face, bound.barycentric, bound.offset, bound.rotation, scale, bound.opacity, bound.sh)


def _with_face(bound: BoundGaussians, face: Tensor) -> BoundGaussians:
    return BoundGaussians(face, bound.barycentric, bound.offset, bound.rotation, bound.scale, bound.opacity, bound.sh)


def _joined(parts: list[BoundGaussians]) -> BoundGaussians:
    names = ("face", "barycentric", "offset", "rotation", "scale", "opacity", "sh")
    return BoundGaussians(*(torch.cat([getattr(part, name) for part in parts]) for name in names))
