"""What masks of rendered views say of each vertex."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...geometry import Mesh
from ...geometry.mesh import vertex_normals
from ...render import Camera
from ...render.mesh_rasterizer import rasterize

GRAZING = 0.1  # cosine between normal and view below which a vertex is seen too flatly to tell
_SLACK = 1e-3  # metres that a vertex may lie behind the surface that its pixel sees, on top of the surface's own slope


def cast_votes(
    mesh: Mesh,
    cameras: Sequence[Camera],
    masks: Tensor,  # [B, C, H, W] in 0..1, of B cameras and C classes
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return how much of each class the views see at each vertex: [V, C] >= 0.

    A view counts with the cosine of the angle between the vertex normal and the direction to the camera, and not at all where the
    vertex is outside the picture, turned away or hidden. A vertex that is seen head-on in one view of a full mask gets 1 from it.
    """
    normals = vertex_normals(mesh.vertices, mesh.faces)
    votes = torch.zeros(len(mesh.vertices), masks.shape[1])
    for index, (camera, seen) in enumerate(zip(cameras, masks, strict=True)):
        if progress:
            progress(index, len(cameras))
        place, weight = _sight(mesh, normals, camera)
        grid = 2 * place / torch.tensor([camera.width, camera.height]) - 1
        sampled = torch.nn.functional.grid_sample(seen[None], grid[None, None], align_corners=False)[0, :, 0].T
        votes += weight[:, None] * sampled
    if progress:
        progress(len(cameras), len(cameras))
    return votes


def _sight(mesh: Mesh, normals: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Return where each vertex falls in the picture [V, 2] (pixels), and with what weight [V] it is seen there."""
    local = mesh.vertices @ camera.view[:3, :3].T + camera.view[:3, 3]
    depth = local[:, 2]
    place = (local @ camera.intrinsics.T)[:, :2] / depth.clamp_min(1e-6)[:, None]
    column, row = place.floor().long().unbind(1)
    inside = (depth > 0) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    facing = (normals * torch.nn.functional.normalize(camera.position - mesh.vertices, dim=1)).sum(1)
    surface = rasterize(mesh.vertices, mesh.faces, camera).depth
    nearest = surface[row.clamp(0, camera.height - 1), column.clamp(0, camera.width - 1)]
    nearest = torch.where(nearest > 0, nearest, torch.inf)  # beside the outline, whose pixel's centre sees nothing
    # Within its pixel a surface may recede by as much as the pixel is wide there, times the slope.
    slope = (1 - facing.square()).clamp_min(0).sqrt() / facing.clamp_min(GRAZING)
    visible = inside & (facing > GRAZING) & (depth <= nearest + _SLACK + depth / camera.intrinsics[0, 0] * slope)
    return place, torch.where(visible, facing, 0.0)
