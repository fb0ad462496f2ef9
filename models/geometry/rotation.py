"""Rotations as matrices, quaternions (w, x, y, z) and axis-angle vectors; all functions are batched over leading axes."""

from __future__ import annotations

import torch
from torch import Tensor


def quaternion_to_matrix(quaternions: Tensor) -> Tensor:
    """Turn quaternions [..., 4] (w, x, y, z; any non-zero length) into rotation matrices [..., 3, 3]."""
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=-1).unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*quaternions.shape[:-1], 3, 3)


def matrix_to_quaternion(matrices: Tensor) -> Tensor:
    """Turn rotation matrices [..., 3, 3] into unit quaternions [..., 4] (w, x, y, z) with w >= 0.

    Each row of the 4x4 table below is the quaternion times four times one of its components; the row of the largest component
    is the accurate one (Shepperd's method).
    """
    m = matrices
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    yz, zx, xy = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    sxy, szx, syz = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    table = torch.stack(
        [
            torch.stack([1 + xx + yy + zz, yz, zx, xy], dim=-1),
            torch.stack([yz, 1 + xx - yy - zz, sxy, szx], dim=-1),
            torch.stack([zx, sxy, 1 - xx + yy - zz, syz], dim=-1),
            torch.stack([xy, szx, syz, 1 - xx - yy + zz], dim=-1),
        ],
        dim=-2,
    )
    best = table.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)
    chosen = table.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quaternions = torch.nn.functional.normalize(chosen, dim=-1)
    return torch.where(quaternions[..., :1] < 0, -quaternions, quaternions)


def quaternion_multiply(left: Tensor, right: Tensor) -> Tensor:
    """Return the Hamilton product [..., 4]: the rotation `right` followed by `left`."""
    w, v = left[..., :1], left[..., 1:]
    s, u = right[..., :1], right[..., 1:]
    real = w * s - (v * u).sum(-1, keepdim=True)
    imaginary = w * u + s * v + torch.linalg.cross(v, u, dim=-1)
    return torch.cat([real, imaginary], dim=-1)


def axis_angle_to_matrix(vectors: Tensor) -> Tensor:
    """Turn axis-angle vectors [..., 3] (direction: axis, length: radians) into rotation matrices [..., 3, 3] (Rodrigues)."""
    return torch.matrix_exp(skew(vectors))


def matrix_to_axis_angle(matrices: Tensor) -> Tensor:
    """Turn rotation matrices [..., 3, 3] into axis-angle vectors [..., 3] of length 0..pi."""
    quaternions = matrix_to_quaternion(matrices)
    vector = quaternions[..., 1:]
    length = vector.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(length, quaternions[..., :1])
    return vector * torch.where(length > 1e-7, angle / length.clamp_min(1e-7), 2.0)


def skew(vectors: Tensor) -> Tensor:
    """Return the matrices [..., 3, 3] with skew(v) @ u = v x u for vectors [..., 3]."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vectors.shape[:-1], 3, 3)


def polar_rotation(matrices: Tensor) -> Tensor:
    """Return the rotation [..., 3, 3] nearest to each matrix: U V^T of its SVD, with the sign that makes it proper."""
    u, _, vt = torch.linalg.svd(matrices)
    sign = torch.linalg.det(u @ vt)
    correction = torch.diag_embed(torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], dim=-1))
    return u @ correction @ vt


def swing(start: Tensor, end: Tensor) -> Tensor:
    """Return the shortest rotations [..., 3, 3] that take the directions `start` to `end`, both [..., 3] of any non-zero length.

    Opposite directions have no shortest rotation; they get a half turn about an axis perpendicular to them.
    """
    a = torch.nn.functional.normalize(start, dim=-1)
    b = torch.nn.functional.normalize(end, dim=-1)
    cosine = (a * b).sum(-1, keepdim=True)
    least = torch.nn.functional.one_hot(a.abs().argmin(-1), 3).to(a)
    axis = torch.where(cosine > -1 + 1e-6, torch.linalg.cross(a, b, dim=-1), torch.linalg.cross(a, least, dim=-1))
    real = torch.where(cosine > -1 + 1e-6, 1 + cosine, 0.0)
    return quaternion_to_matrix(torch.cat([real, axis], dim=-1))
