"""EWA projection of 3D Gaussians onto the picture: what the reference and the fast renderer share.

The formulas are those of 3D Gaussian Splatting (Kerbl et al. 2023, section 4, after Zwicker et al. 2001), with the constants of its
reference renderer and of gsplat's classic mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry import Gaussians
from ..geometry.rotation import quaternion_to_matrix
from ..geometry.spherical_harmonics import sh_to_rgb
from .cameras import Camera

NEAR = 0.01  # metres
EPS2D = 0.3  # pixels^2 added to the variance along both axes, so that no splat falls between pixels
MIN_ALPHA = 1 / 255  # weaker contributions are skipped
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4  # a pixel stops before the Gaussian that would take it to this or below
_JACOBIAN_MARGIN = 0.3  # of the half picture: beyond it the Jacobian is taken at the margin


@dataclass(frozen=True)
class SplatImage:
    """A rendered picture.

    color: [H, W, 3] sRGB, composited over the background; above 1 only where the Gaussians' own colours are
    alpha: [H, W] coverage in 0..1
    depth: [H, W] alpha-weighted mean of camera-space z in metres, 0 where nothing is
    """

    color: Tensor
    alpha: Tensor
    depth: Tensor


@dataclass(frozen=True)
class ScreenGaussians:
    """The M Gaussians that reach at least one pixel centre, nearest first.

    mean:    [M, 2] pixels
    conic:   [M, 3] inverse covariance (xx, xy, yy), pixels^-2
    extent:  [M, 2] half size in pixels of the box around the ellipse where alpha >= 1/255
    depth:   [M] camera-space z of the centre, metres
    color:   [M, 3] sRGB seen from the camera
    opacity: [M]
    """

    mean: Tensor
    conic: Tensor
    extent: Tensor
    depth: Tensor
    color: Tensor
    opacity: Tensor

    def __len__(self) -> int:
        return len(self.depth)


def project(gaussians: Gaussians, camera: Camera) -> ScreenGaussians:
    """Project, drop what no pixel sees, and sort by depth (equal depths keep their order). Differentiable in the Gaussians."""
    view, (fx, fy, cx, cy) = camera.view.to(gaussians.positions), _pinhole(camera)
    rotation = view[:3, :3]
    points = gaussians.positions @ rotation.T + view[:3, 3]
    kept = ((points[:, 2] > NEAR) & (gaussians.opacities >= MIN_ALPHA)).nonzero()[:, 0]
    x, y, z = points.index_select(0, kept).unbind(-1)
    opacity = gaussians.opacities.index_select(0, kept)
    mean = torch.stack([fx * x / z + cx, fy * y / z + cy], dim=-1)

    # Rows of the Jacobian of the projection, turned into the world: pixels per metre.
    slack_x, slack_y = _JACOBIAN_MARGIN * 0.5 * camera.width / fx, _JACOBIAN_MARGIN * 0.5 * camera.height / fy
    slope_x = (x / z).clamp(-cx / fx - slack_x, (camera.width - cx) / fx + slack_x)
    slope_y = (y / z).clamp(-cy / fy - slack_y, (camera.height - cy) / fy + slack_y)
    row_x = (fx / z)[:, None] * (rotation[0] - slope_x[:, None] * rotation[2])
    row_y = (fy / z)[:, None] * (rotation[1] - slope_y[:, None] * rotation[2])
    # Sigma = L L^T with L = R S, so the picture's covariance is (J L)(J L)^T.
    turns = quaternion_to_matrix(gaussians.rotations.index_select(0, kept))
    scales = gaussians.scales.index_select(0, kept)
    half = (torch.stack([row_x, row_y], dim=1) @ turns) * scales[:, None, :]
    half_x, half_y = half.unbind(1)
    xx, xy, yy = (half_x * half_x).sum(-1) + EPS2D, (half_x * half_y).sum(-1), (half_y * half_y).sum(-1) + EPS2D

    # alpha >= 1/255 inside the ellipse d^T conic d = 2 ln(255 opacity), whose box has these half sides.
    reach = 2 * torch.log((opacity / MIN_ALPHA).clamp_min(1))
    extent = torch.stack([(reach * xx).sqrt(), (reach * yy).sqrt()], dim=-1).detach()
    size = torch.tensor([camera.width, camera.height], device=mean.device)
    first, last = pixel_range(mean.detach(), extent)
    seen = ((first <= last) & (last >= 0) & (first < size)).all(-1).nonzero()[:, 0]

    # det(M M^T + eps I) = |m0 x m1|^2 + eps (|m0|^2 + |m1|^2) + eps^2: positive terms only, where xx yy - xy^2 cancels for needles.
    area = torch.linalg.cross(half_x, half_y, dim=-1)
    determinant = (area * area).sum(-1) + EPS2D * (xx + yy - EPS2D)
    conic = torch.stack([yy, -xy, xx], dim=-1) / determinant[:, None]
    source = kept.index_select(0, seen)
    directions = torch.nn.functional.normalize(gaussians.positions.index_select(0, source) - camera.position.to(view), dim=-1)
    color = sh_to_rgb(gaussians.sh.index_select(0, source), directions)
    # Positive floats order like their bits, and integers are sorted many times faster.
    bits = z.detach().float().index_select(0, seen).view(torch.int32)
    order = torch.sort(bits, stable=True).indices
    mean, conic, extent, z, opacity = (
        values.index_select(0, seen).index_select(0, order) for values in (mean, conic, extent, z, opacity)
    )
    return ScreenGaussians(mean, conic, extent, z, color.index_select(0, order), opacity)


def pixel_range(mean: Tensor, extent: Tensor) -> tuple[Tensor, Tensor]:
    """First and last pixel (floats, unclipped) whose centres lie within `extent` of `mean`, with a hair of slack for rounding."""
    return torch.ceil(mean - extent - 0.501), torch.floor(mean + extent - 0.499)


def finish(premultiplied: Tensor, alpha: Tensor, weighted_depth: Tensor, background: Tensor) -> SplatImage:
    """Lay accumulated colour [H, W, 3] over the background [3] and turn summed depth [H, W] into its mean."""
    color = premultiplied + (1 - alpha)[..., None] * background.to(premultiplied)
    depth = torch.where(alpha > 0, weighted_depth / alpha.clamp_min(1e-6), 0.0)
    return SplatImage(color, alpha, depth)


def _pinhole(camera: Camera) -> tuple[float, float, float, float]:
    k = camera.intrinsics
    return float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2])
