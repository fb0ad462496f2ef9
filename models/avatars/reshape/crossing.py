"""What crosses after a reshape that did not before: the target body, or another part of the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...body.interface import BodyState
from ...body.joints import PART_INDEX
from ..labels import LABEL_INDEX
from ..types import Avatar
from .contact import crossings
from .wrists import near_wrists


@dataclass(frozen=True)
class Crossings:
    """A mesh before it moves, beside the body that it must not enter.

    solid:  [V] bool, vertices that count: all but head, hair, hands and the wrists beside them. Hands keep their shape, whatever
            they meet, and the head is the user's own in the end.
    faces:  [F, 3] of the mesh, those that count
    body:   [B, 3] of the target body without head and hands, metres
    body_faces: [G, 3]
    kept:   [B] which of the body's vertices these are
    before: edges and faces of the mesh that cross at rest, one number each, sorted
    """

    solid: Tensor
    faces: Tensor
    body: Tensor
    body_faces: Tensor
    kept: Tensor
    before: np.ndarray

    def points(self, vertices: Tensor, among: Tensor | None = None) -> Tensor:
        """Return which vertices [V] of the moved mesh [V, 3] belong to an edge or a face that newly crosses something.

        among: [F] bool, which faces to look at; None for all
        """
        itself, inside = self.hits(vertices, among)
        return itself | inside

    def hits(self, vertices: Tensor, among: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return which vertices [V] newly cross another part of the moved mesh [V, 3], and which the body."""
        asked = torch.arange(len(self.faces)) if among is None else among.nonzero()[:, 0]
        everything = torch.cat([self.faces[asked], self.body_faces + len(vertices)])
        edges, faces = crossings(torch.cat([vertices.double(), self.body.double()]).numpy(), everything.numpy())
        of_mesh = (edges < len(vertices)).all(1) & (faces < len(asked))
        old = of_mesh.copy()
        old[of_mesh] = np.isin(_keys(edges[of_mesh], asked.numpy()[faces[of_mesh]], len(vertices)), self.before)
        found = []
        for some in (of_mesh & ~old, ~of_mesh):
            hit = torch.zeros(len(vertices) + len(self.body), dtype=torch.bool)
            hit[torch.from_numpy(edges[some])] = True
            hit[everything[torch.from_numpy(faces[some])]] = True
            found.append(hit[: len(vertices)])
        return found[0], found[1]

    def share(self, vertices: Tensor) -> float:
        """Return the share of the faces that have all corners among these points: roughly those that newly cross."""
        return float(self.points(vertices)[self.faces].all(1).float().mean()) if len(self.faces) else 0.0


def find_crossings(avatar: Avatar, target: BodyState, outside: Tensor | None = None) -> Crossings:
    """Look at an avatar before it takes on the target body's shape.

    outside: [V] bool, all but head and hands by the body inside, which tells where no label names hands
    """
    posed, model = target.posed(), target.model
    out = torch.isin(model.parts, torch.tensor([PART_INDEX[name] for name in ("head", "left_hand", "right_hand")]))
    out |= near_wrists(posed.vertices, target)
    kept, body_faces = torch.unique(model.faces[~out[model.faces].any(1)], return_inverse=True)
    solid = ~(labelled(avatar, "face", "hair", "hands") | near_wrists(avatar.mesh.vertices, avatar.body))
    if outside is not None and not labelled(avatar, "hands").any():
        solid &= outside
    faces = avatar.mesh.faces[solid[avatar.mesh.faces].all(1)]
    before = _keys(*crossings(avatar.mesh.vertices.double().numpy(), faces.numpy()), len(avatar.mesh.vertices))
    return Crossings(solid, faces, posed.vertices[kept], body_faces.view(-1, 3), kept, np.unique(before))


def labelled(avatar: Avatar, *names: str) -> Tensor:
    """Return which vertices [V] have one of these labels; none where nothing is labelled."""
    if avatar.labels is None:
        return torch.zeros(len(avatar.mesh.vertices), dtype=torch.bool)
    return torch.isin(avatar.labels, torch.tensor([LABEL_INDEX[name] for name in names]))


def _keys(edges: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Return one number for each edge [P, 2] and face [P], the same for the same pair of a mesh of `size` vertices."""
    return (faces * size + edges.min(1, initial=size)) * size + edges.max(1, initial=0)
