"""A triangle surface as mesh files hold it, with several materials, and its way to a `Mesh`, which has one texture."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ...geometry import Mesh
from ...geometry.color import linear_to_srgb, srgb_to_linear

MAX_FACES = 5_000_000
MAX_TEXTURE_PIXELS = 1 << 27
SWATCH = 8  # pixels of a plain colour in an atlas


class RefusedFileError(ValueError):
    """Our own sentence about a file, which `damaged_file` lets through as it is."""


@dataclass(frozen=True)
class Picture:
    """A texture not decoded yet; two of the same path and index are the same picture.

    path:  the file it lies in
    index: which of the pictures in there it is
    read:  gives its encoded bytes
    """

    path: Path
    index: int
    read: Callable[[], bytes] = field(compare=False)


@dataclass(frozen=True)
class Material:
    """A material: its texture or None, and the plain sRGB colour in 0..1 that stands in or multiplies it."""

    texture: Picture | None = None
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
        texture=None if texture is None else torch.from_numpy(texture).float().div_(255),
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
    """Corner UVs and the texture: one picture, or an atlas of what the used materials show; (None, None) without textures."""
    used = np.unique(surface.material)
    if surface.corner_uv is None or all(surface.materials[index].texture is None for index in used):
        return surface.corner_uv, None
    looks = [_look(surface, index) for index in used]
    pictures = _decoded(path, looks)
    uv = _own_copy(surface.corner_uv)
    if len(set(looks)) == 1:
        return uv, _tile(looks[0], pictures)
    sizes = {look: (SWATCH, SWATCH) if look.texture is None else pictures[look.texture].shape[:2] for look in looks}
    height, width = max(rows for rows, _ in sizes.values()), sum(columns for _, columns in sizes.values())
    if height * width > MAX_TEXTURE_PIXELS:
        raise RefusedFileError(f"'{path.name}' has textures of {height * width} pixels side by side: make them smaller.")
    atlas = np.zeros((height, width, 3), np.uint8)
    places, left = {}, 0
    for look, (rows, columns) in sizes.items():
        atlas[:rows, left : left + columns] = _tile(look, pictures)
        places[look] = (left, rows, columns)
        left += columns
    place = np.array([places[look] for look in looks], np.float32)[np.searchsorted(used, surface.material)]
    left, size = place[:, None, 0], place[:, None, :0:-1]  # size: columns, rows
    margin = 0.5 / size  # half a texel, so that neighbours in the atlas do not bleed in
    texels = uv.clip(margin, 1 - margin) * size
    return np.stack([(left + texels[..., 0]) / width, 1 - (size[..., 1] - texels[..., 1]) / height], axis=-1), atlas


def _own_copy(corner_uv: np.ndarray) -> np.ndarray:
    """Move the UVs [F, 3, 2] of faces that lie in another copy of a repeating texture into the first, 0..1."""
    inside = ((corner_uv >= 0) & (corner_uv <= 1)).all(axis=1, keepdims=True)
    return corner_uv - np.where(inside, 0, np.floor(corner_uv.mean(axis=1, keepdims=True)))


def _look(surface: Surface, index: int) -> Material:
    """What a material shows in an atlas: itself, or without a texture its colour times the mean vertex colour."""
    material = surface.materials[index]
    if material.texture is not None or surface.colors is None:
        return material
    mean = surface.colors[surface.faces[surface.material == index]].mean(axis=(0, 1))
    return Material(None, tuple((mean * material.color).tolist()))


def _decoded(path: Path, looks: list[Material]) -> dict[Picture, np.ndarray]:
    """Decode each picture once to [H, W, 3] uint8 sRGB, all within MAX_TEXTURE_PIXELS.

    Raises:
        ValueError: if one is not a PNG, JPEG, WebP, BMP, TGA or TIFF picture or is damaged, or together they are too large.
    """
    pictures: dict[Picture, np.ndarray] = {}
    left = MAX_TEXTURE_PIXELS
    for picture in dict.fromkeys(look.texture for look in looks if look.texture is not None):
        pictures[picture] = _decode(path, picture, left)
        left -= pictures[picture][..., 0].size
    return pictures


def _decode(path: Path, picture: Picture, most: int) -> np.ndarray:
    """Decode a picture of at most so many pixels."""
    from PIL import Image

    data = picture.read()
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "BMP", "TGA", "TIFF")) as image:
            if image.width * image.height > most:
                raise Image.DecompressionBombError
            return np.array(image.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise RefusedFileError(
            f"'{path.name}' has textures of more than {MAX_TEXTURE_PIXELS} pixels in all: make them smaller."
        ) from error
    except Exception as error:  # decoders raise whatever they trip over
        raise RefusedFileError(
            f"'{picture.path.name}' has a texture that cannot be decoded: save the picture again as PNG."
        ) from error


def _tile(look: Material, pictures: dict[Picture, np.ndarray]) -> np.ndarray:
    """The picture [h, w, 3] uint8 of one material: its texture times its colour, or a swatch of the colour."""
    if look.texture is None:
        return np.full((SWATCH, SWATCH, 3), (np.array(look.color).clip(0, 1) * 255).round(), np.uint8)
    texture = pictures[look.texture]
    if look.color == (1.0, 1.0, 1.0):
        return texture
    linear = srgb_to_linear(torch.arange(256)[:, None] / 255) * srgb_to_linear(torch.tensor(look.color))
    table = (linear_to_srgb(linear).clamp(0, 1) * 255).round().byte().numpy()  # [256, 3]
    return np.stack([table[texture[..., channel], channel] for channel in range(3)], axis=-1)
