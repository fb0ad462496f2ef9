"""Saving avatars and loading them: a splat file that any viewer shows, with a sidecar that holds the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from ..body import BodyState, write_body_parameters
from ..files import existing_file
from ..geometry import Gaussians, Mesh
from .binding import bind_gaussians, world_gaussians
from .closest import closest_points
from .formats.gaussian_ply import is_gaussian_ply, read_gaussian_ply, write_gaussian_ply
from .formats.labels_file import LabelLayout, read_labels
from .formats.mesh_files import MESH_SUFFIXES, read_mesh, write_mesh
from .formats.orientation import Up
from .formats.sidecar import file_hash, read_sidecar, sidecar_path, write_sidecar
from .formats.splat import read_splat, write_splat
from .formats.spz import read_spz, write_spz
from .sampling import sample_gaussians
from .types import Avatar, BoundGaussians

SPLAT_SUFFIXES = (".ply", ".splat", ".spz")
_APART = 0.1  # metres; half of a splat's Gaussians lie nearer to the mesh they belong to
_SAMPLE = 2000  # Gaussians that tell

MeshFormat = Literal["none", "glb", "obj", "ply"]


@dataclass(frozen=True)
class SavedAvatar:
    """The files an avatar was written to; `mesh` is None where none was asked for, `body` where the avatar has none."""

    splat: Path
    sidecar: Path
    mesh: Path | None
    body: Path | None

    def all_files(self) -> list[Path]:
        """Return every file, an OBJ's material and texture too."""
        meshes = sorted(self.mesh.parent.glob(f"{self.mesh.stem}.*")) if self.mesh else []
        return [self.splat, self.sidecar, *([self.body] if self.body else []), *meshes]


def save_avatar(
    path: Path,
    avatar: Avatar,
    up: Up = "y-down",
    mesh_format: MeshFormat = "none",
    progress: Callable[[int, int], None] | None = None,
) -> SavedAvatar:
    """Write an avatar as world-space Gaussians (.ply, .splat or .spz, by the ending of `path`), sidecar and, if asked, mesh.

    A PLY carries the binding too, as the further float properties binding_face, binding_b0..b2 and binding_offset. The mesh goes
    to `<name>.mesh.<format>`, the sidecar to `<name>.avatar.safetensors`, shape and pose of the body to `<name>.body.json`, which
    `read_body_parameters` reads.

    Raises:
        ValueError: if the ending is another, or a file cannot be written.
    """
    path = Path(path)
    tell = progress or (lambda done, total: None)
    tell(0, 3)
    world = world_gaussians(avatar.mesh, avatar.gaussians)
    mesh_path = None if mesh_format == "none" else path.with_name(f"{path.stem}.mesh.{mesh_format}")
    match path.suffix.lower():
        case ".ply":
            write_gaussian_ply(path, world, _binding_properties(avatar.gaussians), up=up)
        case ".splat":
            write_splat(path, world, up)
        case ".spz":
            write_spz(path, world, up=up)
        case _:
            raise ValueError(f"'{path.name}' does not end in {', '.join(SPLAT_SUFFIXES)}: choose one of these formats.")
    tell(1, 3)
    if mesh_path is not None:
        write_mesh(mesh_path, avatar.mesh)
    tell(2, 3)
    sidecar = sidecar_path(path)
    write_sidecar(sidecar, avatar, up, file_hash(path))
    body_path = None if avatar.body is None else path.with_name(f"{path.stem}.body.json")
    if avatar.body is not None:
        write_body_parameters(body_path, avatar.body.parameters)
    return SavedAvatar(path, sidecar, mesh_path, body_path)


def load_avatar(
    path: Path,
    mesh: Path | None = None,
    labels: Path | None = None,
    body: BodyState | None = None,
    up: Up = "auto",
    count: int = 100_000,
    label_layout: LabelLayout = "modiste",
    progress: Callable[[int, int], None] | None = None,
) -> Avatar:
    """Load an avatar from what a user has.

    - A splat file with the sidecar it was saved with: that avatar, exactly. If the splat was edited since, its Gaussians are bound
      anew to the sidecar's mesh.
    - A splat file and a mesh file: the Gaussians bound to the mesh; a sidecar is then left aside.
    - A mesh file alone: `count` Gaussians sampled on it.

    Args:
        labels: replaces the labels in the sidecar; `label_layout` says what its numbers mean, see `read_labels`.
        body: the body inside, for files without a sidecar; for an avatar saved with an SMPL-X body, that body's model.
        up: the up axis in the splat file, see `read_gaussian_ply`.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file cannot be read, or a splat comes without a mesh or with one that it does not belong to.
    """
    path = existing_file(path)
    suffix = path.suffix.lower()
    if suffix not in (*SPLAT_SUFFIXES, *MESH_SUFFIXES):
        raise ValueError(f"'{path.name}' is not an avatar file: choose {', '.join(sorted({*SPLAT_SUFFIXES, *MESH_SUFFIXES}))}.")
    if suffix not in SPLAT_SUFFIXES or (suffix == ".ply" and not is_gaussian_ply(path)):
        if mesh is not None:
            raise ValueError(f"'{path.name}' is a mesh itself: choose a splat file there, or no further mesh.")
        surface = read_mesh(path)
        avatar = Avatar(surface, sample_gaussians(surface, count, 0, progress), body=body)
    elif mesh is not None:
        surface = read_mesh(mesh)
        gaussians = _read_splat_of(path, surface, up)
        avatar = Avatar(surface, bind_gaussians(gaussians, surface, progress), body=body)
    else:
        avatar = _load_saved(path, body, up, progress)
    if labels is not None:
        avatar = replace(avatar, labels=read_labels(labels, len(avatar.mesh.vertices), label_layout))
    return avatar


def read_splat_file(path: Path, up: Up = "auto") -> Gaussians:
    """Read Y-up Gaussians from a .ply, .splat or .spz file; for errors see the readers."""
    match Path(path).suffix.lower():
        case ".ply":
            return read_gaussian_ply(path, up).gaussians
        case ".splat":
            return read_splat(path, up)
        case ".spz":
            return read_spz(path, up)
    raise ValueError(f"'{Path(path).name}' does not end in {', '.join(SPLAT_SUFFIXES)}: choose a splat file.")


def _read_splat_of(path: Path, mesh: Mesh, up: Up) -> Gaussians:
    """Read the splat of a mesh, and refuse one of another mesh."""
    if path.suffix.lower() == ".ply":
        read = read_gaussian_ply(path, up)
        gaussians, face = read.gaussians, read.extra.get("binding_face")
    else:
        gaussians, face = read_splat_file(path, up), None
    if face is not None and len(face) and face.max() >= len(mesh.faces):
        raise ValueError(
            f"'{path.name}' was bound to a mesh of more than {int(face.max())} faces and the mesh file has {len(mesh.faces)}: "
            "choose the mesh that was saved with it."
        )
    some = gaussians.positions[:: max(1, len(gaussians) // _SAMPLE)]
    if len(some) and closest_points(some, mesh.vertices, mesh.faces).distance.median() > _APART:
        raise ValueError(
            f"'{path.name}' and its mesh do not stand in the same place: check `up`, or choose the mesh it was made with."
        )
    return gaussians


def _load_saved(path: Path, body: BodyState | None, up: Up, progress: Callable[[int, int], None] | None) -> Avatar:
    """Load a splat with its sidecar."""
    if not sidecar_path(path).is_file():
        raise ValueError(
            f"'{path.name}' is a splat without a mesh: choose its mesh file in the mesh input, "
            f"or put '{sidecar_path(path).name}' beside it."
        )
    saved = read_sidecar(sidecar_path(path))
    avatar = replace(saved.avatar, body=saved.body(body))
    if file_hash(path) == saved.splat_hash:
        return avatar
    edited = read_splat_file(path, saved.up if up == "auto" else up)
    return replace(avatar, gaussians=bind_gaussians(edited, avatar.mesh, progress))


def _binding_properties(bound: BoundGaussians) -> dict[str, Tensor]:
    """The binding as float columns; face indices are exact up to 16 million."""
    weights = {f"binding_b{corner}": bound.barycentric[:, corner] for corner in range(3)}
    return {"binding_face": bound.face.float(), **weights, "binding_offset": bound.offset}
