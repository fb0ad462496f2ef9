"""Textures and the faces that show them."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry import Mesh
from ..geometry.mesh import scatter_faces_to_vertices
from ..render import Camera, rasterize, texture_lookup


def face_texels(mesh: Mesh, chosen: Tensor, margin: int = 2) -> Tensor:
    """Return the mask [H, W] of texels that faces `chosen` (mask or indices) show, widened by `margin` texels for lookup.

    The chart is drawn as a mesh in front of a camera for which one texel is one pixel.
    """
    rows, columns = mesh.texture.shape[:2]
    uv = mesh.corner_uv[chosen].reshape(-1, 2)
    flat = torch.stack([uv[:, 0], 1 - uv[:, 1], torch.ones(len(uv))], dim=-1)
    intrinsics = torch.diag(torch.tensor([float(columns), float(rows), 1.0]))
    drawn = rasterize(flat, torch.arange(len(flat)).reshape(-1, 3), Camera(torch.eye(4), intrinsics, columns, rows))
    seen = (drawn.face >= 0).float()[None, None]
    return torch.nn.functional.max_pool2d(seen, 2 * margin + 1, stride=1, padding=margin)[0, 0] > 0


def baked_colors(mesh: Mesh) -> Tensor:
    """Return vertex colours [V, 3] for the texture of a mesh: the mean of what the corners around each vertex show."""
    corners = texture_lookup(mesh.texture, mesh.corner_uv)
    total = torch.zeros_like(mesh.vertices)
    for corner in range(3):
        total.index_add_(0, mesh.faces[:, corner], corners[:, corner])
    count = scatter_faces_to_vertices(torch.ones(len(mesh.faces), 1), mesh.faces, len(mesh.vertices))
    return total / count.clamp_min(1)
