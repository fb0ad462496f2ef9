"""The objective's terms: what they leave alone, and slopes that are those of their energies."""

import pytest
import torch

from modiste.models.avatars.reshape.distance_grid import body_grid
from modiste.models.avatars.reshape.terms import anchor, curves, fit, similarity


@pytest.fixture(scope="module")
def sheet(shapes):
    mesh = shapes.plane(size=0.3, cells=5)
    bumps = torch.randn(len(mesh.vertices), generator=torch.Generator().manual_seed(1)) * 0.01
    vertices = mesh.vertices.double()
    vertices[:, 2] += bumps
    return vertices, mesh.faces


@pytest.fixture(scope="module")
def terms(sheet, round_things):
    vertices, faces = sheet
    count = len(vertices)
    one = torch.ones(count, dtype=torch.float64)
    ball, ball_faces = round_things.sphere(0.2, 4)
    grid = body_grid(ball - torch.tensor([0.0, 0.0, 0.22]), ball_faces)
    return {
        "similarity": similarity(vertices, faces, one, count),
        "fit": fit(vertices, faces, 0.01 * one, grid, one, count),
        "anchor": anchor(vertices + 0.01, torch.arange(count), 3 * one),
        "curves": curves(vertices, faces, 0.1)[0],
    }


@pytest.mark.parametrize("name", ["similarity", "fit", "anchor", "curves"])
def test_slopes_are_those_of_the_energy(terms, sheet, name):
    term, draw = terms[name], torch.Generator().manual_seed(2)
    points = sheet[0] + 0.004 * torch.randn(sheet[0].shape, generator=draw, dtype=torch.float64)
    residual, jacobian = term.linearized(points)
    assert term.energy(points) == pytest.approx(0.5 * float(residual.square().sum()), rel=1e-9)
    slope = torch.zeros_like(points)
    slope.index_put_((term.groups,), torch.einsum("sm,smkc->skc", residual, jacobian), accumulate=True)
    for _ in range(5):
        way = torch.randn(points.shape, generator=draw, dtype=torch.float64)
        expected = (term.energy(points + 1e-6 * way) - term.energy(points - 1e-6 * way)) / 2e-6
        assert float((slope * way).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-10)


def test_similarity_costs_nothing_for_a_similarity_and_something_for_a_shear(terms, sheet, shapes):
    vertices = sheet[0]
    turned = 1.7 * vertices @ shapes.rotation(3).double().T + 0.4
    assert terms["similarity"].energy(turned) < 1e-12  # the rotation is one to single precision
    sheared = vertices.clone()
    sheared[:, 0] += 0.5 * vertices[:, 1]
    assert terms["similarity"].energy(sheared) > 1e-4


def test_curves_keep_their_bends_when_turned_and_lose_them_when_folded(terms, sheet, shapes):
    vertices = sheet[0]
    assert terms["curves"].energy(2 * vertices @ shapes.rotation(4).double().T) < 1e-12
    folded = vertices.clone()
    folded[:, 2] = vertices[:, 0].abs()
    assert terms["curves"].energy(folded) > 1e-3


def test_a_closed_mesh_has_no_curves(round_things):
    assert not curves(*round_things.sphere(1.0, 2), 1.0)


def test_the_fit_draws_in_what_stands_off_and_leaves_what_is_near(round_things):
    ball, faces = round_things.sphere(0.2, 4)
    grid = body_grid(ball, faces)
    one = torch.ones(len(ball), dtype=torch.float64)
    term = fit(1.1 * ball, faces, 0.02 * one, grid, one, len(ball))
    assert term.energy(1.08 * ball) == 0.0  # 1.6 cm off, two are allowed
    gap, area = 0.5 * 0.2 - 0.02, 4 * torch.pi * 0.22**2  # areas are those at rest
    assert term.energy(1.5 * ball) == pytest.approx(0.5 * gap**2 * area, rel=0.05)


def test_groups_without_a_free_point_are_left_out(sheet):
    vertices, faces = sheet
    one = torch.ones(len(vertices), dtype=torch.float64)
    term = similarity(vertices, faces, one, 3)
    assert len(term.groups) and (term.groups < 3).any(1).all()
