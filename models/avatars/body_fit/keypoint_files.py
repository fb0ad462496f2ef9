"""Keypoints from files and from what pose detectors hand on: our own layout, OpenPose's, and the pose data of SAM 3D Body."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...body.joints import JOINT_INDEX, JOINTS
from ...body.npz import open_npz
from ...files import existing_file
from ...render import Camera
from .keypoints import LAYOUT_OF_COUNT, LAYOUTS, Keypoints, pixels, spots

_MOST_BYTES = 10_000_000
_MOST_NUMBERS = 100_000
_NORMALISED = 1.5  # OpenPose files whose greatest number is below this count in picture widths and heights


def read_keypoints(path: Path, cameras: Sequence[Camera] = ()) -> Keypoints:
    """Read keypoints of one person from .json or .npz.

    JSON with "points", a list of [x, y, z] or [x, y, z, trust] in metres, Y up, or an object that maps joints to such lists; or
    with "pixels", a list for each camera of lists of [x, y] or [x, y, trust]. "layout" names one of LAYOUTS, else the count tells.
    Or OpenPose's own JSON ("people" with "pose_keypoints_2d"): of one picture, or a list. npz has the arrays "points" or "pixels".

    Args:
        cameras: that took the pictures of 2D keypoints, in their order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, holds no keypoints or wrong sizes or values, or needs cameras that are not given.
    """
    path = existing_file(path)
    name = path.name
    if path.suffix.lower() == ".npz":
        return _from_content(name, _read_npz(path), cameras)
    if path.suffix.lower() != ".json":
        raise ValueError(f"'{name}' is not a keypoint file: give a .json or a .npz.")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"'{name}' is too large for the keypoints of one person: give a file under 10 MB.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{name}' is not JSON or is damaged: save it again.") from error
    if isinstance(content, list) or (isinstance(content, dict) and "people" in content):
        return keypoints_from_openpose(content, cameras, f"'{name}'")
    if not isinstance(content, dict):
        raise ValueError(f"'{name}' holds no keypoints: give a JSON object with 'points' or 'pixels', or OpenPose's.")
    return _from_content(name, content, cameras)


def keypoints_from_pose_data(value: Any, cameras: Sequence[Camera] = ()) -> Keypoints:
    """Read what pose nodes hand on: core's MHR_POSE_DATA, or POSE_KEYPOINT of the OpenPose and DWPose nodes.

    Of MHR_POSE_DATA the largest person of the first frame with one counts; its keypoints are in the space of a camera that nobody
    knows here, so they tell the pose, not the place.

    Raises:
        ValueError: if there is no person in it, or it is made otherwise.
    """
    if isinstance(value, Mapping) and "frames" in value:
        person = _first_person(value["frames"])
        points = _numbers(person.get("pred_keypoints_3d"), "The pose data", "pred_keypoints_3d")
        if points.shape != (70, 3):
            raise ValueError(f"The pose data has keypoints of the form {list(points.shape)}, not 70 x 3: take SAM 3D Body's own.")
        return (spots(points, torch.ones(70), "mhr70", placed=False),)
    return keypoints_from_openpose(value, cameras, "The pose data")


def keypoints_from_openpose(value: Any, cameras: Sequence[Camera], name: str = "The pose data") -> Keypoints:
    """Read OpenPose's JSON, one picture or a list of them, each with the camera that took it; empty pictures are left out.

    Raises:
        ValueError: if cameras are missing or not as many as pictures, no picture shows a person, or the numbers are no keypoints.
    """
    pictures = [value] if isinstance(value, Mapping) else value
    if not isinstance(pictures, list | tuple) or not all(isinstance(item, Mapping) for item in pictures):
        raise ValueError(f"{name} holds no keypoints: give OpenPose's JSON, or an object with 'points' or 'pixels'.")
    _check_cameras(name, len(pictures), cameras)
    found = []
    for picture, camera in zip(pictures, cameras, strict=True):
        people = picture.get("people")
        people = [one for one in people if isinstance(one, Mapping)] if isinstance(people, list | tuple) else []
        rows = [_numbers(one.get("pose_keypoints_2d") or [], name, "pose_keypoints_2d") for one in people]
        rows = [row.reshape(-1, 3) for row in rows if row.numel() and row.numel() % 3 == 0]
        if not rows:
            continue
        row = max(rows, key=lambda row: float(row[:, 2].sum()))
        size = torch.tensor([camera.width, camera.height], dtype=torch.float32)
        scale = size if float(row[:, :2].abs().max()) < _NORMALISED else size / _canvas(picture, size)
        seen = row[:, 2] * (row[:, :2].abs().sum(1) > 0)
        found.append(pixels(row[:, :2] * scale, seen, _layout(name, None, len(row)), camera))
    if not found:
        raise ValueError(f"{name} shows no person: detect the pose anew, or leave it out.")
    return tuple(found)


def _from_content(name: str, content: Mapping[str, Any], cameras: Sequence[Camera]) -> Keypoints:
    layout = content.get("layout")
    if "points" in content:
        points = content["points"]
        if isinstance(points, Mapping):
            points, layout = _by_joint(name, points), "joints"
        table = _numbers(points, f"'{name}'", "points")
        if table.ndim != 2 or table.shape[1] not in (3, 4):
            raise _wrong_form(name, "points", table, "K x 3 or K x 4")
        return (spots(table[:, :3], _trust(table, 3), _layout(f"'{name}'", layout, len(table))),)
    if "pixels" in content:
        table = _numbers(content["pixels"], f"'{name}'", "pixels")
        table = table[None] if table.ndim == 2 else table
        if table.ndim != 3 or table.shape[2] not in (2, 3):
            raise _wrong_form(name, "pixels", table, "cameras x K x 2 or 3")
        _check_cameras(f"'{name}'", len(table), cameras)
        kind = _layout(f"'{name}'", layout, table.shape[1])
        return tuple(pixels(row[:, :2], _trust(row, 2), kind, camera) for row, camera in zip(table, cameras, strict=True))
    raise ValueError(f"'{name}' holds no keypoints: it needs 'points' (metres) or 'pixels', or OpenPose's 'people'.")


def _by_joint(name: str, points: Mapping[str, Any]) -> list[list[float]]:
    """Return a list for all 55 joints from those named, with trust 0 for the others."""
    unknown = sorted(set(points) - set(JOINTS))
    if unknown:
        raise ValueError(f"'{name}' names a joint '{unknown[0]}' that no body here has: use names such as left_knee.")
    table = [[0.0, 0.0, 0.0, 0.0] for _ in JOINTS]
    for joint, place in points.items():
        numbers = _numbers(place, f"'{name}'", joint)
        if numbers.shape not in ((3,), (4,)):
            raise _wrong_form(name, joint, numbers, "3 or 4")
        table[JOINT_INDEX[joint]] = [*numbers.tolist(), 1.0][:4]
    return table


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as npz:
        known = [key for key in ("points", "pixels") if key in npz.headers]
        for key in known:
            if int(np.prod(npz.headers[key].shape)) > _MOST_NUMBERS:
                raise ValueError(f"'{path.name}' has '{key}' as {list(npz.headers[key].shape)}, far more than keypoints are.")
        return {key: npz.read(key) for key in known}


def _first_person(frames: Any) -> Mapping[str, Any]:
    for people in frames if isinstance(frames, list | tuple) else ():
        known = [one for one in people if isinstance(one, Mapping)] if isinstance(people, list | tuple) else []
        if known:
            return max(known, key=_box_area)
    raise ValueError("The pose data shows no person: choose a picture in which the whole person is seen.")


def _box_area(person: Mapping[str, Any]) -> float:
    box = person.get("bbox")
    if box is None:
        return 0.0
    corners = _numbers(box, "The pose data", "bbox").flatten().tolist()
    if len(corners) != 4:
        return 0.0
    x0, y0, x1, y1 = corners
    return (x1 - x0) * (y1 - y0)


def _canvas(picture: Mapping[str, Any], size: Tensor) -> Tensor:
    """Return width and height [2] of the picture that pixels count in: as the file says, else the camera's."""
    said = [picture.get("canvas_width"), picture.get("canvas_height")]
    if all(isinstance(number, int | float) and number > 0 for number in said):
        return torch.tensor(said, dtype=torch.float32)
    return size


def _trust(table: Tensor, column: int) -> Tensor:
    return table[:, column].clamp(0, 1) if table.shape[1] > column else torch.ones(len(table))


def _layout(name: str, layout: Any, count: int) -> str:
    """Return the layout that is named, or that has so many keypoints; our 55 joints may be cut short after the wrists."""
    if layout is None:
        layout = "joints" if count == 22 else LAYOUT_OF_COUNT.get(count)
        if layout is None:
            raise ValueError(f"{name} has {count} keypoints, which no layout has: give 17, 18, 22, 25, 55 or 70, or a 'layout'.")
        return layout
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise ValueError(f"{name} is in a layout '{layout}' that is not known: use one of {', '.join(LAYOUTS)}.")
    wanted = len(LAYOUTS[layout].joints)
    if count != wanted and (layout, count) != ("joints", 22):
        raise ValueError(f"{name} has {count} keypoints, and the layout {layout} has {wanted}: save all of them.")
    return layout


def _check_cameras(name: str, pictures: int, cameras: Sequence[Camera]) -> None:
    if not cameras:
        raise ValueError(f"{name} holds 2D keypoints: connect 'cameras' of the Render Avatar whose pictures they were found in.")
    if pictures != len(cameras):
        raise ValueError(
            f"{name} has keypoints of {pictures} pictures, and there are {len(cameras)} cameras: one is needed for each."
        )


def _numbers(value: Any, name: str, key: str) -> Tensor:
    """Return numbers as float32; what is not finite is marked as NaN.

    Raises:
        ValueError: if there is anything but numbers.
    """
    try:
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{name} does not hold plain numbers under '{key}': give lists of numbers.") from error
    numbers = torch.from_numpy(np.array(array, dtype=np.float64))
    return torch.where(numbers.abs() < 1e6, numbers, torch.nan).float()


def _wrong_form(name: str, key: str, table: Tensor, wanted: str) -> ValueError:
    return ValueError(f"'{name}' has '{key}' as {list(table.shape)}, and {wanted} numbers are needed there: save one person.")
