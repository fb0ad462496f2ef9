"""The Frechet distance between two sets of features."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared Frechet distance of the normal distributions that fit two sets of features [N, D] and [M, D].

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982; Heusel et al. 2017, equation 6), in double precision.
    Small sets overestimate it: two draws from one distribution lie some D/N of its variance apart, so a figure means something only
    beside that of two sets of the same size that are known to be alike.

    Raises:
        ValueError: if a set has fewer than two samples.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("A Frechet distance needs two samples in each set: raise --count.")
    first, second = first.double(), second.double()
    factors = [_factor(features) for features in (first, second)]
    # C = F'F of each, and the square roots of the eigenvalues of C1 C2 are the singular values of F1 F2', which needs no root
    cross = torch.linalg.matrix_norm(factors[0] @ factors[1].T, "nuc")
    traces = sum(factor.square().sum() for factor in factors)
    return ((first.mean(0) - second.mean(0)).square().sum() + traces - 2 * cross).clamp_min(0).item()


def _factor(features: Tensor) -> Tensor:
    """Return F [min(N, D), D] of features [N, D], for which F'F is their covariance."""
    centered = (features - features.mean(0)) / (len(features) - 1) ** 0.5
    return centered if len(centered) <= centered.shape[1] else torch.linalg.qr(centered, mode="r").R
