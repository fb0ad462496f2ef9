"""One texture for all panels of all pieces: packing them side by side, and finding the surface spot behind every texel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.render import Camera, rasterize

GUTTER = 4  # texels round each panel, filled with its colours


@dataclass(frozen=True)
class Texels:
    """The texels that lie on faces.

    index:       [N] int64, row * size + column
    face:        [N] int64
    barycentric: [N, 3]
    """

    index: Tensor
    face: Tensor
    barycentric: Tensor


def pack(
    corner_uv: Tensor,  # [F, 3, 2] metres on each chart's own plane
    chart: Tensor,  # [F] int64, 0..C-1
    density: Tensor,  # [C] texels along a metre, relative
    size: int,
) -> tuple[Tensor, float]:
    """Place charts side by side on shelves in a square texture, as large as they fit.

    Returns:
        texture UVs [F, 3, 2] in 0..1, and the texels along a metre for density 1.
    """
    count = len(density)
    flat = corner_uv.reshape(-1, 2) * density[chart].repeat_interleave(3)[:, None]
    owner = chart.repeat_interleave(3)[:, None].expand(-1, 2)
    low = torch.full((count, 2), torch.inf).scatter_reduce_(0, owner, flat, "amin")
    extent = torch.full((count, 2), -torch.inf).scatter_reduce_(0, owner, flat, "amax") - low
    fits, too_large = 0.0, 4.0 * size / float(extent.max().clamp_min(1e-6))
    for _ in range(24):
        scale = (fits + too_large) / 2
        if _shelves(extent * scale, size) is None:
            too_large = scale
        else:
            fits = scale
    corner = _shelves(extent * fits, size)
    texel = (flat - low[chart].repeat_interleave(3, 0)) * fits + corner[chart].repeat_interleave(3, 0) + GUTTER
    return (texel / size).reshape(corner_uv.shape), fits


def find_texels(texture_uv: Tensor, size: int) -> Texels:
    """Return which face covers each texel's centre, for texture UVs [F, 3, 2]."""
    flat = texture_uv.reshape(-1, 2) * size
    # A camera that looks straight at the texture: one unit away, one pixel a texel.
    corners = torch.stack([flat[:, 0], size - flat[:, 1], torch.ones(len(flat))], 1)
    camera = Camera(view=torch.eye(4), intrinsics=torch.eye(3), width=size, height=size)
    fragments = rasterize(corners, torch.arange(len(flat)).reshape(-1, 3), camera)
    index = (fragments.face.flatten() >= 0).nonzero()[:, 0]
    return Texels(index, fragments.face.flatten()[index], fragments.barycentric.reshape(-1, 3)[index])


def fill_gutters(image: Tensor, covered: Tensor) -> Tensor:
    """Grow colours [H, W, C] from covered texels [H, W] into the gutters round them."""
    image, covered = image.clone(), covered.clone()
    for step in range(GUTTER):
        # Alternating straight and diagonal steps grow an octagon.
        moves = ((0, 1), (1, 0), (0, -1), (-1, 0)) if step % 2 == 0 else ((1, 1), (1, -1), (-1, 1), (-1, -1))
        before = covered.clone()
        for rows, columns in moves:
            found = before.roll((rows, columns), (0, 1)) & ~covered
            row, column = found.nonzero().unbind(1)
            image[row, column] = image[(row - rows) % len(image), (column - columns) % image.shape[1]]
            covered |= found
    return image


def _shelves(extent: Tensor, size: int) -> Tensor | None:
    """Place rectangles [C, 2] row by row, tallest first; their lower left corners [C, 2], or None if they do not fit."""
    padded = (extent.ceil() + 2 * GUTTER).tolist()
    corner = torch.zeros_like(extent)
    x = y = height = 0.0
    for index in sorted(range(len(padded)), key=lambda index: -padded[index][1]):
        width, tall = padded[index]
        if x + width > size:
            x, y, height = 0.0, y + height, 0.0
        if width > size or y + tall > size:
            return None
        corner[index, 0], corner[index, 1] = x, y
        x, height = x + width, max(height, tall)
    return corner
