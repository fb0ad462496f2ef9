"""Distances on a grid, beside those that a sphere has."""

import pytest
import torch

from modiste.models.avatars.reshape.distance_grid import FAR, body_grid, clothed_distance, clothed_grid, winding


@pytest.fixture(scope="module")
def ball(round_things):
    return round_things.sphere(0.2, 4)


def test_the_distance_to_a_sphere_is_that_to_its_middle(ball):
    points = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    radius = torch.linspace(0.1, 0.33, len(points), dtype=torch.float64)
    points *= (radius / points.norm(dim=1))[:, None]
    distance, slope = body_grid(*ball).sample(points)
    error = (distance - (radius - 0.2)).abs()
    assert float(error[(radius - 0.2).abs() < 0.03].max()) < 0.0012 and float(error.max()) < 0.005
    assert float((slope * points / radius[:, None]).sum(1)[radius > 0.12].min()) > 0.7


def test_slopes_are_those_of_the_distance(ball):
    grid = body_grid(*ball)
    points = 0.2 * torch.randn(300, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    _, slope = grid.sample(points)
    for axis in range(3):
        step = 1e-6 * torch.eye(3, dtype=torch.float64)[axis]
        expected = (grid.sample(points + step)[0] - grid.sample(points - step)[0]) / 2e-6
        assert torch.allclose(slope[:, axis], expected, atol=2e-3)


def test_what_is_beyond_the_grid_is_far(ball):
    assert float(body_grid(*ball).sample(torch.tensor([[5.0, 0.0, 0.0]]).double())[0]) == pytest.approx(FAR, rel=0.1)


def test_a_closed_mesh_winds_once_around_its_inside(ball):
    inside, outside = torch.tensor([[0.0, 0, 0], [0.1, 0.05, -0.1]]).double(), torch.tensor([[0.3, 0, 0], [0, -1.0, 0]]).double()
    assert torch.allclose(winding(inside, *ball), torch.ones(2).double(), atol=1e-9)
    assert torch.allclose(winding(outside, *ball), torch.zeros(2).double(), atol=1e-9)


def test_a_mesh_with_a_hole_has_an_inside(ball):
    vertices, faces = ball
    open_faces = faces[vertices[faces].mean(1)[:, 1] < 0.15]
    grid = clothed_grid(clothed_distance(vertices, open_faces), vertices)
    distance, _ = grid.sample(torch.tensor([[0.0, 0, 0], [0.05, -0.05, 0], [0.3, 0, 0], [0, 0.33, 0]]).double())
    assert (distance[:2] < -0.05).all() and (distance[2:] > 0.05).all()
