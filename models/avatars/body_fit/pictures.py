"""Pictures of a body over the avatar it was fitted to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...body.interface import BodyState
from ...geometry import Gaussians
from ...geometry.mesh import face_normals
from ...render import Camera, fit_distance, orbit_cameras, rasterize, render_splats
from ...render.mesh_rasterizer import Fragments
from ..binding import world_gaussians
from ..types import Avatar

_FOV = 25.0
_GROUND = (0.91, 0.90, 0.89)
_BODY, _OUTLINE = (0.16, 0.52, 0.80), (0.95, 0.35, 0.10)  # of the body's shade, and of its outline
_SHOWS = 0.55  # how much of the body shows over the avatar
_DARKEST = 0.45  # of a face of the body that is seen edge on


def overlay(
    avatar: Avatar,
    body: BodyState,
    heading: float,
    width: int = 512,
    height: int = 768,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return pictures [3, H, W, 3] of the body shaded over the avatar: from in front of it, its left side and behind.

    Args:
        heading: degrees from +Z towards +X in which the person looks.
    """
    vertices, faces = body.posed().vertices, body.model.faces
    target, distance = fit_distance(torch.cat([vertices, avatar.mesh.vertices]), _FOV, width / height)
    gaussians = world_gaussians(avatar.mesh, avatar.gaussians) if len(avatar.gaussians) else None
    pictures = []
    for index, turn in enumerate((0.0, 90.0, 180.0)):
        if progress:
            progress(index, 3)
        camera = orbit_cameras(target, distance, 3.0, 1, _FOV, width, height, heading + turn)[0]
        picture = _avatar_picture(avatar, gaussians, camera, device)
        pictures.append(_with_body(picture, rasterize(vertices, faces, camera), face_normals(vertices, faces), camera))
    if progress:
        progress(3, 3)
    return torch.stack(pictures)


def _avatar_picture(avatar: Avatar, gaussians: Gaussians | None, camera: Camera, device: torch.device | None) -> Tensor:
    """Return the avatar [H, W, 3] as its Gaussians show it, or grey where it has none."""
    if gaussians is not None:
        seen = gaussians if device is None else gaussians.to(device)
        return render_splats(seen, camera, torch.tensor(_GROUND)).color.clamp(0, 1).cpu()
    fragments = rasterize(avatar.mesh.vertices, avatar.mesh.faces, camera)
    shade = _shade(fragments, face_normals(avatar.mesh.vertices, avatar.mesh.faces), camera)
    return torch.where((fragments.face >= 0)[..., None], 0.75 * shade[..., None].expand(-1, -1, 3), torch.tensor(_GROUND))


def _with_body(picture: Tensor, fragments: Fragments, normals: Tensor, camera: Camera) -> Tensor:
    covered = fragments.face >= 0
    color = _shade(fragments, normals, camera)[..., None] * torch.tensor(_BODY)
    picture = torch.where(covered[..., None], torch.lerp(picture, color, _SHOWS), picture)
    return torch.where(_outline(covered)[..., None], torch.tensor(_OUTLINE), picture)


def _shade(fragments: Fragments, normals: Tensor, camera: Camera) -> Tensor:
    """Return how bright faces are [H, W]: those that look at the camera are brightest."""
    toward = (normals[fragments.face.clamp_min(0)] @ camera.view[2, :3]).abs()
    return _DARKEST + (1 - _DARKEST) * toward


def _outline(covered: Tensor) -> Tensor:
    """Return the pixels [H, W] just inside of an area's edge."""
    bare = (~covered).float()[None, None]
    return covered & (torch.nn.functional.max_pool2d(bare, 3, 1, 1)[0, 0] > 0)
