"""Cloth hangs, bridges hollows and stays outside."""

import math

import torch

from modiste.wardrobe.draping import Obstacle, bridge, fall_to, hang, wrap_hull, wrap_tube

TOP, BOTTOM = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 0.0, 0.0])


def column(radius_of, samples=200):
    angle = torch.linspace(0, 2 * math.pi, samples)[:-1]
    height = torch.linspace(0, 1, samples)
    y, a = torch.meshgrid(height, angle, indexing="ij")
    r = radius_of(a, y)
    return torch.stack([r * a.sin(), y, r * a.cos()], -1).reshape(-1, 3)


def test_a_tube_knows_the_radius_it_was_wrapped_round():
    tube = wrap_tube(column(lambda a, y: 0.2 + 0.05 * a.cos()), TOP, BOTTOM)
    angle = torch.tensor([0.0, 1.0, 2.5, -2.0])
    found = tube.radius_at(angle, torch.full((4,), 0.5))
    torch.testing.assert_close(found, 0.2 + 0.05 * angle.cos(), atol=0.004, rtol=0)


def test_bridging_fills_a_groove_and_leaves_a_circle():
    grooved = bridge(wrap_tube(column(lambda a, y: torch.where(a.cos() > 0.97, 0.15, 0.2)), TOP, BOTTOM))
    # The chord over a groove of half-width acos(0.97) in a circle of 0.2 lies at 0.97 * 0.2.
    assert abs(float(grooved.radius_at(torch.tensor([0.0]), torch.tensor([0.5]))) - 0.194) < 0.003
    circle = bridge(wrap_tube(column(lambda a, y: torch.full_like(a, 0.2)), TOP, BOTTOM))
    assert (circle.radius - 0.2).abs().max() < 0.001


def test_a_hull_of_two_legs_is_flat_in_front_and_behind():
    leg = column(lambda a, y: torch.full_like(a, 0.08))
    legs = torch.cat([leg + torch.tensor([side, 0.0, 0.0]) for side in (-0.12, 0.12)])
    hull = wrap_hull(legs, TOP, BOTTOM)
    at = torch.tensor([0.0, 0.5 * math.pi, math.pi])
    # In front and behind the hull is the line that touches both legs, at the side the outer leg.
    torch.testing.assert_close(hull.radius_at(at, torch.full((3,), 0.5)), torch.tensor([0.08, 0.20, 0.08]), atol=0.006, rtol=0)


def test_a_skirt_may_fall_straighter_than_the_bodice_above_it():
    bulge = wrap_tube(column(lambda a, y: torch.where((y - 0.8).abs() < 0.05, 0.3, 0.1)), TOP, BOTTOM)
    hanging = hang(bulge, 0.4, lower_slope=0.0, below=0.55)
    radius = hanging.radius_at(torch.zeros(3), torch.tensor([0.65, 0.45, 0.15]))
    assert abs(float(radius[0]) - (0.3 - 0.4 * 0.1)) < 0.01
    assert abs(float(radius[1]) - (0.3 - 0.4 * 0.2)) < 0.012 and abs(float(radius[1] - radius[2])) < 1e-6


def test_cloth_falls_from_a_bulge_with_the_given_slope():
    bulge = wrap_tube(column(lambda a, y: torch.where((y - 0.7).abs() < 0.05, 0.3, 0.1)), TOP, BOTTOM)
    hanging = hang(bulge, 0.2)
    at = torch.tensor([0.65, 0.45, 0.90])
    radius = hanging.radius_at(torch.zeros(3), at)
    assert abs(float(radius[0]) - 0.3) < 0.01
    assert abs(float(radius[1]) - (0.3 - 0.2 * 0.2)) < 0.01
    assert abs(float(radius[2]) - 0.1) < 0.01


def test_nothing_is_pulled_inwards():
    tube = wrap_tube(column(lambda a, y: torch.full_like(a, 0.1)), TOP, BOTTOM)
    outside = torch.tensor([[0.3, 0.5, 0.0]])
    torch.testing.assert_close(fall_to(outside, tube, torch.zeros(1), torch.ones(1)), outside)


def test_points_inside_are_pushed_to_the_clearance_and_far_ones_left_alone():
    points = column(lambda a, y: torch.full_like(a, 0.2))
    normals = torch.nn.functional.normalize(points * torch.tensor([1.0, 0, 1.0]), dim=1)
    obstacle = Obstacle(points, normals)
    moved = obstacle.push_out(torch.tensor([[0.0, 0.5, 0.19], [0.0, 0.5, 0.35]]), 0.01)
    torch.testing.assert_close(moved, torch.tensor([[0.0, 0.5, 0.21], [0.0, 0.5, 0.35]]), atol=1e-3, rtol=0)
