"""Gaussians in the PLY layout of 3D Gaussian Splatting.

One vertex a Gaussian: x y z, (nx ny nz), f_dc_0..2, f_rest_* (all of red, then green, then blue), opacity as a logit, scale_0..2 as
logarithms, rot_0..3 as w x y z. Properties are found by name, so their order and further properties do not matter.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ...files import atomic_write, existing_file
from ...geometry import Gaussians
from .checks import checked_gaussians
from .orientation import MARKS, Up, from_file_axes, to_file_axes
from .ply_header import PlyElement, PlyHeader, read_ply_header

POSITION = ("x", "y", "z")
NORMAL = ("nx", "ny", "nz")
DC = ("f_dc_0", "f_dc_1", "f_dc_2")
SCALE = ("scale_0", "scale_1", "scale_2")
ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
NEEDED = (*POSITION, *DC, "opacity", *SCALE, *ROTATION)

# A logit beyond this is 0 or 1 in float32 for every reader.
LARGEST_LOGIT = 16.0


@dataclass(frozen=True)
class GaussianPly:
    """What a Gaussian PLY holds: Y-up Gaussians, its other properties [N] as float32 by name (no normals), and its comments."""

    gaussians: Gaussians
    extra: dict[str, Tensor]
    comments: tuple[str, ...]


def is_gaussian_ply(path: Path) -> bool:
    """Tell whether a PLY file holds Gaussians rather than a mesh or a point cloud, from its header alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a PLY.
    """
    with existing_file(path).open("rb") as stream:
        vertex = read_ply_header(Path(path), stream).element("vertex")
    return vertex is not None and bool({*DC, "packed_position"} & vertex.properties.keys())


def read_gaussian_ply(path: Path, up: Up = "auto") -> GaussianPly:
    """Read a Gaussian PLY, binary or text, of any spherical-harmonic degree from 0 to 3.

    Args:
        up: the up axis in the file; "auto" follows our own mark and takes other files as Y down, as is the custom.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, shorter than its header says, holds no Gaussians, or some that are not finite.
    """
    path = existing_file(path)
    with path.open("rb") as stream:
        header = read_ply_header(path, stream)
        vertex = _gaussian_element(path, header)
        size = path.stat().st_size - header.size
        columns = _read_text(path, stream, vertex, size) if header.order == "" else _read_binary(path, stream, header, vertex, size)
    sh_names = _sh_names(path, vertex)

    def stack(names: tuple[str, ...]) -> Tensor:
        return torch.from_numpy(np.stack([columns[name].astype(np.float32) for name in names], axis=1))

    with np.errstate(over="ignore"):  # a double too large for float32 becomes infinite, and is refused as such
        gaussians = checked_gaussians(
            path,
            positions=stack(POSITION),
            scales=stack(SCALE).exp(),
            rotations=stack(ROTATION),
            opacities=_finite_logits(stack(("opacity",))[:, 0]),
            sh=stack(sh_names).reshape(vertex.count, 3, len(sh_names) // 3).transpose(1, 2).contiguous(),
        )
        used = {*NEEDED, *NORMAL, *sh_names}
        extra = {name: stack((name,))[:, 0] for name in vertex.properties if name not in used}
    return GaussianPly(from_file_axes(gaussians, up, "\n".join(header.comments), "y-down"), extra, header.comments)


def write_gaussian_ply(
    path: Path,
    gaussians: Gaussians,
    extra: dict[str, Tensor] | None = None,  # further float properties [N] by name, for programs that know them
    comments: tuple[str, ...] = (),
    up: Up = "y-down",
) -> None:
    """Write Gaussians in the order and types of the 3DGS training code, which every viewer reads.

    Raises:
        ValueError: if the file cannot be written.
    """
    turned = to_file_axes(gaussians, up)
    count, rest = len(turned), turned.sh[:, 1:].transpose(1, 2).reshape(len(turned), -1)
    columns = {name: turned.positions[:, i] for i, name in enumerate(POSITION)}
    columns |= {name: torch.zeros(count) for name in NORMAL}
    columns |= {name: turned.sh[:, 0, i] for i, name in enumerate(DC)}
    columns |= {f"f_rest_{i}": rest[:, i] for i in range(rest.shape[1])}
    columns["opacity"] = torch.logit(turned.opacities.double()).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
    columns |= {name: turned.scales[:, i].log() for i, name in enumerate(SCALE)}
    columns |= {name: turned.rotations[:, i] for i, name in enumerate(ROTATION)}
    columns |= extra or {}
    table = np.stack([column.numpy().astype("<f4") for column in columns.values()], axis=1)
    lines = ["ply", "format binary_little_endian 1.0", f"comment {MARKS[up]}", *(f"comment {text}" for text in comments)]
    lines += [f"element vertex {count}", *(f"property float {name}" for name in columns), "end_header"]
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode("ascii"))
        stream.write(table.tobytes())


def _gaussian_element(path: Path, header: PlyHeader) -> PlyElement:
    """Return the vertex element if it can be read as Gaussians; say in one sentence why not otherwise."""
    vertex = header.element("vertex")
    if vertex is None or "packed_position" in vertex.properties:
        kind = "no vertices" if vertex is None else "Gaussians in PlayCanvas' compressed form"
        raise ValueError(f"'{path.name}' holds {kind}: export it as an uncompressed Gaussian splat PLY.")
    missing = [name for name in NEEDED if name not in vertex.properties]
    if missing:
        faces = header.element("face")
        if DC[0] in vertex.properties:
            what = f"lacks the Gaussian properties {', '.join(missing)}"
        else:
            what = f"is a {'mesh' if faces is not None and faces.count else 'point cloud'}, not Gaussians"
        raise ValueError(f"'{path.name}' {what}: choose a PLY that a 3D Gaussian Splatting program wrote.")
    if vertex.lists or header.elements[0] is not vertex:
        raise ValueError(f"'{path.name}' has list properties on its vertices or data before them: export a plain Gaussian PLY.")
    return vertex


def _finite_logits(logits: Tensor) -> Tensor:
    """Opacities of logits; an infinite logit stays infinite, since a sigmoid would hide that it is broken."""
    return torch.where(logits.isfinite(), torch.sigmoid(logits), logits)


def _sh_names(path: Path, vertex: PlyElement) -> tuple[str, ...]:
    """Names of the colour coefficients, channel after channel, each with its degree-0 one first."""
    rest = sum(name.startswith("f_rest_") for name in vertex.properties)
    names = [f"f_rest_{i}" for i in range(rest)]
    if rest not in (0, 9, 24, 45) or not vertex.properties.keys() >= set(names):
        raise ValueError(f"'{path.name}' has {rest} f_rest properties; 0, 9, 24 or 45 were expected: export it again.")
    per_channel = rest // 3
    return tuple(name for c in range(3) for name in (DC[c], *names[c * per_channel : (c + 1) * per_channel]))


def _read_binary(path: Path, stream: BinaryIO, header: PlyHeader, vertex: PlyElement, size: int) -> np.ndarray:
    """Read the rows of a binary body of `size` bytes as a structured array."""
    layout = np.dtype([(name, header.order + code) for name, code in vertex.properties.items()])
    if vertex.count * layout.itemsize > size:
        raise _truncated(path, vertex.count, size // layout.itemsize)
    return np.fromfile(stream, layout, vertex.count)


def _read_text(path: Path, stream: BinaryIO, vertex: PlyElement, size: int) -> dict[str, np.ndarray]:
    """Read the rows of a text body of `size` bytes as columns."""
    width = len(vertex.properties)
    if vertex.count * width * 2 - 1 > size:  # a digit and a blank each
        raise _truncated(path, vertex.count, size // (2 * width))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # older numpy only warns of a word that is no number
        try:
            values = np.fromfile(stream, np.float64, vertex.count * width, sep=" ")
        except (ValueError, DeprecationWarning) as error:
            raise ValueError(f"'{path.name}' has words where numbers belong: copy or export it again.") from error
    if len(values) < vertex.count * width:
        raise _truncated(path, vertex.count, len(values) // width)
    return dict(zip(vertex.properties, values.reshape(vertex.count, width).T, strict=True))


def _truncated(path: Path, promised: int, found: int) -> ValueError:
    return ValueError(f"'{path.name}' promises {promised} Gaussians and has data for at most {found}: copy or export it again.")
