"""Cameras, a mesh z-buffer and the splat renderer. In: geometry in world space and a camera; out: pictures as tensors."""

from .cameras import Camera, camera_from_load3d, camera_to_load3d, fit_distance, look_at, orbit_cameras, resized, target_from_load3d
from .mesh_rasterizer import Fragments, interpolate, rasterize, rasterize_layers, texture_lookup
from .projection import SplatImage
from .splats import render_splats

__all__ = [
    "Camera",
    "Fragments",
    "SplatImage",
    "camera_from_load3d",
    "camera_to_load3d",
    "fit_distance",
    "interpolate",
    "look_at",
    "orbit_cameras",
    "rasterize",
    "rasterize_layers",
    "render_splats",
    "resized",
    "target_from_load3d",
    "texture_lookup",
]
