"""Walking on a mesh, against walking in the plane and round a box."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.avatars.gaussian_fit.surface import Surface
from modiste.models.geometry import Mesh


def box():
    """A unit cube from -0.5 to 0.5."""
    vertices = torch.tensor([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(vertices, torch.tensor([triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]))


def start_at(surface, point):
    """The face and barycentric coordinates of a point of the surface, by solving for each face."""
    a, b, c = surface.vertices[surface.faces].double().unbind(1)
    frame = torch.stack([b - a, c - a, torch.linalg.cross(b - a, c - a, dim=-1)], dim=-1)
    u, v, off = torch.linalg.solve(frame, torch.as_tensor(point).double() - a).unbind(-1)
    face = int(torch.where(off.abs() < 1e-6, torch.stack([u, v, 1 - u - v]).amin(0), -1.0).argmax())
    return torch.tensor([face]), torch.stack([1 - u - v, u, v], dim=-1)[face : face + 1].float()


coordinate = st.floats(-0.9, 0.9)


@given(coordinate, coordinate, coordinate, coordinate)
def test_on_a_plane_a_walk_is_a_sum(shapes, x, y, to_x, to_y):
    surface = Surface.of(shapes.plane(size=2.0, cells=4))
    face, barycentric = surface.walk(*start_at(surface, [x, y, 0.0]), torch.tensor([[to_x - x, to_y - y, 0.3]]))
    assert surface.points(face, barycentric)[0].tolist() == pytest.approx([to_x, to_y, 0.0], abs=2e-5)
    assert barycentric.min() >= 0 and float(barycentric.sum()) == pytest.approx(1, abs=1e-6)


def test_at_a_border_the_walk_ends(shapes):
    surface = Surface.of(shapes.plane(size=2.0, cells=4))
    face, barycentric = surface.walk(*start_at(surface, [0.7, 0.1, 0.0]), torch.tensor([[5.0, 0.0, 0.0]]))
    assert surface.points(face, barycentric)[0].tolist() == pytest.approx([1.0, 0.1, 0.0], abs=1e-6)


def test_over_the_edges_of_a_box_a_walk_goes_on_as_on_paper_wrapped_round_it():
    surface = Surface.of(box())
    for angle in (0.0, 0.3, -0.5):
        way = 1.6 * torch.tensor([[math.cos(angle), math.sin(angle), 0.0]])
        face, barycentric = surface.walk(*start_at(surface, [0.1, 0.05, 0.5]), way)
        to_edge = 0.4 / math.cos(angle)  # to x = 0.5; the rest goes on towards -z
        z = 0.5 - (1.6 - to_edge) * math.cos(angle)
        y = 0.05 + 1.6 * math.sin(angle)
        if abs(y) < 0.5 and z > -0.5:
            assert surface.points(face, barycentric)[0].tolist() == pytest.approx([0.5, y, z], abs=1e-5)
            continue
        away = 0.5 - (surface.points(face, barycentric)[0].abs())
        assert away.abs().min() < 1e-5 and away.min() > -1e-5  # somewhere on the box


def test_all_round_a_box_leads_back():
    surface = Surface.of(box())
    start = start_at(surface, [0.1, 0.05, 0.5])
    face, barycentric = surface.walk(*start, torch.tensor([[4.0, 0.0, 0.0]]))
    assert surface.points(face, barycentric)[0].tolist() == pytest.approx([0.1, 0.05, 0.5], abs=1e-5)


def test_many_walkers_do_not_mind_each_other():
    surface = Surface.of(box())
    random = torch.Generator().manual_seed(0)
    face = torch.randint(len(surface.faces), (200,), generator=random)
    barycentric = torch.rand(200, 3, generator=random)
    barycentric /= barycentric.sum(1, keepdim=True)
    way = 0.6 * torch.randn(200, 3, generator=random)
    together = surface.walk(face, barycentric, way)
    alone = [surface.walk(face[i : i + 1], barycentric[i : i + 1], way[i : i + 1]) for i in range(200)]
    assert together[0].tolist() == [int(one[0]) for one in alone]
    assert torch.allclose(together[1], torch.cat([one[1] for one in alone]), atol=1e-6)


def test_a_face_without_area_holds_what_stands_on_it():
    flat = Mesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]]), torch.tensor([[0, 1, 2], [0, 1, 3]]))
    surface = Surface.of(flat)
    start = torch.tensor([[0.5, 0.25, 0.25]])
    face, barycentric = surface.walk(torch.tensor([0]), start, torch.tensor([[0.3, 0.2, 0.1]]))
    assert face.tolist() == [0] and barycentric.equal(start)
