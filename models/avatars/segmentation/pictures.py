"""Labels as coloured pictures, as parsers draw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...geometry.mesh import face_normals
from ...render import Camera
from ...render.mesh_rasterizer import rasterize
from ..types import Avatar

LABEL_COLORS = torch.tensor(  # in the order of LABELS, sRGB
    [
        (0.96, 0.76, 0.62), (0.36, 0.24, 0.16), (0.90, 0.56, 0.44), (0.93, 0.45, 0.52), (0.62, 0.42, 0.75),
        (0.95, 0.70, 0.30), (0.55, 0.68, 0.30), (0.98, 0.90, 0.40), (0.27, 0.47, 0.74), (0.30, 0.30, 0.34),
    ]
)  # fmt: skip
_GROUND = 0.92
_DARKEST = 0.7  # of a face that is seen edge on


def label_pictures(avatar: Avatar, cameras: Sequence[Camera], progress: Callable[[int, int], None] | None = None) -> Tensor:
    """Return a picture of the labels through each camera [B, H, W, 3], lightly shaded so that the form is seen.

    Raises:
        ValueError: if the avatar has no labels.
    """
    if avatar.labels is None:
        raise ValueError("The avatar has no labels to show: connect Segment Avatar first.")
    vertices, faces = avatar.mesh.vertices, avatar.mesh.faces
    normals = face_normals(vertices, faces)
    pictures = []
    for index, camera in enumerate(cameras):
        if progress:
            progress(index, len(cameras))
        seen = rasterize(vertices, faces, camera)
        face = seen.face.clamp_min(0)
        corner = faces[face].gather(-1, seen.barycentric.argmax(-1, keepdim=True))[..., 0]
        toward = (normals[face] @ camera.view[2, :3]).abs()
        color = LABEL_COLORS[avatar.labels[corner]] * (_DARKEST + (1 - _DARKEST) * toward)[..., None]
        pictures.append(torch.where(seen.face[..., None] >= 0, color, _GROUND))
    return torch.stack(pictures)
