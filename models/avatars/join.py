"""Two avatars in one."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..geometry import Mesh
from .sampling import GREY
from .texels import baked_colors
from .types import Avatar, BoundGaussians


def join(first: Avatar, second: Avatar) -> Avatar:
    """Put two avatars side by side in one mesh and one set of Gaussians, the first one's vertices, faces and Gaussians first.

    Two textures become one with the second to the right; where only one avatar has a texture, both get vertex colours instead, and
    a mesh with neither texture nor colours becomes grey beside one that has some.
    Labels and skinning are kept where both have them. The body is the first one's.
    """
    vertex_count, face_count = len(first.mesh.vertices), len(first.mesh.faces)
    a, b = first.gaussians, second.gaussians
    terms = max(a.sh.shape[1], b.sh.shape[1])
    bound = BoundGaussians(
        face=torch.cat([a.face, b.face + face_count]),
        barycentric=torch.cat([a.barycentric, b.barycentric]),
        offset=torch.cat([a.offset, b.offset]),
        rotation=torch.cat([a.rotation, b.rotation]),
        scale=torch.cat([a.scale, b.scale]),
        opacity=torch.cat([a.opacity, b.opacity]),
        sh=torch.cat([_pad_rows(a.sh, 1, terms), _pad_rows(b.sh, 1, terms)]),
    )
    one, two = _same_appearance(first.mesh, second.mesh)
    corner_uv, texture = _join_textures(one, two)
    mesh = Mesh(
        vertices=torch.cat([one.vertices, two.vertices]),
        faces=torch.cat([one.faces, two.faces + vertex_count]),
        corner_uv=corner_uv,
        texture=texture,
        colors=_cat(one.colors, two.colors),
    )
    return Avatar(mesh, bound, _cat(first.labels, second.labels), _cat(first.skinning, second.skinning), first.body)


def _cat(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else torch.cat([first, second])


def _same_appearance(first: Mesh, second: Mesh) -> tuple[Mesh, Mesh]:
    """Bake textures to vertex colours unless both meshes have one; a bare mesh becomes grey beside one that is not."""
    textured = [mesh.texture is not None and mesh.corner_uv is not None for mesh in (first, second)]
    bare = [not has and mesh.colors is None for mesh, has in zip((first, second), textured, strict=True)]
    if all(textured) or all(bare):
        return first, second
    return _colored(first), _colored(second)


def _colored(mesh: Mesh) -> Mesh:
    if mesh.texture is not None and mesh.corner_uv is not None:
        return replace(mesh, corner_uv=None, texture=None, colors=baked_colors(mesh))
    return mesh if mesh.colors is not None else replace(mesh, colors=torch.full_like(mesh.vertices, GREY))


def _join_textures(first: Mesh, second: Mesh) -> tuple[Tensor | None, Tensor | None]:
    """Place two textures in one, top edges level, and return the corner UVs in it."""
    if first.texture is None or second.texture is None:
        return None, None
    height = max(first.texture.shape[0], second.texture.shape[0])
    width = first.texture.shape[1] + second.texture.shape[1]
    atlas = torch.cat([_pad_rows(first.texture, 0, height), _pad_rows(second.texture, 0, height)], dim=1)

    def placed(mesh: Mesh, left: int) -> Tensor:
        rows, columns = mesh.texture.shape[:2]
        u = (left + mesh.corner_uv[..., 0] * columns) / width
        v = 1 - (1 - mesh.corner_uv[..., 1]) * rows / height
        return torch.stack([u, v], dim=-1)

    return torch.cat([placed(first, 0), placed(second, first.texture.shape[1])]), atlas


def _pad_rows(values: Tensor, axis: int, size: int) -> Tensor:
    """Append zeros along an axis up to a size."""
    shape = list(values.shape)
    shape[axis] = size - shape[axis]
    return torch.cat([values, values.new_zeros(shape)], dim=axis)
