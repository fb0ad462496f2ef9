"""A triangle surface as mesh files hold it, with several materials, and its way to a `Mesh`, which has one texture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...geometry import Mesh

MAX_FACES = 5_000_000
MAX_TEXTURE_PIXELS = 1 << 27
SWATCH = 8  # pixels of a plain colour in an atlas


class RefusedFileError(ValueError):
    """Our own sentence about a file, which `damaged_file` lets through as it is."""


@dataclass(frozen=True)
class Material:
    """A material: texture [H, W, 3] uint8 sRGB or None, and the plain sRGB colour [3] in 0..1 that stands in or multiplies it."""

    texture: np.ndarray | None = None
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Surface:
    """Triangles as read.

    vertices:  [V, 3] float32
    faces:     [F, 3] int64
    corner_uv: [F, 3, 2] float32 or None, v upwards
    colors:    [V, 3] float32 sRGB or None
    material:  [F] int64, index into `materials`
    """

    vertices: np.ndarray
    faces: np.ndarray
    corner_uv: np.ndarray | None
    colors: np.ndarray | None
    material: np.ndarray
    materials: list[Material]


@contextmanager
def damaged_file(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a parser trips over in a damaged file into one sentence.

    Raises:
        ValueError: instead of whatever wrong types, missing keys, bad numbers and short buffers cause.
    """
    try:
        yield
    except RefusedFileError as error:
        raise ValueError(str(error)) from error
    except Exception as error:  # a parser raises whatever it trips over, trimesh even UnboundLocalError
        raise ValueError(f"'{path.name}' is not a whole {kind} file: export it again from the program that made it.") from error


def surface_to_mesh(path: Path, surface: Surface) -> Mesh:
    """Check a surface and give it one texture: its own, or an atlas of all its materials; or vertex colours, or neither.

    Raises:
        ValueError: if it has no faces, too many, vertices that are not finite or faces that point beyond them.
    """
    vertices, faces = surface.vertices, surface.faces
    if not 0 < len(faces) <= MAX_FACES:
        raise RefusedFileError(f"'{path.name}' has {len(faces)} triangles; 1 to {MAX_FACES} are read: choose another mesh.")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise RefusedFileError(f"'{path.name}' has faces that point beyond its {len(vertices)} vertices: export it again.")
    broken = int((~np.isfinite(vertices).all(axis=1)).sum())
    if broken:
        raise RefusedFileError(f"'{path.name}' has {broken} vertices that are not finite numbers: clean it where it was made.")
    corner_uv, texture = _one_texture(path, surface)
    colors = _vertex_colors(surface) if texture is None else None
    return Mesh(
        vertices=torch.from_numpy(np.ascontiguousarray(vertices, np.float32)),
        faces=torch.from_numpy(np.ascontiguousarray(faces, np.int64)),
        corner_uv=None if corner_uv is None else torch.from_numpy(np.ascontiguousarray(corner_uv, np.float32)),
        texture=None if texture is None else torch.from_numpy(texture.astype(np.float32) / 255),
        colors=None if colors is None else torch.from_numpy(np.ascontiguousarray(colors, np.float32).clip(0, 1)),
    )


def weld(surface: Surface) -> Surface:
    """Merge vertices at the same place, which seams of UV or normals had split; the order stays that of first appearance."""
    places = np.ascontiguousarray(surface.vertices + np.float32(0))  # + 0: one kind of zero
    rows = places.view(np.dtype((np.void, 12)))[:, 0]
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    kept = first[order]
    return Surface(
        surface.vertices[kept],
        rank[inverse][surface.faces],
        surface.corner_uv,
        None if surface.colors is None else surface.colors[kept],
        surface.material,
        surface.materials,
    )


def split_corners(faces: np.ndarray, corner_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each pair of vertex and UV its own vertex, as glTF needs: the old vertex [V'], its UV [V', 2] and the faces."""
    rows = np.concatenate([faces.reshape(-1, 1).astype(np.float64), corner_uv.reshape(-1, 2).astype(np.float64)], axis=1)
    pairs, inverse = np.unique(rows, axis=0, return_inverse=True)
    return pairs[:, 0].astype(np.int64), pairs[:, 1:], inverse.reshape(-1, 3)


def decode_image(path: Path, data: bytes) -> np.ndarray:
    """Decode a texture to [H, W, 3] uint8 sRGB.

    Raises:
        ValueError: if it is not a PNG, JPEG, WebP, BMP, TGA or TIFF picture, is damaged or has more than 134 million pixels.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP", "TGA", "TIFF")) as image:
            if image.width * image.height > MAX_TEXTURE_PIXELS:
                raise RefusedFileError(f"'{path.name}' has a texture of {image.width} x {image.height} pixels: make it smaller.")
            return np.array(image.convert("RGB"))
    except RefusedFileError:
        raise
    except Exception as error:  # decoders raise whatever they trip over
        raise RefusedFileError(f"'{path.name}' has a texture that cannot be decoded: save the picture again as PNG.") from error


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 to linear light (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    """Linear light in 0..1 to sRGB (IEC 61966-2-1)."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055)


def _vertex_colors(surface: Surface) -> np.ndarray | None:
    """Vertex colours times the plain colours of the materials; None if nothing is coloured."""
    plain = np.array([material.color for material in surface.materials])
    used = plain[np.unique(surface.material)]
    if surface.colors is None and (used == 1).all():
        return None
    tint = np.ones((len(surface.vertices), 3))
    tint[surface.faces] = plain[surface.material][:, None]
    return tint if surface.colors is None else tint * surface.colors


def _one_texture(path: Path, surface: Surface) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Corner UVs and the texture: as they are for one textured material, else in an atlas; (None, None) without textures."""
    used = np.unique(surface.material)
    if surface.corner_uv is None or all(surface.materials[index].texture is None for index in used):
        return surface.corner_uv, None
    tiles = {index: _tile(surface, index) for index in used}
    if len(used) == 1:
        return surface.corner_uv, tiles[used[0]]
    height, width = max(len(tile) for tile in tiles.values()), sum(tile.shape[1] for tile in tiles.values())
    if height * width > MAX_TEXTURE_PIXELS:
        raise RefusedFileError(f"'{path.name}' has textures of {height * width} pixels side by side: make them smaller.")
    atlas = np.zeros((height, width, 3), np.uint8)
    corner_uv = np.empty_like(surface.corner_uv)
    left = 0
    for index, tile in tiles.items():
        rows, columns = tile.shape[:2]
        atlas[:rows, left : left + columns] = tile
        faces = surface.material == index
        uv = surface.corner_uv[faces]
        uv = uv - np.floor(uv.mean(axis=1, keepdims=True))  # a repeating texture: the face's own copy
        margin = 0.5 / np.array([columns, rows])  # half a texel, so that neighbours in the atlas do not bleed in
        uv = uv.clip(margin, 1 - margin)
        corner_uv[faces] = np.stack([(left + uv[..., 0] * columns) / width, 1 - (1 - uv[..., 1]) * rows / height], axis=-1)
        left += columns
    return corner_uv, atlas


def _tile(surface: Surface, index: int) -> np.ndarray:
    """The picture [h, w, 3] uint8 of one material: its texture times its colour, or a swatch of the colour."""
    material = surface.materials[index]
    if material.texture is None:
        color = np.array(material.color)
        if surface.colors is not None:
            color = color * surface.colors[surface.faces[surface.material == index]].mean(axis=(0, 1))
        return np.full((SWATCH, SWATCH, 3), (color.clip(0, 1) * 255).round(), np.uint8)
    if material.color == (1.0, 1.0, 1.0):
        return material.texture
    linear = srgb_to_linear(np.arange(256) / 255)[:, None] * srgb_to_linear(np.array(material.color))
    table = (linear_to_srgb(linear).clip(0, 1) * 255).round().astype(np.uint8)  # [256, 3]
    return np.stack([table[material.texture[..., channel], channel] for channel in range(3)], axis=-1)
