"""Pinhole cameras in the OpenCV convention, orbits around a subject, and core's LOAD3D_CAMERA.

The world of this pack (metres, right-handed, Y up) is the world of three.js, so a LOAD3D_CAMERA needs no change of world here.
Core holds splats with Y down and turns them by 180 degrees about X into the three.js world; avatars leave this pack with that same
turn applied, so core shows one through a LOAD3D_CAMERA exactly as `camera_from_load3d` of the same dictionary does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.rotation import matrix_to_quaternion, quaternion_to_matrix

_FIT_AZIMUTHS = 24  # view directions that `fit_distance` checks around a full turn


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Camera space: x right, y down, z forward; pixel centres at half integers.

    view:       [4, 4] float32, world to camera
    intrinsics: [3, 3] float32, pixels: fx, fy, cx, cy with no skew
    width, height: pixels
    """

    view: Tensor
    intrinsics: Tensor
    width: int
    height: int

    @property
    def position(self) -> Tensor:
        """The centre of projection [3] in world space."""
        return -self.view[:3, :3].T @ self.view[:3, 3]


def look_at(eye: Tensor, target: Tensor, fov_degrees: float, width: int, height: int) -> Camera:
    """Make a camera at `eye` [3] that looks at `target` [3] with world Y upwards in the picture.

    Args:
        fov_degrees: field of view over the smaller side of the picture, as core's 3D nodes count it.

    Raises:
        ValueError: if eye and target coincide, or the field of view is outside 0..180 degrees.
    """
    eye, target = torch.as_tensor(eye, dtype=torch.float32), torch.as_tensor(target, dtype=torch.float32)
    forward = target - eye
    if not forward.norm() > 1e-8:
        raise ValueError("The camera stands on its target, so it has no direction to look in; move one of them.")
    return _camera(eye, _axes(forward), _focal_length(fov_degrees, width, height), width, height)


def orbit_cameras(
    target: Tensor,  # [3] metres
    distance: float,
    elevation_degrees: float,
    count: int,
    fov_degrees: float,
    width: int,
    height: int,
    start_degrees: float = 0.0,
) -> list[Camera]:
    """Make `count` cameras evenly spaced on a circle around `target`, all looking at it.

    The first stands at azimuth `start_degrees`; azimuth 0 is on the +Z side, where a person's face is seen, and 90 on the +X side.
    """
    target = torch.as_tensor(target, dtype=torch.float32)
    azimuths = start_degrees + torch.arange(count) * (360.0 / count)
    eyes = target + distance * _orbit_directions(azimuths, elevation_degrees)
    return [look_at(eye, target, fov_degrees, width, height) for eye in eyes]


def fit_distance(
    points: Tensor,  # [N, 3] metres
    fov_degrees: float,
    aspect: float,
    elevation_degrees: float = 0.0,
    margin: float = 0.08,
) -> tuple[Tensor, float]:
    """Find where an orbit must look, and from how far, to keep all points in the picture from every side.

    Args:
        fov_degrees: over the smaller side, as in `look_at`.
        aspect: width / height of the picture.
        elevation_degrees: of the orbit.
        margin: part of the half picture kept free around the subject.

    Returns:
        the target [3] (centre of the bounding box) and the distance in metres.

    Raises:
        ValueError: if there are no points.
    """
    if not len(points):
        raise ValueError("There are no points to frame; give a subject with at least one vertex.")
    low, high = points.amin(0), points.amax(0)
    target = 0.5 * (low + high)
    tangent = math.tan(math.radians(fov_degrees) / 2) * (1 - margin)
    slopes = torch.tensor([tangent * max(aspect, 1.0), tangent * max(1 / aspect, 1.0)])
    distance = 0.0
    for direction in _orbit_directions(torch.arange(_FIT_AZIMUTHS) * (360.0 / _FIT_AZIMUTHS), elevation_degrees):
        seen = (points - target) @ _axes(-direction).T  # camera space, with the target at the origin
        needed = seen[:, :2].abs() / slopes - seen[:, 2:]  # |x| <= slope * (distance + z)
        distance = max(distance, float(needed.max()))
    return target, max(distance, 1e-3)


def resized(camera: Camera, width: int, height: int) -> Camera:
    """Return the camera for the same picture at another size.

    Raises:
        ValueError: if the new picture has another shape, by more than the rounding of its sides to whole pixels.
    """
    x, y = width / camera.width, height / camera.height
    if abs(width - y * camera.width) > 1 + y and abs(height - x * camera.height) > 1 + x:
        raise ValueError(
            f"The picture has {width} x {height} pixels and its camera {camera.width} x {camera.height}, which is another shape: "
            "scale the picture without cropping it."
        )
    scale = torch.tensor([[x], [y], [1.0]], dtype=camera.intrinsics.dtype, device=camera.intrinsics.device)
    return Camera(camera.view, camera.intrinsics * scale, width, height)


def camera_from_load3d(info: Mapping, width: int, height: int) -> Camera:
    """Read core's LOAD3D_CAMERA: position, target, quaternion, fov (degrees over the smaller side) and zoom of a three.js camera.

    A three.js camera looks down its local -Z with local +Y upwards; its quaternion turns local axes into the world. Without a
    quaternion the camera looks at the target. Zoom multiplies the focal length.

    Raises:
        ValueError: if an entry is missing or no finite number, or the camera is not a perspective one.
    """
    if not isinstance(info, Mapping):
        raise ValueError(f"A camera must be a dictionary with position and target, and this is {type(info).__name__}.")
    kind = str(info.get("cameraType") or "perspective")
    if kind.lower() != "perspective":
        raise ValueError(f"The camera is {kind}, and only perspective cameras can be rendered; set its type to perspective.")
    fov, zoom = _number(info.get("fov") or 35.0, "fov"), _number(info.get("zoom") or 1.0, "zoom")
    if zoom <= 0:
        raise ValueError(f"The camera's zoom is {zoom}; it must be greater than 0.")
    position = _vector(info, "position", "xyz")
    if not info.get("quaternion"):
        camera = look_at(position, _vector(info, "target", "xyz"), fov, width, height)
        return _camera(position, camera.view[:3, :3], zoom * float(camera.intrinsics[0, 0]), width, height)
    quaternion = _vector(info, "quaternion", "wxyz")
    if not quaternion.norm() > 1e-8:
        raise ValueError("The camera's quaternion is zero and turns nothing; give a unit quaternion, or none and a target.")
    axes = _flip_yz(quaternion_to_matrix(quaternion)).T
    return _camera(position, axes, zoom * _focal_length(fov, width, height), width, height)


def target_from_load3d(info: Mapping) -> Tensor:
    """Return the point [3] that core's viewer orbits around.

    Raises:
        ValueError: if the camera has no target, or one that is not finite.
    """
    return _vector(info, "target", "xyz")


def camera_to_load3d(camera: Camera, target: Tensor) -> dict:
    """Write a camera as core's LOAD3D_CAMERA, with `target` [3] as the point that core's viewer orbits around.

    Raises:
        ValueError: if the pixels are not square or the principal point is off centre, which LOAD3D_CAMERA cannot say.
    """
    k = camera.intrinsics
    centre = torch.tensor([camera.width / 2, camera.height / 2])
    if not torch.isclose(k[0, 0], k[1, 1], rtol=1e-4) or not torch.allclose(k[:2, 2].cpu(), centre, atol=0.01):
        raise ValueError("A LOAD3D_CAMERA has square pixels and its optical axis in the middle, and this camera does not.")
    quaternion = matrix_to_quaternion(_flip_yz(camera.view[:3, :3].T))
    fov = 2 * math.degrees(math.atan(min(camera.width, camera.height) / 2 / float(k[0, 0])))
    return {
        "position": _named(camera.position, "xyz"),
        "target": _named(torch.as_tensor(target), "xyz"),
        "quaternion": _named(quaternion, "wxyz"),
        "fov": fov,
        "zoom": 1.0,
        "cameraType": "perspective",
    }


def _camera(eye: Tensor, axes: Tensor, focal: float, width: int, height: int) -> Camera:
    """Build a camera from its centre [3], its axes as rows [3, 3] (right, down, forward) and its focal length in pixels."""
    view = torch.eye(4)
    view[:3, :3] = axes
    view[:3, 3] = -axes @ eye
    intrinsics = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    return Camera(view, intrinsics, width, height)


def _axes(forward: Tensor) -> Tensor:
    """Rows right, down and forward [3, 3] of a camera that looks along `forward` [3] with world Y upwards."""
    forward = torch.nn.functional.normalize(forward, dim=0)
    # Looking straight up or down, Y gives no direction in the picture; Z does.
    up = torch.tensor([0.0, 1.0, 0.0]) if abs(float(forward[1])) < 0.9999 else torch.tensor([0.0, 0.0, 1.0])
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=0)
    return torch.stack([right, torch.linalg.cross(forward, right), forward])


def _focal_length(fov_degrees: float, width: int, height: int) -> float:
    if not 0 < fov_degrees < 180:
        raise ValueError(f"A field of view of {fov_degrees} degrees cannot be rendered; use more than 0 and less than 180.")
    return min(width, height) / 2 / math.tan(math.radians(fov_degrees) / 2)


def _orbit_directions(azimuths_degrees: Tensor, elevation_degrees: float) -> Tensor:
    """Unit vectors [A, 3] from the target to orbiting cameras."""
    azimuth, elevation = torch.deg2rad(azimuths_degrees), math.radians(elevation_degrees)
    level = torch.stack([torch.sin(azimuth), torch.zeros_like(azimuth), torch.cos(azimuth)], dim=-1)
    return math.cos(elevation) * level + torch.tensor([0.0, math.sin(elevation), 0.0])


def _flip_yz(axes: Tensor) -> Tensor:
    """Exchange three.js camera axes (x right, y up, z backwards) and OpenCV ones, both as columns [3, 3]."""
    return axes * torch.tensor([1.0, -1.0, -1.0], dtype=axes.dtype, device=axes.device)


def _vector(info: Mapping, name: str, components: str) -> Tensor:
    """Read {x, y, z} (or {w, x, y, z}) under `name` in the order of `components`."""
    entry = info.get(name)
    if not isinstance(entry, Mapping) or not set(components) <= set(entry):
        raise ValueError(f"The camera needs a {name} with the numbers {', '.join(components)}.")
    return torch.tensor([_number(entry[c], f"{name}.{c}") for c in components], dtype=torch.float32)


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"The camera's {name} is {value!r}; it must be a finite number.")
    return float(value)


def _named(values: Tensor, components: str) -> dict[str, float]:
    return dict(zip(components, values.tolist(), strict=True))
