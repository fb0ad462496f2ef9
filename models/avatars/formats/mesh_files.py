"""Triangle meshes in files, by their ending: .glb, .obj and .ply."""

from __future__ import annotations

from pathlib import Path

from ...files import existing_file
from ...geometry import Mesh
from .glb import read_glb, write_glb
from .mesh_ply import read_mesh_ply, write_mesh_ply
from .obj import read_obj, write_obj

READERS = {".glb": read_glb, ".obj": read_obj, ".ply": read_mesh_ply}
WRITERS = {".glb": write_glb, ".obj": write_obj, ".ply": write_mesh_ply}
MESH_SUFFIXES = tuple(READERS)


def read_mesh(path: Path) -> Mesh:
    """Read a mesh with its texture or vertex colours, as it stands in the file (Y up, metres expected).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the ending is unknown, or the file is damaged or holds no triangles.
    """
    path = existing_file(path)
    return READERS[_ending(path)](path)


def write_mesh(path: Path, mesh: Mesh) -> None:
    """Write a mesh: .glb and .obj keep the texture, .ply turns it into vertex colours.

    Raises:
        ValueError: if the ending is unknown or the file cannot be written.
    """
    path = Path(path)
    WRITERS[_ending(path)](path, mesh)


def _ending(path: Path) -> str:
    """The ending of a mesh file."""
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise ValueError(f"'{path.name}' does not end in {', '.join(MESH_SUFFIXES)}: choose a mesh in one of these formats.")
    return path.suffix.lower()
