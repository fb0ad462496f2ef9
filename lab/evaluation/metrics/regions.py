"""Comparing one part of an avatar with that of another: pictures of the part alone, and how alike a network finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate, pad

from ....models.geometry import Mesh
from ....models.render import Camera, rasterize

CROP = 256  # pixels a side
_MARGIN = 1.05  # side of the crop over the longer side of what it shows


def region_masks(mesh: Mesh, region: Tensor, cameras: Sequence[Camera]) -> Tensor:
    """Return where each camera sees the faces `region` [F] bool of a mesh, and not what hides them: bool [B, H, W]."""
    faces = [rasterize(mesh.vertices, mesh.faces, camera).face for camera in cameras]
    return torch.stack([(face >= 0) & region[face.clamp_min(0)] for face in faces])


def region_crops(pictures: Tensor, masks: Tensor) -> Tensor:
    """Return what masks [B, H, W] bool show of pictures [B, H, W, 3], on white and filling a square: [B, 3, CROP, CROP].

    A picture whose mask is empty becomes white.
    """
    white = torch.where(masks[..., None], pictures, 1.0).movedim(-1, 1)
    crops = []
    for picture, mask in zip(white, masks, strict=True):
        rows, columns = (mask.any(1 - axis).nonzero()[:, 0] for axis in (0, 1))
        if not len(rows):
            crops.append(torch.ones(1, 3, CROP, CROP))
            continue
        cut = picture[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height, width = cut.shape[1:]
        side = round(_MARGIN * max(height, width))
        left, top = (side - width) // 2, (side - height) // 2
        square = pad(cut, (left, side - width - left, top, side - height - top), value=1.0)
        crops.append(interpolate(square[None], (CROP, CROP), mode="bilinear", antialias=True))
    return torch.cat(crops)


@torch.no_grad()
def similarity(features: Callable[[Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """Return the cosine similarity of a network's features of pictures [B, 3, H, W], pair by pair: [B], 1 for equal pictures.

    features: takes pictures in 0..1 and gives one vector each, [B, D]
    """
    return cosine_similarity(features(first), features(second), dim=1)
