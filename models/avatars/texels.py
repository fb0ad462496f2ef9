"""Which texels of a texture belong to which faces."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry import Mesh
from ..render import Camera, rasterize


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
