"""Triangle meshes in PLY, with vertex colours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch

from ...files import atomic_write
from ...geometry import Mesh
from .ply_header import read_ply_header
from .surfaces import Material, Surface, damaged_file, surface_to_mesh


def read_mesh_ply(path: Path) -> Mesh:
    """Read the faces of a .ply, polygons as triangles, with vertex colours.

    Raises:
        ValueError: if it is damaged, shorter than its header says, or holds no faces.
    """
    import trimesh

    _check_counts(path)
    with damaged_file(path, "PLY"):
        loaded = trimesh.load_mesh(io.BytesIO(path.read_bytes()), file_type="ply", process=False, skip_materials=True)
        colors = None
        if loaded.visual.kind == "vertex":
            colors = np.asarray(loaded.visual.vertex_colors)[:, :3].astype(np.float32) / 255
        faces = np.asarray(loaded.faces, dtype=np.int64)
        surface = Surface(np.asarray(loaded.vertices), faces, None, colors, np.zeros(len(faces), np.int64), [Material()])
        return surface_to_mesh(path, surface)


def write_mesh_ply(path: Path, mesh: Mesh) -> None:
    """Write a mesh as binary .ply with vertex colours; a texture, which the format has no place for, becomes such colours.

    Raises:
        ValueError: if the file cannot be written.
    """
    colors = _mean_colors(mesh)
    layout = [("position", "<f4", 3)] + ([("color", "u1", 3)] if colors is not None else [])
    rows = np.empty(len(mesh.vertices), np.dtype(layout))
    rows["position"] = mesh.vertices.numpy()
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}", *(f"property float {n}" for n in "xyz")]
    if colors is not None:
        rows["color"] = (colors * 255).round().clamp(0, 255).numpy()
        lines += [f"property uchar {name}" for name in ("red", "green", "blue")]
    faces = np.empty(len(mesh.faces), np.dtype([("count", "u1"), ("vertices", "<i4", 3)]))
    faces["count"], faces["vertices"] = 3, mesh.faces.numpy()
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode("ascii") + rows.tobytes() + faces.tobytes())


def _check_counts(path: Path) -> None:
    """Refuse a file too short for the counts in its header, before memory is taken for them."""
    with path.open("rb") as stream:
        header = read_ply_header(path, stream)
    faces = header.element("face")
    if faces is None or faces.count == 0 or len(faces.lists) == 0:
        raise ValueError(f"'{path.name}' holds no faces: choose a mesh, or load it as a splat if it holds Gaussians.")
    least = 0
    for element in header.elements:
        size = sum(2 if header.order == "" else int(code[1]) for code in element.properties.values())
        least += element.count * (size + len(element.lists))  # a list takes a byte or more
    if least > path.stat().st_size - header.size + (header.order == ""):  # the last number of a text needs no blank behind it
        raise ValueError(f"'{path.name}' is shorter than its header says: copy or export it again.")


def _mean_colors(mesh: Mesh) -> torch.Tensor | None:
    """Vertex colours [V, 3], of the texture at the corners around each vertex if there is one."""
    if mesh.texture is None or mesh.corner_uv is None:
        return mesh.colors
    from ..texels import baked_colors

    return baked_colors(mesh)
