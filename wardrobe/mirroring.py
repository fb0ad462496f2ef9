"""The left and the right of a dressed person: for every spot of the surface the one that a mirror would exchange it with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.avatars.closest import closest_points
from .dressing import DressedPerson

_MOST = 0.02  # metres from the mirrored place within which a layer must have a surface: folds are no deeper, open coats are wider


@dataclass(frozen=True)
class Mirror:
    """The mirror image of every vertex of a person's mesh, on the same layer.

    face:        [V] int64, the face that holds it
    barycentric: [V, 3] its place on that face
    known:       [V] bool, False where the layer has nothing there, as in hair with a side parting
    """

    face: Tensor
    barycentric: Tensor
    known: Tensor

    def carried(self, vertices: Tensor, faces: Tensor) -> Tensor:
        """Return where the mirror images [V, 3] of the vertices are when the mesh takes other vertices [V, 3]."""
        return (vertices[faces[self.face]] * self.barycentric[..., None]).sum(1)


def mirror_of(person: DressedPerson) -> Mirror:
    """Find the mirror images by exchanging left (+X) and right at rest, where people are symmetric but for folds and seams."""
    flipped = person.rest * torch.tensor([-1.0, 1.0, 1.0])
    face, known = torch.zeros(len(flipped), dtype=torch.int64), torch.zeros(len(flipped), dtype=torch.bool)
    barycentric = torch.zeros(len(flipped), 3)
    for layer in range(len(person.layers)):
        own_faces = (person.face_layer == layer).nonzero()[:, 0]
        own = torch.unique(person.faces[own_faces])
        found = closest_points(flipped[own], person.rest, person.faces[own_faces])
        face[own], barycentric[own], known[own] = own_faces[found.face], found.barycentric, found.distance < _MOST
    return Mirror(face, barycentric, known)
