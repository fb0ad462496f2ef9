"""The splat renderer of the gsplat package, on CUDA."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..geometry import Gaussians
from ..geometry.spherical_harmonics import sh_degree
from .cameras import Camera
from .projection import EPS2D, NEAR, SplatImage, finish


@cache
def gsplat_available() -> bool:
    """Whether a CUDA device is there and gsplat's kernels load (the first call may compile them)."""
    if not torch.cuda.is_available():
        return False
    try:
        from gsplat.cuda._backend import _C
    except Exception:  # without a working compiler the import raises many kinds of errors, and each means the same: not here
        return False
    return _C is not None


def render_gsplat(gaussians: Gaussians, camera: Camera, background: Tensor) -> SplatImage:
    """Render on the Gaussians' CUDA device, or on the current one if they are on the CPU.

    Raises:
        ValueError: if there is no CUDA device or gsplat does not load.
    """
    if not gsplat_available():
        raise ValueError("gsplat needs a CUDA device and its compiled kernels; render with method auto or fast instead.")
    from gsplat import rasterization

    home = gaussians.positions.device
    device = home if home.type == "cuda" else torch.device("cuda")
    summed, alpha, _ = rasterization(
        gaussians.positions.to(device),
        gaussians.rotations.to(device),
        gaussians.scales.to(device),
        gaussians.opacities.to(device),
        gaussians.sh.to(device),
        camera.view[None].to(device),
        camera.intrinsics[None].to(device),
        camera.width,
        camera.height,
        near_plane=NEAR,
        eps2d=EPS2D,
        sh_degree=sh_degree(gaussians.sh),
        render_mode="RGB+D",
    )
    return finish(summed[0, ..., :3].to(home), alpha[0, ..., 0].to(home), summed[0, ..., 3].to(home), background)
