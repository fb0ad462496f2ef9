"""Gaussian avatars: a mesh, Gaussians that ride on it, labels and a body inside; and the composition of two of them (AvatarMix).

Here: binding, sampling, deformation, skinning, poses, the neck, alignment, composition, skin tone and avatar files. Not here:
rendering (`models/render`), body models (`models/body`), made-up people (`wardrobe`). Avatars come in from files or meshes and
go out as world-space Gaussians (`world_gaussians`).
"""

from .binding import bind_gaussians, world_gaussians
from .compose import compose
from .deform import follow, transform
from .head import align_head
from .join import join
from .labels import HEAD, LABEL_INDEX, LABELS, SKIN
from .repose import repose
from .sampling import sample_gaussians
from .selection import select_faces
from .skin_tone import transfer_skin_tone
from .skinning import rig, transfer_skinning
from .types import Avatar, BoundGaussians

__all__ = [
    "HEAD",
    "LABELS",
    "LABEL_INDEX",
    "SKIN",
    "Avatar",
    "BoundGaussians",
    "align_head",
    "bind_gaussians",
    "compose",
    "follow",
    "join",
    "repose",
    "rig",
    "sample_gaussians",
    "select_faces",
    "transfer_skin_tone",
    "transfer_skinning",
    "transform",
    "world_gaussians",
]
