"""Parts of an avatar: faces and Gaussians by label, and the avatar that is left when faces go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..geometry.mesh import take_faces
from .binding import rebind, world_gaussians
from .labels import LABEL_INDEX
from .types import Avatar, BoundGaussians


def vertices_labelled(avatar: Avatar, names: Sequence[str]) -> Tensor:
    """Return whether each vertex [V] has one of the labels.

    Raises:
        ValueError: if the avatar has no labels.
    """
    if avatar.labels is None:
        raise ValueError("The avatar has no labels; load a labels file with it (one label for every vertex).")
    return torch.isin(avatar.labels, torch.tensor([LABEL_INDEX[name] for name in names]))


def gaussians_labelled(avatar: Avatar, names: Sequence[str]) -> Tensor:
    """Return whether each Gaussian [N] rides on a face with all three vertices labelled so (as the official AvatarMix code)."""
    return vertices_labelled(avatar, names)[avatar.mesh.faces].all(1)[avatar.gaussians.face]


def select_gaussians(bound: BoundGaussians, keep: Tensor) -> BoundGaussians:
    """Return the Gaussians that a mask or an index tensor selects."""
    return BoundGaussians(
        bound.face[keep], bound.barycentric[keep], bound.offset[keep], bound.rotation[keep],
        bound.scale[keep], bound.opacity[keep], bound.sh[keep],
    )  # fmt: skip


def select_faces(avatar: Avatar, keep: Tensor) -> Avatar:
    """Keep the faces where `keep` [F] is True, with their Gaussians and vertices; kept Gaussians stay where they are.

    Raises:
        ValueError: if no face is kept.
    """
    if not keep.any():
        raise ValueError("Nothing of the avatar is left after the selection; check its labels.")
    mesh, old_vertices, new_face = take_faces(avatar.mesh, keep)
    riding = keep[avatar.gaussians.face]
    bound = select_gaussians(avatar.gaussians, riding)
    bound = replace(bound, face=new_face[bound.face])
    border = torch.zeros(len(avatar.mesh.vertices), dtype=torch.bool)
    border[avatar.mesh.faces[~keep]] = True  # these vertices lose a face, which turns their normals
    shifted = (bound.offset != 0) & border[old_vertices][mesh.faces[bound.face]].any(1)
    if shifted.any():
        world = world_gaussians(avatar.mesh, select_gaussians(avatar.gaussians, riding))
        again = rebind(world[shifted], mesh, bound.face[shifted], bound.barycentric[shifted])
        bound = replace_gaussians(bound, shifted, again)
    return Avatar(
        mesh,
        bound,
        labels=None if avatar.labels is None else avatar.labels[old_vertices],
        skinning=None if avatar.skinning is None else avatar.skinning[old_vertices],
        body=avatar.body,
    )


def replace_gaussians(bound: BoundGaussians, where: Tensor, new: BoundGaussians) -> BoundGaussians:
    """Return the Gaussians with those in the mask `where` [N] replaced, in order, by `new`."""

    def put(old: Tensor, values: Tensor) -> Tensor:
        result = old.clone()
        result[where] = values
        return result

    return BoundGaussians(
        put(bound.face, new.face), put(bound.barycentric, new.barycentric), put(bound.offset, new.offset),
        put(bound.rotation, new.rotation), put(bound.scale, new.scale), put(bound.opacity, new.opacity), put(bound.sh, new.sh),
    )  # fmt: skip
