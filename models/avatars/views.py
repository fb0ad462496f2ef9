"""Pictures of an avatar from a ring of cameras."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..geometry import Gaussians
from ..geometry.rotation import axis_angle_to_matrix
from ..render import Camera, camera_from_load3d, fit_distance, orbit_cameras, render_splats, target_from_load3d
from .labels import HEAD
from .selection import vertices_labelled
from .types import Avatar

MOST_PIXELS = 250_000_000  # of all views together, about 10 GB with masks and depths


@dataclass(frozen=True)
class Views:
    """What B cameras saw.

    images: [B, H, W, 3] sRGB in 0..1 over the background
    masks:  [B, H, W] coverage in 0..1
    depths: [B, H, W] metres from the camera plane, 0 where nothing is
    """

    images: Tensor
    masks: Tensor
    depths: Tensor


@dataclass(frozen=True)
class Ring:
    """Cameras evenly round a target [3] (metres), all of one size: the type MODISTE_CAMERAS."""

    cameras: list[Camera]
    target: Tensor


def camera_ring(
    avatar: Avatar,
    count: int,
    width: int,
    height: int,
    start: float = 0.0,
    elevation: float = 5.0,
    framing: str = "whole",
    fov: float = 30.0,
    first: dict | None = None,
) -> Ring:
    """Place `count` cameras evenly round an avatar, the first `start` degrees from its front.

    Args:
        elevation: degrees above the horizon.
        framing: "whole" or "head".
        fov: degrees over the smaller side of the picture.
        first: a LOAD3D_CAMERA that replaces framing, elevation and fov; the ring then turns from it about its target.

    Raises:
        ValueError: if the head is asked for and no vertex is labelled so, the camera cannot be read, or the pictures are too big.
    """
    _check_size(count, width, height)
    if first is not None:
        camera = camera_from_load3d(first, width, height)
        target = target_from_load3d(first)
        return Ring([_turned(camera, target, start + 360 * index / count) for index in range(count)], target)
    target, distance = fit_distance(_framed_points(avatar, framing), fov, width / height, elevation)
    return Ring(orbit_cameras(target, distance, elevation, count, fov, width, height, start), target)


def render_views(
    gaussians: Gaussians,
    cameras: Sequence[Camera],
    background: Tensor,  # [3] sRGB
    progress: Callable[[int, int], None] | None = None,
) -> Views:
    """Render the Gaussians through each camera; all cameras have one size."""
    frames = []
    for index, camera in enumerate(cameras):
        if progress:
            progress(index, len(cameras))
        frames.append(render_splats(gaussians, camera, background))
    if progress:
        progress(len(cameras), len(cameras))
    return Views(
        images=torch.stack([frame.color for frame in frames]).clamp(0, 1).cpu(),
        masks=torch.stack([frame.alpha for frame in frames]).cpu(),
        depths=torch.stack([frame.depth for frame in frames]).cpu(),
    )


def depth_pictures(views: Views) -> Tensor:
    """Turn depths into grey pictures [B, H, W, 3]: near is white, far is dark, nothing is black.

    The range is shared by all views, so that a turntable does not flicker.
    """
    seen = views.masks > 0.5
    pictures = torch.zeros_like(views.depths)
    if seen.any():
        near, far = views.depths[seen].min(), views.depths[seen].max()
        closeness = (far - views.depths) / (far - near).clamp_min(1e-6)
        pictures = torch.where(seen, 0.1 + 0.9 * closeness.clamp(0, 1), pictures)
    return pictures[..., None].expand(*pictures.shape, 3).contiguous()


def parse_color(text: str) -> Tensor:
    """Read "#rrggbb" as sRGB [3] in 0..1.

    Raises:
        ValueError: if the text is anything else.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text.strip()):
        raise ValueError(f"'{text}' is not a colour: write it as #rrggbb, for example #e8e6e3.")
    return torch.tensor([int(text.strip()[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _turned(camera: Camera, pivot: Tensor, degrees: float) -> Camera:
    """Carry a camera round the vertical axis through `pivot` [3], as an orbit does."""
    world = torch.eye(4)
    world[:3, :3] = axis_angle_to_matrix(torch.tensor([0.0, math.radians(degrees), 0.0]))
    world[:3, 3] = pivot - world[:3, :3] @ pivot
    return replace(camera, view=camera.view @ torch.linalg.inv(world))


def _framed_points(avatar: Avatar, framing: str) -> Tensor:
    if framing == "whole":
        return avatar.mesh.vertices
    if avatar.labels is None or not (head := vertices_labelled(avatar, HEAD)).any():
        raise ValueError("The avatar has no vertex labelled face or hair, so its head cannot be framed: use framing 'whole'.")
    return avatar.mesh.vertices[head]


def _check_size(count: int, width: int, height: int) -> None:
    if count * width * height > MOST_PIXELS:
        raise ValueError(f"{count} views of {width} x {height} pixels are more than fit into memory: take fewer or smaller views.")
