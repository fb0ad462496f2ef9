"""Rotations against SciPy."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from modiste.models.geometry import rotation


def random_rotations(count=200, seed=0):
    return Rotation.random(count, random_state=seed)


def wxyz(rotations):
    return torch.from_numpy(rotations.as_quat()[:, [3, 0, 1, 2]])


def same_turn(first, second):
    """Quaternions q and -q are one turn."""
    return torch.allclose((first * second).sum(-1).abs(), torch.ones(len(first), dtype=first.dtype), atol=1e-6)


def test_quaternions_become_matrices():
    turns = random_rotations()
    assert np.allclose(rotation.quaternion_to_matrix(wxyz(turns)).numpy(), turns.as_matrix(), atol=1e-12)


def test_length_of_a_quaternion_does_not_matter():
    turns = wxyz(random_rotations(20))
    assert torch.allclose(rotation.quaternion_to_matrix(3.7 * turns), rotation.quaternion_to_matrix(turns))


def test_matrices_become_quaternions_with_positive_w():
    turns = random_rotations()
    found = rotation.matrix_to_quaternion(torch.from_numpy(turns.as_matrix()))
    assert same_turn(found, wxyz(turns))
    assert (found[:, 0] >= 0).all()


@pytest.mark.parametrize("axis", np.concatenate([np.eye(3), [[1, 1, 0], [0, -1, 1], [1, 2, 3]]]))
@pytest.mark.parametrize("angle", [0.0, 1e-4, np.pi - 1e-4, np.pi])
def test_half_turns_and_tiny_turns_survive_the_way_through_matrices(axis, angle):
    turn = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
    matrix = torch.from_numpy(turn.as_matrix())[None].float()
    assert torch.allclose(rotation.quaternion_to_matrix(rotation.matrix_to_quaternion(matrix)), matrix, atol=1e-6)


def test_product_turns_by_the_right_factor_first():
    first, second = random_rotations(seed=1), random_rotations(seed=2)
    assert same_turn(rotation.quaternion_multiply(wxyz(second), wxyz(first)), wxyz(second * first))


def test_axis_angle_vectors_become_matrices():
    vectors = np.random.default_rng(0).normal(size=(100, 3)) * np.linspace(0, 6, 100)[:, None]
    found = rotation.axis_angle_to_matrix(torch.from_numpy(vectors))
    assert np.allclose(found.numpy(), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-10)


def test_axis_angle_keeps_leading_axes_and_has_gradients_at_zero():
    vectors = torch.zeros(2, 5, 3, requires_grad=True)
    matrices = rotation.axis_angle_to_matrix(vectors)
    assert matrices.shape == (2, 5, 3, 3)
    matrices[..., 2, 1].sum().backward()
    assert torch.allclose(vectors.grad, torch.tensor([1.0, 0.0, 0.0]).expand(2, 5, 3))


def test_skew_matrix_is_the_cross_product():
    u, v = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(0))
    found = (rotation.skew(v) @ u[..., None]).squeeze(-1)
    assert np.allclose(found.numpy(), np.cross(v.numpy(), u.numpy()), atol=1e-6)


def test_polar_rotation_undoes_a_stretch():
    generator = np.random.default_rng(3)
    turns = random_rotations(50, seed=4)
    roots = generator.normal(size=(50, 3, 3))
    stretches = roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(3)  # symmetric, positive definite
    found = rotation.polar_rotation(torch.from_numpy(turns.as_matrix() @ stretches))
    assert np.allclose(found.numpy(), turns.as_matrix(), atol=1e-9)


def test_polar_rotation_of_a_mirror_is_the_nearest_proper_rotation():
    matrices = np.random.default_rng(5).normal(size=(60, 3, 3))
    matrices = matrices[np.linalg.det(matrices) < 0]
    found = rotation.polar_rotation(torch.from_numpy(matrices)).numpy()
    assert np.allclose(np.linalg.det(found), 1)
    distance = ((found - matrices) ** 2).sum((1, 2))
    for other in random_rotations(500, seed=6).as_matrix():
        assert (distance <= ((other - matrices) ** 2).sum((1, 2)) + 1e-9).all()
