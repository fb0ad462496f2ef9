"""Whether neighbouring views of one avatar show the same thing: the warping error of AvatarMix, with exact correspondences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ....models.render import Camera

AGREEMENT = 0.01  # metres by which two depths of one point may differ
COVERED = 0.5  # coverage from which a pixel counts as the avatar's


def warping_rmse(
    pictures: Tensor,  # [B, H, W, 3] in 0..1
    masks: Tensor,  # [B, H, W] coverage in 0..1
    depths: Tensor,  # [B, H, W] camera-space z in metres
    cameras: Sequence[Camera],  # B in a ring, all of one size
    background: Tensor,  # [3] in 0..1, behind what the pictures show
) -> Tensor:  # [B]
    """Return how far each view is from the next one, warped into it; the last view's next is the first (AvatarMix, section 5.3).

    The paper finds correspondences between pictures; here they follow from depth and cameras. A pixel counts where the point that
    it shows falls into the next picture, both cover it by more than `COVERED`, and the next view's depth there says that it is not
    hidden. The value is the root of the mean squared difference over these pixels and their channels, in 0..1. Colours are the
    avatar's own: along an outline a picture is partly background, which does not move with the avatar, and is taken out.

    Depths should be those of the splat renderer. They blend as colours do, so a pixel at an inner edge, which shows something of
    two surfaces, is warped as a whole or left out. The depth of the mesh would call it one of the two, and then pictures that are
    consistent by construction get about twice the error.

    Raises:
        ValueError: if there is one view only, or two neighbours see nothing in common.
    """
    if len(cameras) < 2:
        raise ValueError("One view has no neighbour to be consistent with: render at least two.")
    shown = torch.cat([pictures - (1 - masks)[..., None] * background, masks[..., None]], -1)  # own colours times coverage
    errors = []
    for index, camera in enumerate(cameras):
        after = (index + 1) % len(cameras)
        places, depth = reproject(depths[index], camera, cameras[after])
        here, there = shown[index], _sample(shown[after], places, "bilinear")
        hidden = (_sample(depths[after][..., None], places, "nearest")[..., 0] - depth).abs() > AGREEMENT
        inside = ((places > 0) & (places < places.new_tensor([camera.width, camera.height]))).all(-1)
        valid = inside & ~hidden & (depths[index] > 0) & (here[..., 3] > COVERED) & (there[..., 3] > COVERED)
        if not valid.any():
            raise ValueError(f"View {index} and the next one see nothing in common: render more views, or look at their depths.")
        colors = [seen[valid][:, :3] / seen[valid][:, 3:] for seen in (here, there)]
        errors.append((colors[0] - colors[1]).square().mean().sqrt())
    return torch.stack(errors)


def reproject(depth: Tensor, camera: Camera, other: Camera) -> tuple[Tensor, Tensor]:
    """Return where another camera sees what each pixel of a depth map [H, W] shows: pixels [H, W, 2] (x, y) and z there [H, W]."""
    rows, columns = (torch.arange(count) + 0.5 for count in (camera.height, camera.width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    rays = torch.stack([x, y, torch.ones_like(x)], -1) @ torch.linalg.inv(camera.intrinsics).T
    move = other.view @ torch.linalg.inv(camera.view)
    points = depth[..., None] * rays @ move[:3, :3].T + move[:3, 3]
    projected = points @ other.intrinsics.T
    return projected[..., :2] / projected[..., 2:].clamp_min(1e-6), points[..., 2]


def _sample(values: Tensor, places: Tensor, mode: str) -> Tensor:
    """Read a picture [H, W, C] at pixels [H, W, 2], whose centres are at half integers."""
    size = places.new_tensor([values.shape[1], values.shape[0]])
    grid = 2 * places / size - 1
    return grid_sample(values.movedim(-1, 0)[None], grid[None], mode, "border", align_corners=False)[0].movedim(0, -1)
