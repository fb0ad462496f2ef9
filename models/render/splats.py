"""One door to the splat renderers."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..geometry import Gaussians
from .cameras import Camera
from .differentiable import render_differentiable
from .fast import render_fast
from .gsplat_backend import gsplat_available, render_gsplat
from .projection import SplatImage
from .reference import render_reference

Method = Literal["auto", "reference", "differentiable", "fast", "gsplat"]


def render_splats(
    gaussians: Gaussians,
    camera: Camera,
    background: Tensor | None = None,  # [3] sRGB in 0..1; black by default
    method: Method = "auto",
) -> SplatImage:
    """Render Gaussians by EWA splatting exactly as 3DGS; every method gives the same picture up to rounding.

    Args:
        method: "reference" is plain torch and differentiable; "differentiable" is many times faster, on the CPU; "fast" runs on the
            CPU without gradients; "gsplat" needs CUDA and the gsplat package; "auto" takes gsplat for Gaussians on a CUDA device
            where it loads, and fast otherwise.

    Returns:
        the picture on the device of the Gaussians.

    Raises:
        ValueError: if the method is unknown, or is "gsplat" where that cannot run.
    """
    if background is None:
        background = torch.zeros(3)
    if method == "auto":
        method = "gsplat" if gaussians.positions.is_cuda and gsplat_available() else "fast"
    renderers = {
        "reference": render_reference,
        "differentiable": render_differentiable,
        "fast": render_fast,
        "gsplat": render_gsplat,
    }
    if method not in renderers:
        raise ValueError(f'There is no splat renderer called "{method}"; use auto, {", ".join(renderers)}.')
    return renderers[method](gaussians, camera, background)
