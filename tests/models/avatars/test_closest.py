import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.models.avatars.closest import closest_points


def brute_force(points, vertices, faces):
    triangles = vertices.double().numpy()[faces.numpy()]
    distances = []
    for point in points.double().numpy():
        nearest = trimesh.triangles.closest_point(triangles, np.repeat(point[None], len(triangles), 0))
        distances.append(np.linalg.norm(nearest - point, axis=1).min())
    return torch.tensor(distances, dtype=torch.float32)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.001, 1.0))
def test_closest_points_of_a_triangle_soup_are_exact(seed, count, thinness):
    generator = torch.Generator().manual_seed(seed)
    vertices = torch.randn(3 * count, 3, generator=generator) * torch.tensor([1.0, 1.0, thinness])
    faces = torch.arange(3 * count).reshape(-1, 3)
    points = 1.5 * torch.randn(30, 3, generator=generator)
    found = closest_points(points, vertices, faces)
    torch.testing.assert_close(found.distance, brute_force(points, vertices, faces), atol=2e-6, rtol=1e-5)


def test_closest_points_are_exact_among_faces_of_very_different_sizes():
    small = trimesh.creation.icosphere(4, radius=0.05)
    vertices = torch.cat([torch.tensor(small.vertices).float(), torch.tensor([[-5.0, -0.2, -5], [5, -0.2, -5], [0, -0.2, 9]])])
    faces = torch.cat([torch.tensor(small.faces), torch.tensor([[0, 1, 2]]) + len(small.vertices)])
    points = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    found = closest_points(points, vertices, faces)
    torch.testing.assert_close(found.distance, brute_force(points, vertices, faces), atol=2e-6, rtol=1e-5)


def test_face_and_barycentrics_name_the_closest_point():
    mesh = trimesh.creation.icosphere(3)
    vertices, faces = torch.tensor(mesh.vertices).float(), torch.tensor(mesh.faces)
    points = torch.randn(500, 3, generator=torch.Generator().manual_seed(1))
    found = closest_points(points, vertices, faces)
    assert (found.barycentric >= 0).all()
    torch.testing.assert_close(found.barycentric.sum(1), torch.ones(500))
    named = (found.barycentric[:, :, None] * vertices[faces[found.face]]).sum(1)
    torch.testing.assert_close(named, found.point, atol=1e-6, rtol=0)
    torch.testing.assert_close((named - points).norm(dim=-1), found.distance, atol=1e-6, rtol=0)


def test_faces_without_area_are_handled():
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]])
    found = closest_points(torch.tensor([[1.5, 1.0, 0], [6, 5, 5]]), vertices, torch.tensor([[0, 1, 2], [3, 3, 3]]))
    torch.testing.assert_close(found.distance, torch.tensor([1.0, 1.0]))


def test_a_mesh_without_faces_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="has no faces"):
        closest_points(torch.zeros(1, 3), torch.zeros(3, 3), torch.zeros(0, 3, dtype=torch.int64))


def test_coordinates_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="not a finite number"):
        closest_points(torch.full((1, 3), float("nan")), torch.eye(3), torch.tensor([[0, 1, 2]]))


def test_progress_may_cancel_the_search():
    class StopError(Exception):
        pass

    def cancel(done, total):
        raise StopError

    with pytest.raises(StopError):
        closest_points(torch.zeros(10, 3), torch.eye(3), torch.tensor([[0, 1, 2]]), cancel)
