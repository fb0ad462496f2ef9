"""Files that say how a body stands: npz or JSON, with SMPL-X names or our own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import atomic_write, existing_file
from .interface import Body, BodyParameters
from .joints import JOINTS
from .npz import open_npz

# SMPL-X names of the pieces of a pose, in JOINTS order, and the joints in each.
_POSE_PIECES = {
    "global_orient": 1, "body_pose": 21, "jaw_pose": 1, "leye_pose": 1, "reye_pose": 1, "left_hand_pose": 15, "right_hand_pose": 15,
}  # fmt: skip
_SMPLX_NAMES = ("betas", "transl", *_POSE_PIECES)
_OWN_NAMES = ("shape", "pose", "translation")
_MOST_NUMBERS = 100_000
_MOST_BYTES = 10_000_000


def read_body_parameters(path: Path, body: Body) -> BodyParameters:
    """Read how a body stands, one frame, from .npz or .json.

    Either our own names, in the terms of `body`: shape [S], pose [55, 3], translation [3]; or, for an SMPL-X body, the names
    betas, global_orient, body_pose, jaw_pose, leye_pose, reye_pose, left_hand_pose, right_hand_pose (axis-angle, hands 45 numbers)
    and transl. What is absent is zero, a short shape is filled with zeros, and other names are ignored.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, holds pickled objects, wrong sizes or values, or belongs to another kind of body.
    """
    path = existing_file(path)
    readers = {".npz": _read_npz, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise ValueError(f"'{path.name}' is not a body parameter file: give a .npz or a .json.")
    found = readers[path.suffix.lower()](path)
    if not found:
        raise ValueError(f"'{path.name}' has no body parameters: it needs some of {', '.join(_OWN_NAMES + _SMPLX_NAMES)}.")
    foreign = [name for name in found if name in _SMPLX_NAMES]
    if foreign and body.name != "smplx":
        raise ValueError(
            f"'{path.name}' holds SMPL-X parameters ({foreign[0]}), which mean nothing to the {body.name} body: load an SMPL-X "
            "model file as the body, or leave the parameter file out."
        )
    return _assemble(path.name, found, body)


def write_body_parameters(path: Path, parameters: BodyParameters) -> None:
    """Write shape, pose and translation as JSON, which `read_body_parameters` reads for the same kind of body."""
    content = {name: getattr(parameters, name).tolist() for name in _OWN_NAMES}
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as npz:
        known = {name: npz.headers[name] for name in _OWN_NAMES + _SMPLX_NAMES if name in npz.headers}
        for name, header in known.items():
            if math.prod(header.shape) > _MOST_NUMBERS:
                raise _wrong_size(path.name, name, header.shape, "far fewer")
        return {name: np.atleast_1d(npz.read(name)) for name in known}


def _read_json(path: Path) -> dict[str, np.ndarray]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"'{path.name}' is too large for the parameters of one body: give a file under 10 MB.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path.name}' is not JSON or is damaged: save it again.") from error
    if not isinstance(content, dict):
        raise ValueError(f'\'{path.name}\' holds no names: give a JSON object such as {{"pose": ..., "shape": ...}}.')
    found = {}
    for name in _OWN_NAMES + _SMPLX_NAMES:
        if name in content:
            try:
                found[name] = np.atleast_1d(np.array(content[name], dtype=np.float64))
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"'{path.name}' does not hold plain numbers under '{name}': give a list of numbers.") from error
    return found


def _assemble(file: str, found: dict[str, np.ndarray], body: Body) -> BodyParameters:
    for own, foreign in (("shape", ("betas",)), ("pose", tuple(_POSE_PIECES)), ("translation", ("transl",))):
        both = [name for name in foreign if name in found and own in found]
        if both:
            raise ValueError(f"'{file}' has both '{own}' and '{both[0]}': keep one of the two.")
    for name, values in found.items():
        if not (np.abs(values) < 1e6).all():
            raise ValueError(f"'{file}' has numbers under '{name}' that are not finite or far too large: save it again.")
    pieces = [_numbers(file, found, name, 3 * joints) for name, joints in _POSE_PIECES.items()]
    pose = _numbers(file, found, "pose", 3 * len(JOINTS)) if "pose" in found else torch.cat(pieces)
    return BodyParameters(
        shape=_shape(file, found, "shape" if "shape" in found else "betas", body.shape_size),
        pose=pose.reshape(-1, 3),
        translation=_numbers(file, found, "translation" if "translation" in found else "transl", 3),
    )


def _numbers(file: str, found: dict[str, np.ndarray], name: str, count: int) -> Tensor:
    """Return exactly `count` numbers, or zeros where the name is absent."""
    values = found.get(name, np.zeros(count))
    if values.size != count or values.shape[-1] not in (3, count):
        raise _wrong_size(file, name, values.shape, str(count))
    return torch.from_numpy(values.reshape(-1)).float()


def _shape(file: str, found: dict[str, np.ndarray], name: str, size: int) -> Tensor:
    values = found.get(name, np.zeros(0))
    coefficients = values.reshape(-1)
    if (values.ndim > 1 and values.size != values.shape[-1]) or coefficients[size:].any():
        raise _wrong_size(file, name, values.shape, f"at most {size}")
    shape = torch.zeros(size)
    kept = torch.from_numpy(coefficients[:size]).float()
    shape[: len(kept)] = kept
    return shape


def _wrong_size(file: str, name: str, shape: tuple[int, ...], wanted: str) -> ValueError:
    return ValueError(f"'{file}' has '{name}' as {list(shape)}, and one frame of this body has {wanted} numbers there: save one.")
