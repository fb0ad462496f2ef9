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
    mean1, covariance1 = _moments(first)
    mean2, covariance2 = _moments(second)
    root = _square_root(covariance1)
    # (C1 C2) and the symmetric root C2 root share their eigenvalues, and eigh is exact where a general matrix root is not
    cross = torch.linalg.eigvalsh(root @ covariance2 @ root).clamp_min(0).sqrt().sum()
    return ((mean1 - mean2).square().sum() + covariance1.trace() + covariance2.trace() - 2 * cross).clamp_min(0).item()


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    features = features.double()
    return features.mean(0), torch.atleast_2d(features.T.cov())


def _square_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt() @ vectors.T
