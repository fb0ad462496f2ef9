"""Mesh quantities against trimesh and closed forms."""

import numpy as np
import pytest
import torch
import trimesh

from modiste.models.geometry import Gaussians, Mesh
from modiste.models.geometry import mesh as functions


@pytest.fixture
def ball():
    made = trimesh.creation.icosphere(2, radius=1.5)
    return made, torch.from_numpy(np.asarray(made.vertices)), torch.from_numpy(np.asarray(made.faces))


def test_normals_and_areas_are_those_of_trimesh(ball):
    made, vertices, faces = ball
    assert np.allclose(functions.face_normals(vertices, faces).numpy(), made.face_normals, atol=1e-9)
    assert np.allclose(functions.face_areas(vertices, faces).numpy(), made.area_faces)


def test_enclosed_volume_is_that_of_trimesh_wherever_the_mesh_stands(ball):
    made, vertices, faces = ball
    away = vertices + torch.tensor([3.0, -2.0, 5.0])
    assert functions.enclosed_volume(away, faces) == pytest.approx(made.volume, rel=1e-9)
    assert functions.enclosed_volume(away, faces.flip(1)) == pytest.approx(-made.volume, rel=1e-9)


def test_a_ball_is_inside_out_if_its_faces_look_inwards_and_a_doubled_one_is_not(ball):
    _, vertices, faces = ball
    noise = 1e-3 * torch.randn(vertices.shape, generator=torch.Generator().manual_seed(0), dtype=vertices.dtype)
    assert functions.inside_out(vertices, faces.flip(1)) and not functions.inside_out(vertices, faces)
    assert not functions.inside_out(vertices + noise, torch.cat([faces, faces.flip(1)]))


def test_vertex_normals_point_outwards_from_a_ball(ball):
    _, vertices, faces = ball
    assert torch.allclose(functions.vertex_normals(vertices, faces), vertices / 1.5, atol=0.04)


def test_vertex_normals_weigh_faces_by_area():
    # At the origin meet a face of area 2 that looks along +Z and one of area 0.5 that looks along +X.
    vertices = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [0.0, 2.0, 0], [0.0, 1.0, 0], [0.0, 0, 1.0]])
    normal = functions.vertex_normals(vertices, torch.tensor([[0, 1, 2], [0, 3, 4]]))[0]
    assert normal.tolist() == pytest.approx((np.array([0.5, 0, 2]) / np.hypot(0.5, 2)).tolist())


def test_face_without_area_has_the_zero_normal():
    assert functions.face_normals(torch.zeros(3, 3), torch.tensor([[0, 1, 2]])).tolist() == [[0, 0, 0]]


def test_edges_come_once_and_sorted(ball):
    made, _, faces = ball
    assert np.array_equal(functions.unique_edges(faces).numpy(), np.unique(made.edges_sorted, axis=0))


def test_face_values_add_up_at_vertices():
    faces = torch.tensor([[0, 1, 2], [2, 1, 3]])
    summed = functions.scatter_faces_to_vertices(torch.tensor([[1.0], [10.0]]), faces, 5)
    assert summed[:, 0].tolist() == [1, 11, 11, 10, 0]


def test_taken_faces_keep_their_places_colours_and_texture():
    random = torch.Generator().manual_seed(0)
    faces = torch.tensor([[0, 1, 2], [4, 3, 1], [5, 4, 2]])
    whole = Mesh(
        torch.randn(6, 3, generator=random),
        faces,
        torch.rand(3, 3, 2, generator=random),
        torch.rand(4, 4, 3, generator=random),
        torch.rand(6, 3, generator=random),
    )
    part, old_vertex, new_face = functions.take_faces(whole, torch.tensor([False, True, True]))
    assert old_vertex.tolist() == [1, 2, 3, 4, 5]
    assert new_face.tolist() == [-1, 0, 1]
    assert torch.equal(part.vertices[part.faces], whole.vertices[faces[1:]])
    assert torch.equal(part.colors[part.faces], whole.colors[faces[1:]])
    assert torch.equal(part.corner_uv, whole.corner_uv[1:])
    assert part.texture is whole.texture


def test_gaussians_are_selected_together():
    count = 6
    scene = Gaussians(
        *(torch.arange(count, dtype=torch.float32).reshape(-1, *[1] * n).expand(count, *shape) for n, shape in
          ((1, (3,)), (1, (3,)), (1, (4,)), (0, ()), (2, (4, 3))))
    )  # fmt: skip
    for index, expected in ((torch.tensor([4, 1]), [4, 1]), (scene.opacities > 3, [4, 5]), (slice(0, 6, 5), [0, 5])):
        some = scene[index]
        assert len(some) == len(expected)
        for values in (some.positions, some.scales, some.rotations, some.opacities, some.sh):
            assert values.reshape(len(expected), -1)[:, 0].tolist() == expected
