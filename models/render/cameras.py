"""Pinhole cameras in the OpenCV convention, orbits around a subject, and core's LOAD3D_CAMERA."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
