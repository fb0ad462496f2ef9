"""Cameras of real photos, from the files of the programs that found them.

Read are transforms.json (NeRF, instant-ngp, nerfstudio), the text model of COLMAP (cameras.txt with images.txt), and our own JSON.
All become pinhole cameras in our convention; a lens that bends lines is refused, since its photos have to be undistorted first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..files import atomic_write, existing_file
from ..geometry.rotation import quaternion_to_matrix
from .cameras import Camera, resized

Up = Literal["y-up", "z-up", "y-down"]

FORMAT = "modiste cameras"
# From the world of a file to ours, Y up; rows are our axes in terms of the file's.
_WORLDS: dict[str, list[list[float]]] = {
    "y-up": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z-up": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "y-down": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
}
_BENDS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_COLMAP_FILES = ("images.txt", "cameras.txt")
_COLMAP_PARAMETERS = {"SIMPLE_PINHOLE": 3, "PINHOLE": 4}


@dataclass(frozen=True)
class FileCameras:
    """B cameras of photos, all of one size, and what the file calls the photos.

    names:  B file names, in the order of the cameras
    target: [3] metres, the point that the cameras look at most nearly
    """

    cameras: list[Camera]
    names: list[str]
    target: Tensor


def read_cameras(path: Path, size: tuple[int, int] | None = None, up: Up = "y-up", scale: float = 1.0) -> FileCameras:
    """Read the cameras of a .json, or of COLMAP's cameras.txt or images.txt with the other beside it.

    Cameras of foreign files come sorted by the names of their photos, as programs load folders; those of our own keep their order,
    and their world is ours whatever `up` and `scale` say.

    Args:
        size: width and height of the photos, read where the file does not tell; cameras of this shape are scaled to it.
        up: which way is up in the world of the file.
        scale: metres for one unit of the file.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if it cannot be read, a value is missing or not finite, the lens is no pinhole, or sizes differ in shape.
    """
    path = existing_file(path)
    if path.suffix.lower() != ".json" and path.name not in _COLMAP_FILES:
        raise ValueError(f"'{path.name}' is neither a .json nor one of {', '.join(_COLMAP_FILES)}: choose a file of cameras.")
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"The scale of the cameras is {scale}; it must be greater than 0.")
    if path.name in _COLMAP_FILES:
        cameras = sorted(_read_colmap(path), key=lambda entry: entry[0])
    else:
        data = _json(path)
        if data.get("format") == FORMAT:
            return _finished(path, _read_own(path, data), size)
        cameras = sorted(_read_transforms(path, data, size), key=lambda entry: entry[0])
    return _finished(path, [(name, _moved(camera, up, scale)) for name, camera in cameras], size)


def write_cameras(path: Path, cameras: Sequence[Camera], names: Sequence[str]) -> None:
    """Write cameras as our own JSON, which keeps every digit.

    Raises:
        ValueError: if there is not one name for each camera, or the file cannot be written.
    """
    if len(cameras) != len(names):
        raise ValueError(f"There are {len(cameras)} cameras and {len(names)} names: give each camera one.")
    entries = [
        {
            "name": name,
            "width": camera.width,
            "height": camera.height,
            "view": camera.view.tolist(),
            "intrinsics": camera.intrinsics.tolist(),
        }
        for camera, name in zip(cameras, names, strict=True)
    ]
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, "cameras": entries}, indent=1), encoding="utf-8")


def nearest_to_axes(cameras: Sequence[Camera]) -> Tensor:
    """Return the point [3] with the least squared distance to all optical axes; where they are parallel, one in front of them."""
    centers = torch.stack([camera.position for camera in cameras]).double()
    axes = torch.stack([camera.view[2, :3] for camera in cameras]).double()
    across = torch.eye(3, dtype=torch.float64) - axes[:, :, None] * axes[:, None, :]  # takes away what lies along the axis
    total, right = across.sum(0), (across @ centers[:, :, None]).sum(0)
    if torch.linalg.eigvalsh(total)[0] < 1e-6 * len(cameras):
        return (centers + axes).mean(0).float()
    return torch.linalg.solve(total, right)[:, 0].float()


def _finished(path: Path, entries: list[tuple[str, Camera]], size: tuple[int, int] | None) -> FileCameras:
    """Bring all cameras to one size and find their target."""
    if not entries:
        raise ValueError(f"'{path.name}' has no cameras: choose the file that was saved with the photos.")
    width, height = size or (entries[0][1].width, entries[0][1].height)
    cameras = []
    for name, camera in entries:
        try:
            cameras.append(resized(camera, width, height))
        except ValueError as error:
            raise ValueError(
                f"'{path.name}' says that '{name}' has {camera.width} x {camera.height} pixels, which is not the shape of "
                f"{width} x {height}: photos have to be of one shape, scaled but not cropped."
            ) from error
    return FileCameras(cameras, [name for name, _ in entries], nearest_to_axes(cameras))


def _moved(camera: Camera, up: Up, scale: float) -> Camera:
    """Carry a camera from the world of its file into ours."""
    turn = torch.tensor(_WORLDS[up], dtype=camera.view.dtype)
    view = camera.view.clone()
    view[:3, :3] = camera.view[:3, :3] @ turn.T
    view[:3, 3] = scale * camera.view[:3, 3]
    return Camera(view, camera.intrinsics, camera.width, camera.height)


def _read_own(path: Path, data: dict[str, Any]) -> list[tuple[str, Camera]]:
    entries = []
    for index, entry in enumerate(_list(path, data, "cameras")):
        what = f"camera {index + 1}"
        width, height = (_size(path, entry, name, what) for name in ("width", "height"))
        view, k = _matrix(path, entry, "view", 4, what), _matrix(path, entry, "intrinsics", 3, what)
        _check_rotation(path, view, what)
        if not (k[0, 0] > 0 and k[1, 1] > 0) or k.flatten()[[1, 3, 6, 7]].any() or k[2, 2] != 1:
            raise ValueError(f"'{path.name}' has intrinsics in {what} that are not those of a pinhole without skew: save it again.")
        entries.append((str(entry.get("name", "")), Camera(view.float(), k.float(), width, height)))
    return entries


def _read_transforms(path: Path, data: dict[str, Any], size: tuple[int, int] | None) -> list[tuple[str, Camera]]:
    """Read frames with camera-to-world matrices of OpenGL cameras (x right, y up, z backwards); a frame's own values come first."""
    entries = []
    for index, frame in enumerate(_list(path, data, "frames")):
        name = str(frame.get("file_path", f"frame {index + 1}"))
        values = {**{key: value for key, value in data.items() if key != "frames"}, **frame}
        pose = _matrix(path, frame, "transform_matrix", 4, f"'{name}'")
        _check_rotation(path, pose, f"'{name}'")
        width, height, k = _transforms_lens(path, values, size, f"'{name}'")
        axes = pose[:3, :3] * torch.tensor([1.0, -1.0, -1.0], dtype=pose.dtype)  # columns right, down, forward
        entries.append((name, Camera(_view(axes.T, -axes.T @ pose[:3, 3]), k, width, height)))
    return entries


def _transforms_lens(path: Path, values: dict[str, Any], size: tuple[int, int] | None, what: str) -> tuple[int, int, Tensor]:
    """Return width, height and intrinsics of a frame."""
    model = str(values.get("camera_model", "OPENCV")).upper()
    straight = model in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE") and not values.get("is_fisheye")
    if not straight or any(_optional(path, values, name, what) for name in _BENDS):
        raise ValueError(f"'{path.name}' has a lens that bends lines ({what}): undistort the photos first and use the new file.")
    if "w" in values or "h" in values:
        width, height = _size(path, values, "w", what), _size(path, values, "h", what)
    elif size:
        width, height = size
    else:
        raise ValueError(f"'{path.name}' does not say how large its photos are: connect the photos too.")
    fx, fy = _optional(path, values, "fl_x", what), _optional(path, values, "fl_y", what)
    if fx is None:
        angle = _optional(path, values, "camera_angle_x", what)
        if angle is None or not 0 < angle < math.pi:
            raise ValueError(f"'{path.name}' has neither fl_x nor a camera_angle_x between 0 and pi for {what}: export it again.")
        fx = width / 2 / math.tan(angle / 2)
        tall = _optional(path, values, "camera_angle_y", what)
        if fy is None and tall is not None and 0 < tall < math.pi:
            fy = height / 2 / math.tan(tall / 2)
    cx, cy = _optional(path, values, "cx", what), _optional(path, values, "cy", what)
    center = (width / 2 if cx is None else cx, height / 2 if cy is None else cy)
    return width, height, _intrinsics(path, fx, fx if fy is None else fy, *center, what)


def _read_colmap(path: Path) -> list[tuple[str, Camera]]:
    """Read images.txt (world-to-camera poses, two lines an image) with the lenses of cameras.txt."""
    lenses = _colmap_lenses(existing_file(path.with_name("cameras.txt")))
    path = existing_file(path.with_name("images.txt"))
    lines = [line.strip() for line in _text(path).splitlines() if not line.lstrip().startswith("#")]
    while lines and not lines[0]:
        lines.pop(0)
    entries = []
    for place in range(0, len(lines), 2):
        if not lines[place]:
            continue
        words, points = lines[place].split(maxsplit=9), lines[place + 1].split() if place + 1 < len(lines) else []
        if len(words) != 10 or len(points) % 3 or (points and not _is_number(points[-1])):
            raise ValueError(f"'{path.name}' does not have COLMAP's two lines for each image: export the model again as text.")
        what, lens = f"'{words[9]}'", lenses.get(words[8])
        if lens is None:
            raise ValueError(f"'{path.name}' names camera {words[8]}, which cameras.txt does not have: take both from one model.")
        quaternion, translation = (_numbers(path, part, what) for part in (words[1:5], words[5:8]))
        if not quaternion.norm() > 1e-8:
            raise ValueError(f"'{path.name}' has a rotation of length zero for {what}: export the model again.")
        width, height, k = lens
        entries.append((words[9], Camera(_view(quaternion_to_matrix(quaternion), translation), k, width, height)))
    return entries


def _colmap_lenses(path: Path) -> dict[str, tuple[int, int, Tensor]]:
    """Return width, height and intrinsics by camera id."""
    lenses = {}
    for line in _text(path).splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 4:
            raise ValueError(f"'{path.name}' has a line that is no camera ('{line[:30]}'): export the model again as text.")
        what, model = f"camera {words[0]}", words[1]
        if model not in _COLMAP_PARAMETERS:
            raise ValueError(
                f"'{path.name}' has a camera of the model {model[:20]}, and only PINHOLE and SIMPLE_PINHOLE can be used: "
                "undistort the photos in COLMAP and use the model that it writes."
            )
        values = _numbers(path, words[2:], what).tolist()
        if len(values) != 2 + _COLMAP_PARAMETERS[model]:
            raise ValueError(f"'{path.name}' has {len(values)} numbers for {what}, which does not fit {model}: export it again.")
        width, height = (_size(path, {"size": value}, "size", what) for value in values[:2])
        focal = values[2:-2]
        lenses[words[0]] = (width, height, _intrinsics(path, focal[0], focal[-1], *values[-2:], what))
    return lenses


def _view(rotation: Tensor, translation: Tensor) -> Tensor:
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = rotation, translation
    return view


def _intrinsics(path: Path, fx: float, fy: float, cx: float, cy: float, what: str) -> Tensor:
    if not (fx > 0 and fy > 0):
        raise ValueError(f"'{path.name}' has a focal length that is not greater than 0 for {what}: export it again.")
    return torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _check_rotation(path: Path, pose: Tensor, what: str) -> None:
    turn = pose[:3, :3]
    if not torch.allclose(turn @ turn.T, torch.eye(3, dtype=turn.dtype), atol=1e-3) or not torch.linalg.det(turn) > 0:
        raise ValueError(f"'{path.name}' has a pose for {what} that does more than turn and move: export it without scaling.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        raise ValueError(f"'{path.name}' is not a text file: choose a file of cameras.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path.name}' is not JSON that can be read: choose a file of cameras.") from error
    if not isinstance(data, dict):
        raise ValueError(f"'{path.name}' holds no cameras: choose a transforms.json, or a file of our own.")
    return data


def _list(path: Path, data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = data.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"'{path.name}' has no list of {name}: choose a transforms.json, or a file of our own.")
    return entries


def _matrix(path: Path, entry: dict[str, Any], name: str, size: int, what: str) -> Tensor:
    rows = entry.get(name)
    if isinstance(rows, list) and len(rows) == size and all(isinstance(row, list) and len(row) == size for row in rows):
        values = [[_finite(value) for value in row] for row in rows]
        if all(value is not None for row in values for value in row):
            return torch.tensor(values, dtype=torch.float64)
    raise ValueError(f"'{path.name}' has no {name} of {size} x {size} finite numbers for {what}: export it again.")


def _optional(path: Path, values: dict[str, Any], name: str, what: str) -> float | None:
    if values.get(name) is None:
        return None
    number = _finite(values[name])
    if number is None:
        raise ValueError(f"'{path.name}' has a {name} for {what} that is not a finite number: export it again.")
    return number


def _size(path: Path, values: dict[str, Any], name: str, what: str) -> int:
    number = _finite(values.get(name))
    if number is None or number != round(number) or not 0 < number <= 2**16:
        raise ValueError(f"'{path.name}' has a width or height for {what} that is no number of pixels: export it again.")
    return int(number)


def _numbers(path: Path, words: Sequence[str], what: str) -> Tensor:
    values = [_finite(float(word)) if _is_number(word) else None for word in words]
    if any(value is None for value in values):
        raise ValueError(f"'{path.name}' has a value for {what} that is not a finite number: export it again.")
    return torch.tensor(values, dtype=torch.float64)


def _finite(value: object) -> float | None:
    """Return a JSON number that float32 can hold, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e30 else None  # nan compares false


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
