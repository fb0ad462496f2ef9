"""3D values on core's sockets: SPLAT, MESH and 3D files, with core's attribute names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Splat:
    """B sets of activated Gaussians in world space, zero-padded to a common N; `counts` [B] holds the real lengths, or is None.

    positions: [B, N, 3]; scales: [B, N, 3] linear; rotations: [B, N, 4] wxyz; opacities: [B, N, 1] in 0..1; sh: [B, N, K, 3]
    """

    positions: Tensor
    scales: Tensor
    rotations: Tensor
    opacities: Tensor
    sh: Tensor
    counts: Tensor | None = None


@dataclass
class MeshData:
    """B meshes: vertices [B, N, 3], faces [B, M, 3], uvs [B, N, 2], vertex_colors [B, N, 3 or 4] and texture [B, H, W, 3]."""

    vertices: Tensor
    faces: Tensor
    uvs: Tensor | None = None
    vertex_colors: Tensor | None = None
    texture: Tensor | None = None


def make_mesh(
    vertices: Tensor,
    faces: Tensor,
    uvs: Tensor | None = None,
    vertex_colors: Tensor | None = None,
    texture: Tensor | None = None,
) -> MeshData:
    """Return a MESH value; hosts whose mesh holds less than this one's drop the rest."""
    return MeshData(vertices, faces, uvs, vertex_colors, texture)


@dataclass(frozen=True)
class File3D:
    """The bytes of a 3D file, and its format: the suffix without the dot."""

    data: bytes
    format: str

    def save_to(self, path: Path) -> None:
        """Write the file at `path`."""
        with atomic_write(path) as temporary:
            temporary.write_bytes(self.data)
