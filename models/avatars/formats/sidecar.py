"""The avatar beside a splat file: what a splat file cannot hold, as safetensors.

Everything of an `Avatar` at full precision (its texture in 8 bits, as picture files have it), plus the hash of the splat file it
was saved with: when the hash no longer fits, somebody edited the splat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from ...body.interface import Body, BodyParameters, BodyState
from ...body.joints import JOINTS
from ...files import atomic_write, existing_file
from ...geometry import Mesh
from ..labels import LABELS
from ..types import Avatar, BoundGaussians

SUFFIX = ".avatar.safetensors"
KIND = "modiste_avatar"
VERSION = "1"
TOLERANCE = 0.01  # of sums and lengths that have to be 1

# dtype and shape of every tensor; a letter stands for one size throughout the file.
LAYOUT: dict[str, tuple[tuple[torch.dtype, ...], tuple[str | int, ...]]] = {
    "mesh.vertices": ((torch.float32,), ("V", 3)),
    "mesh.faces": ((torch.int32,), ("F", 3)),
    "mesh.corner_uv": ((torch.float32,), ("F", 3, 2)),
    "mesh.texture": ((torch.uint8,), ("H", "W", 3)),
    "mesh.colors": ((torch.float32,), ("V", 3)),
    "gaussians.face": ((torch.int32,), ("N",)),
    "gaussians.barycentric": ((torch.float32,), ("N", 3)),
    "gaussians.offset": ((torch.float32,), ("N",)),
    "gaussians.rotation": ((torch.float32,), ("N", 4)),
    "gaussians.scale": ((torch.float32,), ("N", 3)),
    "gaussians.opacity": ((torch.float32,), ("N",)),
    "gaussians.sh": ((torch.float32,), ("N", "K", 3)),
    "labels": ((torch.uint8,), ("V",)),
    "skinning.joints": ((torch.uint8,), ("V", "J")),
    "skinning.weights": ((torch.float32,), ("V", "J")),
    "body.shape": ((torch.float32,), ("S",)),
    "body.pose": ((torch.float32,), (len(JOINTS), 3)),
    "body.translation": ((torch.float32,), (3,)),
}
OPTIONAL = ("mesh.corner_uv", "mesh.texture", "mesh.colors", "labels", "skinning.", "body.")
INDICES = {"mesh.faces": "V", "gaussians.face": "F", "labels": len(LABELS), "skinning.joints": len(JOINTS)}
# What the rows of a tensor have to be, in the words of the sentence and as a test of each row or value.
RULES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "gaussians.barycentric": ("sum to 1", lambda rows: (rows.sum(dim=1) - 1).abs() < TOLERANCE),
    "gaussians.rotation": ("have length 1", lambda rows: (rows.norm(dim=1) - 1).abs() < TOLERANCE),
    "gaussians.scale": ("exceed 0", lambda rows: rows > 0),
    "gaussians.opacity": ("lie in 0..1", lambda rows: (rows >= 0) & (rows <= 1)),
    "skinning.weights": ("sum to 1", lambda rows: (rows.sum(dim=1) - 1).abs() < TOLERANCE),
}


@dataclass(frozen=True)
class Sidecar:
    """An avatar as saved (without its body model), with the body's name and parameters, the splat's up axis and its SHA-256."""

    avatar: Avatar
    body_name: str
    body_parameters: BodyParameters | None
    up: str
    splat_hash: str

    def body(self, given: BodyState | None) -> BodyState | None:
        """Return the body inside: the saved parameters on the model they belong to, if it is at hand.

        A given body of the same kind lends its model; one of another kind replaces what was saved. An SMPL-X body that is not
        given leaves None, since the pack has no right to carry that model.
        """
        parameters = self.body_parameters
        if parameters is None or (given is not None and given.model.name != self.body_name):
            return given
        model = given.model if given is not None else _shipped(self.body_name)
        if model is None:
            return None
        if len(parameters.shape) != model.shape_size:
            raise ValueError(
                f"The avatar was saved with a body of {len(parameters.shape)} shape coefficients and this one has "
                f"{model.shape_size}: give the body file it was saved with."
            )
        return BodyState(model, parameters)


def sidecar_path(splat: Path) -> Path:
    """Return where the sidecar of a splat file lies."""
    return splat.with_name(splat.stem + SUFFIX)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sidecar(path: Path, avatar: Avatar, up: str, splat_hash: str) -> None:
    """Write an avatar beside its splat file.

    Raises:
        ValueError: if the file cannot be written.
    """
    from safetensors.torch import save

    tensors = {f"mesh.{field.name}": getattr(avatar.mesh, field.name) for field in fields(Mesh)}
    tensors |= {f"gaussians.{field.name}": getattr(avatar.gaussians, field.name) for field in fields(BoundGaussians)}
    tensors |= {"labels": avatar.labels}
    if avatar.skinning is not None:
        most = max(1, int((avatar.skinning != 0).sum(dim=1).max()))
        tensors["skinning.weights"], tensors["skinning.joints"] = avatar.skinning.topk(most, dim=1)
    if avatar.body is not None:
        parameters = avatar.body.parameters
        tensors |= {f"body.{field.name}": getattr(parameters, field.name) for field in fields(BodyParameters)}
    if avatar.mesh.texture is not None:
        tensors["mesh.texture"] = (avatar.mesh.texture * 255).round().to(torch.uint8)  # the precision of picture files
    metadata = {"kind": KIND, "version": VERSION, "up": up, "splat_sha256": splat_hash, "labels": ",".join(LABELS)}
    metadata["body"] = "" if avatar.body is None else avatar.body.model.name
    data = save({name: _stored(name, tensor) for name, tensor in tensors.items() if tensor is not None}, metadata)
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def read_sidecar(path: Path) -> Sidecar:
    """Read what `write_sidecar` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, of another kind or version, or its parts do not fit each other.
    """
    from safetensors import SafetensorError, safe_open

    path = existing_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys() if name in LAYOUT}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(f"'{path.name}' is damaged: save the avatar again, or delete it to load the splat with a mesh.") from error
    if metadata.get("kind") != KIND or metadata.get("version") != VERSION or metadata.get("labels") != ",".join(LABELS):
        raise ValueError(f"'{path.name}' is not an avatar that this version can read: update the pack, or save the avatar again.")
    _check(path, tensors)
    tensors = {name: tensor.long() if name in INDICES else tensor for name, tensor in tensors.items()}
    if "mesh.texture" in tensors:
        tensors["mesh.texture"] = tensors["mesh.texture"].float() / 255
    mesh = Mesh(**{field.name: tensors.get(f"mesh.{field.name}") for field in fields(Mesh)})
    bound = BoundGaussians(**{field.name: tensors[f"gaussians.{field.name}"] for field in fields(BoundGaussians)})
    parameters = None
    if "body.shape" in tensors:
        parameters = BodyParameters(**{field.name: tensors[f"body.{field.name}"] for field in fields(BodyParameters)})
    avatar = Avatar(mesh, bound, tensors.get("labels"), _dense_skinning(tensors))
    return Sidecar(avatar, metadata.get("body", ""), parameters, metadata.get("up", "auto"), metadata.get("splat_sha256", ""))


def _shipped(name: str) -> Body | None:
    """The body model of that name if the pack ships it."""
    if name != "modiste":
        return None
    from ...body import load_modiste_body

    return load_modiste_body()


def _stored(name: str, tensor: Tensor) -> Tensor:
    """The tensor in the type the file keeps it in."""
    types = LAYOUT[name][0]
    return (tensor if tensor.dtype in types else tensor.to(types[0])).contiguous()


def _dense_skinning(tensors: dict[str, Tensor]) -> Tensor | None:
    if "skinning.weights" not in tensors:
        return None
    weights = tensors["skinning.weights"]
    return weights.new_zeros(len(weights), len(JOINTS)).scatter_add(1, tensors["skinning.joints"], weights)


def _check(path: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse tensors that are missing, or do not fit LAYOUT, each other or the ranges of their indices."""
    sizes: dict[str | int, int] = {}
    for name, (types, shape) in LAYOUT.items():
        tensor = tensors.get(name)
        if tensor is None:
            group = name.split(".")[0] + "."
            if not name.startswith(OPTIONAL) or (group in OPTIONAL and any(other.startswith(group) for other in tensors)):
                raise ValueError(f"'{path.name}' lacks the tensor '{name}': save the avatar again.")
            continue
        fits = tensor.dtype in types and tensor.ndim == len(shape)
        for size, length in zip(shape, tensor.shape, strict=False):
            fits &= length == (sizes.setdefault(size, length) if isinstance(size, str) else size)
        if not fits:
            raise ValueError(
                f"'{path.name}' has a tensor '{name}' of {str(tensor.dtype)[6:]} {list(tensor.shape)}, which does not fit: "
                "save the avatar again."
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"'{path.name}' has numbers in '{name}' that are not finite: save the avatar again.")
    for name, bound in INDICES.items():
        limit = sizes[bound] if isinstance(bound, str) else bound
        tensor = tensors.get(name)
        if tensor is not None and tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < limit:
            raise ValueError(f"'{path.name}' has '{name}' pointing beyond the {limit} there are: save the avatar again.")
    if 0 in sizes.values() or sizes["K"] not in (1, 4, 9, 16):
        raise ValueError(f"'{path.name}' has empty parts, or Gaussians without colour: save the avatar again.")
    for name, (rule, holds) in RULES.items():
        if name in tensors and not bool(holds(tensors[name]).all()):
            raise ValueError(f"'{path.name}' has numbers in '{name}' that do not {rule}: save the avatar again.")
