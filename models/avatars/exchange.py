"""Avatars to and from the 3D values that other nodes exchange: core's SPLAT and MESH.

Core's values have a batch axis, SPLAT is Y down by custom and MESH has one UV per vertex with v downwards, as glTF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..geometry import Gaussians, Mesh
from .binding import bind_gaussians, world_gaussians
from .closest import closest_points
from .formats.orientation import Up, from_file_axes, to_file_axes
from .formats.surfaces import Material, Surface, split_corners, weld
from .sampling import sample_gaussians
from .types import Avatar


def splat_fields(avatar: Avatar, up: Up = "y-down") -> dict[str, Tensor]:
    """Return an avatar's Gaussians as the fields of a SPLAT: a batch of one."""
    world = to_file_axes(world_gaussians(avatar.mesh, avatar.gaussians), up)
    return {
        "positions": world.positions[None],
        "scales": world.scales[None],
        "rotations": world.rotations[None],
        "opacities": world.opacities[None, :, None],
        "sh": world.sh[None],
    }


def gaussians_from_splat(splat: Any, up: Up = "y-down") -> Gaussians:
    """Read a SPLAT of one item as Y-up Gaussians.

    Raises:
        ValueError: if it holds several splats, none, or values that are not finite.
    """
    count = _only_item(splat.positions, splat.counts, "splat")
    fields = (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)
    positions, scales, rotations, opacities, sh = (field[0, :count].detach().cpu().float() for field in fields)
    gaussians = Gaussians(positions, scales, rotations, opacities[:, 0], sh)
    if not all(field.isfinite().all() for field in (positions, scales, rotations, opacities, sh)):
        raise ValueError("The splat holds numbers that are not finite: clean it where it was made.")
    return from_file_axes(gaussians, up, "", up)


def mesh_fields(avatar: Avatar) -> dict[str, Tensor | None]:
    """Return an avatar's mesh as the fields of a MESH: a batch of one, its vertices split at UV seams."""
    mesh = avatar.mesh
    colors = None if mesh.colors is None else mesh.colors[None]
    if mesh.corner_uv is None or mesh.texture is None:
        return {"vertices": mesh.vertices[None], "faces": mesh.faces[None], "vertex_colors": colors}
    source, uv, faces = split_corners(mesh.faces.numpy(), mesh.corner_uv.numpy())
    downwards = torch.from_numpy(uv * [1, -1] + [0, 1]).float()
    return {
        "vertices": mesh.vertices[torch.from_numpy(source)][None],
        "faces": torch.from_numpy(faces)[None],
        "uvs": downwards[None],
        "texture": mesh.texture[None],
    }


def mesh_from_core(value: Any) -> Mesh:
    """Read a MESH of one item; vertices that only a UV seam had split are one again.

    Raises:
        ValueError: if it holds several meshes, no triangles, or vertices that are not finite.
    """
    count = _only_item(value.vertices, getattr(value, "vertex_counts", None), "mesh")
    face_count = _only_item(value.faces, getattr(value, "face_counts", None), "mesh")
    vertices, faces = _array(value.vertices, count), value.faces[0, :face_count].detach().cpu().numpy().astype(np.int64)
    if not np.isfinite(vertices).all() or faces.min() < 0 or faces.max() >= count:
        raise ValueError("The mesh has vertices that are not finite, or faces that point beyond them: make it again.")
    uv, colors, texture = (getattr(value, name, None) for name in ("uvs", "vertex_colors", "texture"))
    corner_uv = None if uv is None else _array(uv, count)[faces] * np.float32([1, -1]) + np.float32([0, 1])
    surface = weld(
        Surface(
            vertices=vertices,
            faces=faces,
            corner_uv=corner_uv,
            colors=None if colors is None else _array(colors, count)[:, :3],
            material=np.zeros(len(faces), np.int64),
            materials=[Material()],
        )
    )
    return Mesh(
        vertices=torch.from_numpy(surface.vertices),
        faces=torch.from_numpy(surface.faces),
        corner_uv=None if corner_uv is None else torch.from_numpy(surface.corner_uv),
        texture=None if texture is None else texture[0, ..., :3].detach().cpu().float(),
        colors=None if colors is None else torch.from_numpy(surface.colors),
    )


def avatar_from_mesh(
    mesh: Mesh, count: int, seed: int, like: Avatar | None = None, progress: Callable[[int, int], None] | None = None
) -> Avatar:
    """Cover a mesh with `count` Gaussians; labels, skinning and body come from `like`, see `inherit`."""
    return inherit(Avatar(mesh, sample_gaussians(mesh, count, seed, progress)), like, progress)


def avatar_from_splat(
    gaussians: Gaussians, mesh: Mesh, like: Avatar | None = None, progress: Callable[[int, int], None] | None = None
) -> Avatar:
    """Bind free Gaussians to a mesh; labels, skinning and body come from `like`, see `inherit`."""
    return inherit(Avatar(mesh, bind_gaussians(gaussians, mesh, progress)), like, progress)


def inherit(avatar: Avatar, like: Avatar | None, progress: Callable[[int, int], None] | None = None) -> Avatar:
    """Give an avatar the body of another and, from the nearest point of its surface, labels and skinning weights."""
    if like is None:
        return avatar
    nearest = closest_points(avatar.mesh.vertices, like.mesh.vertices, like.mesh.faces, progress)
    corners = like.mesh.faces[nearest.face]
    labels, skinning = like.labels, like.skinning
    if labels is not None:
        labels = labels[corners.gather(1, nearest.barycentric.argmax(1, keepdim=True))[:, 0]]
    if skinning is not None:
        skinning = (nearest.barycentric[:, :, None] * skinning[corners]).sum(1)
    return replace(avatar, labels=labels, skinning=skinning, body=like.body)


def _only_item(values: Tensor, counts: Tensor | None, kind: str) -> int:
    """Return the length of the only item of a batch [B, N, ...]."""
    if values.shape[0] != 1:
        raise ValueError(f"The {kind} input holds a batch of {values.shape[0]}; one is needed: pick a single {kind}.")
    count = values.shape[1] if counts is None else int(counts[0])
    if count == 0:
        raise ValueError(f"The {kind} input is empty: connect one that holds something.")
    return count


def _array(values: Tensor, count: int) -> np.ndarray:
    """Return the numbers of the only item as float32, whichever floats they came in."""
    return np.ascontiguousarray(values[0, :count].detach().cpu().float().numpy())
