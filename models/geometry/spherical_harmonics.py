"""Real spherical harmonics to degree 3 with the signs and order of 3D Gaussian Splatting."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

SH_C0 = 0.5 / math.sqrt(math.pi)


def sh_basis(directions: Tensor, degree: int) -> Tensor:
    """Evaluate the basis at unit directions [..., 3].

    Returns:
        [..., (degree + 1) ** 2] values, band after band, m = -l..l, Condon-Shortley phase as in the 3DGS reference renderer.

    Raises:
        ValueError: if the degree is not 0, 1, 2 or 3.
    """
    if degree not in range(4):
        raise ValueError(f"Spherical harmonics of degree {degree} are not supported; use 0 to 3.")
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, SH_C0)]
    if degree >= 1:
        c = math.sqrt(3 / (4 * math.pi))
        values += [-c * y, c * z, -c * x]
    if degree >= 2:
        c = 0.5 * math.sqrt(15 / math.pi)
        values += [
            c * x * y,
            -c * y * z,
            0.25 * math.sqrt(5 / math.pi) * (2 * z * z - x * x - y * y),
            -c * x * z,
            0.5 * c * (x * x - y * y),
        ]
    if degree >= 3:
        outer = 0.25 * math.sqrt(35 / (2 * math.pi))
        inner = 0.25 * math.sqrt(21 / (2 * math.pi))
        values += [
            -outer * y * (3 * x * x - y * y),
            0.5 * math.sqrt(105 / math.pi) * x * y * z,
            -inner * y * (4 * z * z - x * x - y * y),
            0.25 * math.sqrt(7 / math.pi) * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -inner * x * (4 * z * z - x * x - y * y),
            0.25 * math.sqrt(105 / math.pi) * z * (x * x - y * y),
            -outer * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, dim=-1)


def sh_degree(sh: Tensor) -> int:
    """Return the degree of coefficients [..., K, 3].

    Raises:
        ValueError: if K is not 1, 4, 9 or 16.
    """
    degree = math.isqrt(sh.shape[-2]) - 1
    if degree not in range(4) or (degree + 1) ** 2 != sh.shape[-2]:
        raise ValueError(f"{sh.shape[-2]} spherical-harmonic coefficients a channel; 1, 4, 9 or 16 were expected.")
    return degree


def sh_to_rgb(sh: Tensor, directions: Tensor) -> Tensor:
    """Colour [N, 3] of coefficients [N, K, 3] seen along unit directions [N, 3] (camera to Gaussian); clamped at 0 as 3DGS does."""
    basis = sh_basis(directions, sh_degree(sh))
    return (torch.einsum("nk,nkc->nc", basis, sh) + 0.5).clamp_min(0)


def mean_color(sh: Tensor) -> Tensor:
    """The sRGB colour [N, 3] in 0..1 of coefficients [N, K, 3] without what changes with the view."""
    return (0.5 + SH_C0 * sh[:, 0]).clamp(0, 1)


def rgb_to_sh(rgb: Tensor) -> Tensor:
    """Degree-0 coefficients [N, 1, 3] that show the sRGB colours [N, 3] from every side."""
    return ((rgb - 0.5) / SH_C0)[:, None, :]


def rotate_sh(sh: Tensor, rotations: Tensor) -> Tensor:
    """Rotate colours with their Gaussians: the result seen along R d equals the input seen along d.

    Band l of the result is pinv(Y_l(D)) Y_l(R^T D) applied to band l, for enough fixed directions D: exact, since rotations map a
    band onto itself.

    Args:
        sh: [N, K, 3] coefficients.
        rotations: [N, 3, 3] or [3, 3] rotation matrices.
    """
    degree = sh_degree(sh)
    if degree == 0:
        return sh
    directions, inverses = _band_inverses(degree)
    directions = directions.to(sh)
    turned = sh_basis(directions @ rotations, degree)  # rows d^T R = (R^T d)^T, so [N, D, K] or [D, K]
    bands = [sh[:, :1]]
    for band, inverse in enumerate(inverses, start=1):
        span = slice(band * band, (band + 1) ** 2)
        bands.append(inverse.to(sh) @ turned[..., span] @ sh[:, span])
    return torch.cat(bands, dim=1)


@cache
def _band_inverses(degree: int) -> tuple[Tensor, list[Tensor]]:
    """Directions [D, 3] on a Fibonacci sphere and, for each band from 1, the pseudo-inverse [2l + 1, D] of its basis there."""
    index = torch.arange(32, dtype=torch.float64) + 0.5
    polar, azimuth = torch.acos(1 - 2 * index / 32), math.pi * (1 + math.sqrt(5)) * index
    directions = torch.stack(
        [torch.cos(azimuth) * torch.sin(polar), torch.sin(azimuth) * torch.sin(polar), torch.cos(polar)], dim=-1
    )
    basis = sh_basis(directions, degree)
    return directions, [torch.linalg.pinv(basis[:, l * l : (l + 1) ** 2]) for l in range(1, degree + 1)]  # noqa: E741
