"""Triangle meshes in Wavefront OBJ with an MTL file and its textures.

Vertices keep the file's order, which label files count by; UVs stay with face corners. A reference to another file may only lead
into the OBJ's own folder; where the file it names is gone, the mesh is read without.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PureWindowsPath

import numpy as np

from ...files import atomic_write
from ...geometry import Mesh
from .glb import encode_png
from .surfaces import Material, Picture, RefusedFileError, Surface, damaged_file, surface_to_mesh


def read_obj(path: Path) -> Mesh:
    """Read all faces of an .obj, polygons as fans of triangles, with diffuse textures or vertex colours.

    Raises:
        ValueError: if it is damaged, holds no faces, or refers to a file outside its folder.
    """
    with damaged_file(path, "OBJ"):
        return surface_to_mesh(path, _parse(path))


def write_obj(path: Path, mesh: Mesh) -> None:
    """Write a mesh as .obj; a texture goes beside it as `<name>.png` with `<name>.mtl`.

    Raises:
        ValueError: if a file cannot be written.
    """
    vertices, faces = mesh.vertices.numpy(), mesh.faces.numpy() + 1
    textured = mesh.corner_uv is not None and mesh.texture is not None
    if mesh.colors is not None and not textured:
        vertices = np.concatenate([vertices, mesh.colors.numpy()], axis=1)
    lines = ["v " + " ".join(f"{value:.9g}" for value in row) for row in vertices.tolist()]
    if textured:
        uv, corner = np.unique(mesh.corner_uv.numpy().reshape(-1, 2), axis=0, return_inverse=True)
        corner = corner.reshape(-1, 3) + 1
        lines = [f"mtllib {path.stem}.mtl", *lines, *(f"vt {u:.9g} {v:.9g}" for u, v in uv.tolist()), "usemtl avatar"]
        lines += [f"f {a}/{i} {b}/{j} {c}/{k}" for (a, b, c), (i, j, k) in zip(faces.tolist(), corner.tolist(), strict=True)]
        with atomic_write(path.with_suffix(".png")) as temporary:
            temporary.write_bytes(encode_png(mesh.texture.numpy()))
        with atomic_write(path.with_suffix(".mtl")) as temporary:
            temporary.write_text(f"newmtl avatar\nKd 1 1 1\nillum 0\nmap_Kd {path.stem}.png\n", encoding="utf-8")
    else:
        lines += [f"f {a} {b} {c}" for a, b, c in faces.tolist()]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _parse(path: Path) -> Surface:
    """Read the lines that make a surface; all others (normals, groups, smoothing) are left out."""
    points: list[list[str]] = []
    coordinates: list[list[str]] = []
    corners: list[tuple[int, int]] = []  # vertex and UV index of three corners a triangle, -1 for no UV
    owner: list[int] = []
    materials, names = [Material()], {}
    current = 0
    for keyword, rest in _lines(path):
        match keyword:
            case "v":
                points.append(rest.split())
            case "vt":
                coordinates.append(rest.split()[:2])
            case "f":
                polygon = [_corner(path, word, len(points), len(coordinates)) for word in rest.split()]
                for second, third in pairwise(polygon[1:]):
                    corners += (polygon[0], second, third)
                    owner.append(current)
            case "mtllib":
                for name, material in _read_mtl(path, rest).items():
                    names[name] = len(materials)
                    materials.append(material)
            case "usemtl":
                current = names.get(rest, 0)
    if not corners:
        raise RefusedFileError(f"'{path.name}' holds no faces: export a mesh.")
    values = np.array([row[:3] + (row[3:6] if len(row) >= 6 else ["nan"] * 3) for row in points], dtype=np.float32)
    index = np.array(corners, dtype=np.int64).reshape(-1, 3, 2)
    return Surface(
        vertices=values[:, :3],
        faces=index[..., 0],
        corner_uv=_corner_uv(path, coordinates, index[..., 1]),
        colors=values[:, 3:] if np.isfinite(values[:, 3:]).all() else None,
        material=np.array(owner, dtype=np.int64),
        materials=materials,
    )


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the keyword and the rest of every line; a backslash at its end draws the next line to it."""
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\\\n", " ")
    for line in text.splitlines():
        keyword, rest, *_ = [*line.split(None, 1), "", ""]
        yield keyword, rest.rstrip()


def _corner(path: Path, word: str, points: int, coordinates: int) -> tuple[int, int]:
    """Vertex and UV index of `v`, `v/vt`, `v/vt/vn` or `v//vn`, the latter -1 if there is none."""
    point, uv, *_ = [*word.split("/"), ""]
    return _index(path, point, points, "vertices"), _index(path, uv, coordinates, "UVs") if uv else -1


def _index(path: Path, word: str, count: int, things: str) -> int:
    """Index from 0 of a number that counts from 1, or if negative from the latest; whether it is too large shows at the end."""
    value = int(word)
    if value == 0 or value < -count:
        raise RefusedFileError(f"'{path.name}' has faces that point beyond its {count} {things} (to {value}): export it again.")
    return value - 1 if value > 0 else count + value


def _corner_uv(path: Path, coordinates: list[list[str]], index: np.ndarray) -> np.ndarray | None:
    """UVs [F, 3, 2]; corners without one get zero, None if no corner has one."""
    if (index < 0).all():
        return None
    if index.max() >= len(coordinates):
        raise RefusedFileError(f"'{path.name}' has faces that point beyond its {len(coordinates)} UVs: export it again.")
    uv = np.array([*coordinates, ["0", "0"]], dtype=np.float32)
    if not np.isfinite(uv).all():
        raise RefusedFileError(f"'{path.name}' has UVs that are not finite numbers: clean it where it was made.")
    return uv[index]


def _read_mtl(path: Path, reference: str) -> dict[str, Material]:
    """Read the materials of an MTL file: diffuse colour and texture, a texture replacing the colour."""
    library = _neighbour(path, reference)
    materials: dict[str, Material] = {}
    name = ""
    for keyword, rest in _lines(library) if library else ():
        match keyword:
            case "newmtl":
                name = rest
                materials[name] = Material()
            case "Kd" if materials[name].texture is None:
                red, green, blue = (min(max(float(value), 0.0), 1.0) for value in rest.split())
                materials[name] = Material(None, (red, green, blue))
            case "map_Kd":
                texture = _neighbour(path, _without_options(rest))
                if texture:
                    materials[name] = Material(Picture(texture, 0, texture.read_bytes))
    return materials


def _without_options(reference: str) -> str:
    """The file name of a map line, which may stand behind options such as `-s 1 1 1`."""
    words = reference.split()
    if not words or not words[0].startswith("-"):
        return reference
    return words[-1]


def _neighbour(path: Path, reference: str) -> Path | None:
    """Find a file that an OBJ refers to: inside the OBJ's folder, or by its bare name there if the reference leads elsewhere.

    None if it would lie inside but is gone; refused if it leads outside.
    """
    folder = path.parent.resolve()
    posix = reference.replace("\\", "/")
    places = [candidate.resolve() for candidate in (folder / posix, folder / PureWindowsPath(reference).name)]
    inside = [place for place in places if place.is_relative_to(folder)]
    for place in inside:
        if place.is_file():
            return place
    if len(inside) == len(places):
        return None
    raise RefusedFileError(f"'{path.name}' refers to {reference[:80]!r}, which is not in its folder: put that file beside it.")
