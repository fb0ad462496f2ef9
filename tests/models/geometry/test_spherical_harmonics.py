"""Spherical harmonics against SciPy's complex ones, and rotation of coefficients against looking from elsewhere."""

import math

import numpy as np
import pytest
import torch
from scipy import special
from scipy.spatial.transform import Rotation

from modiste.models.geometry import spherical_harmonics as sh


def directions(count=100, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def scipy_basis(points, degree):
    """Real harmonics with the Condon-Shortley phase: sqrt(2) Im Y_l^|m|, Y_l^0, sqrt(2) Re Y_l^m for m < 0, = 0, > 0."""
    polar, azimuth = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    columns = []
    for band in range(degree + 1):
        for m in range(-band, band + 1):
            if hasattr(special, "sph_harm_y"):
                value = special.sph_harm_y(band, abs(m), polar, azimuth)
            else:
                value = special.sph_harm(abs(m), band, azimuth, polar)
            columns.append(value.real if m == 0 else math.sqrt(2) * (value.imag if m < 0 else value.real))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("degree", range(4))
def test_basis_is_that_of_scipy(degree):
    points = directions()
    assert np.allclose(sh.sh_basis(torch.from_numpy(points), degree).numpy(), scipy_basis(points, degree), atol=1e-12)


def test_basis_has_the_signs_of_the_3dgs_renderer():
    # Its first bands, as its paper's code multiplies them: C0, -C1 y, C1 z, -C1 x with C0 = 0.28209..., C1 = 0.48860...
    found = sh.sh_basis(torch.tensor([[0.36, 0.48, 0.8]], dtype=torch.float64), 1)[0].tolist()
    assert found == pytest.approx(
        [0.28209479177387814, -0.4886025119029199 * 0.48, 0.4886025119029199 * 0.8, -0.4886025119029199 * 0.36]
    )


def test_basis_is_orthonormal_on_the_sphere():
    # Gauss-Legendre in z times a uniform azimuth integrates products of degree 6 exactly.
    z, weight = np.polynomial.legendre.leggauss(8)
    azimuth = np.arange(16) * 2 * np.pi / 16
    level = np.sqrt(1 - z**2)[:, None]
    points = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.repeat(z[:, None], 16, 1)], -1).reshape(-1, 3)
    basis = sh.sh_basis(torch.from_numpy(points), 3).numpy()
    gram = basis.T @ (np.repeat(weight * 2 * np.pi / 16, 16)[:, None] * basis)
    assert np.allclose(gram, np.eye(16), atol=1e-12)


def test_degree_four_is_refused():
    with pytest.raises(ValueError, match="degree 4"):
        sh.sh_basis(torch.zeros(1, 3), 4)


@pytest.mark.parametrize(("count", "degree"), [(1, 0), (4, 1), (9, 2), (16, 3)])
def test_degree_follows_from_the_count(count, degree):
    assert sh.sh_degree(torch.zeros(5, count, 3)) == degree


@pytest.mark.parametrize("count", [0, 2, 8, 25])
def test_other_counts_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} spherical"):
        sh.sh_degree(torch.zeros(5, count, 3))


def test_plain_colours_look_the_same_from_every_side():
    rgb = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        assert torch.allclose(sh.sh_to_rgb(sh.rgb_to_sh(rgb), torch.from_numpy(directions(20, seed)).float()), rgb, atol=1e-6)


def test_colour_is_never_negative():
    assert sh.sh_to_rgb(torch.full((1, 1, 3), -10.0), torch.tensor([[0.0, 0.0, 1.0]])).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("shared", [True, False])
def test_rotated_colours_seen_from_the_rotated_side_are_the_same(degree, shared):
    generator = np.random.default_rng(1)
    coefficients = generator.normal(size=(30, (degree + 1) ** 2, 3))
    turns = Rotation.random(1 if shared else 30, random_state=2)
    matrices = turns.as_matrix()[0] if shared else turns.as_matrix()
    points = directions(30, seed=3)
    rotated = sh.rotate_sh(torch.from_numpy(coefficients), torch.from_numpy(matrices)).numpy()
    before = np.einsum("nk,nkc->nc", scipy_basis(points, degree), coefficients)
    after = np.einsum("nk,nkc->nc", scipy_basis(turns.apply(points), degree), rotated)
    assert np.allclose(after, before, atol=1e-9)


def test_rotation_in_single_precision_stays_accurate():
    coefficients = torch.randn(50, 16, 3, generator=torch.Generator().manual_seed(4))
    matrices = torch.from_numpy(Rotation.random(50, random_state=5).as_matrix()).float()
    back = sh.rotate_sh(sh.rotate_sh(coefficients, matrices), matrices.transpose(1, 2))
    assert torch.allclose(back, coefficients, atol=2e-5)
