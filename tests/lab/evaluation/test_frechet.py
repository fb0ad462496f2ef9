"""The Frechet distance against closed forms and a general matrix root."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from modiste.lab.evaluation.metrics.frechet import frechet_distance


def exact(mean, covariance, count=400, seed=0):
    """Return features [count, D] whose sample mean and covariance are those given, to rounding."""
    rows = np.random.default_rng(seed).normal(size=(count, len(mean)))
    rows -= rows.mean(0)
    whitened = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    return torch.from_numpy(whitened @ np.linalg.cholesky(covariance).T + mean)


def test_equal_sets_are_at_no_distance():
    features = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(features, features) < 1e-9


def test_shift_counts_squared():
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(features, features + torch.tensor([1.0, 2.0, -2.0])) == pytest.approx(9, rel=1e-5)


def test_diagonal_normals_in_closed_form():
    first = exact(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    second = exact(np.array([0.0, 1.0, 0.0]), np.diag([4.0, 4.0, 1.0]), seed=1)
    assert frechet_distance(first, second) == pytest.approx(1 + (2 - 1) ** 2 + 0 + (1 - 3) ** 2, rel=1e-9)


def test_correlated_normals_against_a_general_matrix_root():
    draw = np.random.default_rng(3)
    factors = draw.normal(size=(2, 6, 6))
    one, two = (factor @ factor.T for factor in factors)
    expected = np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert frechet_distance(exact(np.ones(6), one), exact(np.ones(6), two, seed=1)) == pytest.approx(expected, rel=1e-8)


def test_fewer_samples_than_features():
    features = torch.randn(8, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert frechet_distance(features[:4], features[4:]) > 0
    assert frechet_distance(features[:4], features[:4] + 1) == pytest.approx(16)


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match="two samples"):
        frechet_distance(torch.zeros(1, 4), torch.zeros(5, 4))
