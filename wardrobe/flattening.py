"""Flat panels: each part of a piece unrolled into the plane with little stretch, as a sewing pattern is."""

from __future__ import annotations

import torch
from torch import Tensor


def flatten(
    position: Tensor,  # [V, 3] metres
    faces: Tensor,  # [F, 3]
    guess: Tensor,  # [V, 2] rough flat positions, metres; counter-clockwise faces should come out so
    rounds: int = 8,
) -> Tensor:  # [V, 2] metres
    """Unroll a sheet as rigidly as possible.

    The local/global scheme of Liu et al. 2008 ("A Local/Global Approach to Mesh Parameterization"): every triangle is turned to fit
    the present layout, then all triangles are stitched together by one sparse solve. Parts that are not connected are laid out
    independently, each keeping the centre of its guess.
    """
    import numpy as np
    from scipy.sparse import coo_matrix, identity
    from scipy.sparse.linalg import splu

    flat = _lay_out_triangles(position[faces].double())
    cotangent = _cotangents(flat)
    start = faces[:, [1, 2, 0]]
    end = faces[:, [2, 0, 1]]
    edge = flat[:, [2, 0, 1]] - flat[:, [1, 2, 0]]
    rows, columns = start.flatten().numpy(), end.flatten().numpy()
    weight = cotangent.flatten().numpy()
    count = len(position)
    adjacency = coo_matrix((weight, (rows, columns)), (count, count)).tocsr()
    adjacency = adjacency + adjacency.T
    laplacian = coo_matrix((np.asarray(adjacency.sum(1)).ravel(), (np.arange(count), np.arange(count))), (count, count)) - adjacency
    # A whisper of pull towards the guess fixes the free translation of every part.
    pull = 1e-4
    solver = splu((laplacian + pull * identity(count)).tocsc())
    layout = guess.double()
    for _ in range(rounds):
        placed = layout[end] - layout[start]
        covariance = torch.einsum("fe,fea,feb->fab", cotangent, placed, edge)
        turn = _nearest_rotation(covariance)
        turned = cotangent[..., None] * torch.einsum("fab,feb->fea", turn, edge)
        right = torch.zeros(count, 2, dtype=torch.float64)
        right.index_add_(0, end.flatten(), turned.reshape(-1, 2))
        right.index_add_(0, start.flatten(), -turned.reshape(-1, 2))
        layout = torch.from_numpy(solver.solve((right + pull * guess).numpy()))
    return layout.float()


def _lay_out_triangles(corners: Tensor) -> Tensor:
    """Return each triangle's shape in its own plane [F, 3, 2], counter-clockwise."""
    a, b, c = corners.unbind(1)
    base, side = b - a, c - a
    length = base.norm(dim=1).clamp_min(1e-9)
    along = (side * base).sum(1) / length
    across = torch.linalg.cross(base, side, dim=1).norm(dim=1) / length
    zero = torch.zeros_like(length)
    return torch.stack([torch.stack([zero, zero], 1), torch.stack([length, zero], 1), torch.stack([along, across], 1)], 1)


def _cotangents(flat: Tensor) -> Tensor:
    """Return half the cotangent of the angle at each corner [F, 3], bounded below so that slivers and obtuse angles do no harm."""
    to_next, to_last = flat[:, [1, 2, 0]] - flat, flat[:, [2, 0, 1]] - flat
    cross = (to_next[..., 0] * to_last[..., 1] - to_next[..., 1] * to_last[..., 0]).clamp_min(1e-12)
    return (0.5 * (to_next * to_last).sum(-1) / cross).clamp(0.02, 20)


def _nearest_rotation(matrices: Tensor) -> Tensor:
    """Return the rotations [F, 2, 2] nearest to 2 x 2 matrices."""
    cosine = matrices[:, 0, 0] + matrices[:, 1, 1]
    sine = matrices[:, 1, 0] - matrices[:, 0, 1]
    length = torch.hypot(cosine, sine).clamp_min(1e-12)
    cosine, sine = cosine / length, sine / length
    return torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)
