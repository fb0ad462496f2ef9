"""Clothes lie outside of the body; skin lies on it; pulls are the slope of the cost."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.body_fit.energy import Partners, Weights, match
from modiste.models.avatars.body_fit.rig import Posed
from modiste.models.avatars.body_fit.surface import Surface


def flat(height, count=200, seed=0):
    """Points of a level square, normals up."""
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1.0, 0, 1])
    return points + torch.tensor([0.0, height, 0]), torch.tensor([0.0, 1, 0]).expand(count, 3)


def posed(height):
    points, normals = flat(height)
    carried = torch.zeros(len(points) + 55, 55, 3)
    return Posed(points, normals, torch.zeros(55, 3), torch.eye(3).expand(55, 3, 3), carried)


def cost(gap, skin=False):
    """What a body costs with the surface `gap` metres above it."""
    points, normals = flat(0.0, seed=0)
    surface = Surface(points, normals, torch.full((len(points),), skin))
    return match(Partners(surface), posed(-gap), Weights(plane=1.0))


def test_cloth_inside_of_the_body_costs_more_than_cloth_as_far_outside():
    usual = Weights().gap
    assert cost(usual)[1] < 1e-6
    assert cost(usual - 0.01)[1] > 2 * cost(usual + 0.01)[1] > 0


def test_skin_costs_on_both_sides_and_more_than_cloth():
    assert cost(0.0, skin=True)[1] < 1e-6
    assert cost(0.01, skin=True)[1] == pytest.approx(cost(-0.01, skin=True)[1], rel=1e-3)
    assert cost(0.01, skin=True)[1] > 2 * cost(Weights().gap + 0.01)[1]


def test_loose_cloth_hardly_pulls():
    near, far = (float(cost(gap)[0].force.norm(dim=-1).sum()) for gap in (0.03, 0.3))
    assert far < 0.1 * near


def test_the_body_is_pulled_towards_the_surface_and_away_when_it_pierces():
    assert float(cost(0.03)[0].force[:, 1].sum()) < 0  # x.matrix.x + 2 x.force falls as x goes up
    assert float(cost(-0.03)[0].force[:, 1].sum()) > 0


def test_forces_are_half_the_slope_of_the_cost():
    """A point that stands alone with its partner, so that partners stay as points move."""
    weights = Weights(plane=0.7)
    points, normals = torch.tensor([[0.0, 0.05, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    partners = Partners(Surface(points, normals, torch.tensor([False])))
    carried = torch.zeros(56, 55, 3)

    def at(place):
        return match(partners, Posed(place[None], normals, torch.zeros(55, 3), torch.eye(3).expand(55, 3, 3), carried), weights)

    place, step = torch.tensor([0.01, 0.02, -0.015]), 1e-3
    for axis in torch.eye(3):
        slope = (at(place + step * axis)[1] - at(place - step * axis)[1]) / (2 * step)
        assert float(2 * at(place)[0].force[0] @ axis) == pytest.approx(slope, rel=0.02, abs=0.5)


def test_what_faces_away_is_no_partner():
    """A surface that faces down, close by, gives way to one that faces up, farther off."""
    up, down = flat(0.06), flat(0.02)
    surface = Surface(torch.cat([up[0], down[0]]), torch.cat([up[1], -down[1]]), torch.zeros(400, dtype=torch.bool))
    assert bool((Partners(surface).on_surface(posed(0.0)) < 200).all())
    blind = replace(surface, normals=None)
    assert bool((Partners(blind).on_surface(posed(0.0)) >= 200).all())
