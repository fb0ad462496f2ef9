import pytest
import torch

from modiste.models.avatars import sample_gaussians, sampling, world_gaussians
from modiste.models.geometry import Mesh
from modiste.models.render import look_at, render_splats


def test_the_size_of_the_parts_that_are_searched_does_not_matter(shapes, monkeypatch):
    mesh = shapes.cylinder()
    whole = sample_gaussians(mesh, 800, 0)
    monkeypatch.setattr(sampling, "_CHUNK", 150)
    parts = sample_gaussians(mesh, 800, 0)
    assert torch.equal(parts.face, whole.face) and torch.equal(parts.barycentric, whole.barycentric)
    assert torch.equal(parts.scale, whole.scale)


def test_a_sampled_sheet_shows_no_holes(shapes):
    mesh = shapes.plane()
    camera = look_at(torch.tensor([0.0, 0, 1.5]), torch.zeros(3), 30.0, 200, 200)
    alpha = render_splats(world_gaussians(mesh, sample_gaussians(mesh, 4000, 0)), camera, torch.zeros(3)).alpha
    assert alpha[40:160, 40:160].min() > 0.9
    assert alpha[40:160, 40:160].mean() > 0.99


def test_exactly_as_many_gaussians_as_asked_for(shapes):
    for count in (1, 7, 1000):
        assert len(sample_gaussians(shapes.cylinder(), count, 0)) == count


def test_the_same_seed_gives_the_same_gaussians(shapes):
    first, second = (sample_gaussians(shapes.cylinder(), 500, 3) for _ in range(2))
    assert torch.equal(first.face, second.face)
    assert torch.equal(first.barycentric, second.barycentric)
    other = sample_gaussians(shapes.cylinder(), 500, 4)
    assert not torch.equal(first.face, other.face)


def test_gaussians_are_spread_evenly_by_area(shapes):
    mesh = shapes.plane()
    positions = world_gaussians(mesh, sample_gaussians(mesh, 4000, 0)).positions
    counts = torch.histogramdd(positions[:, :2], bins=[8, 8], range=[-0.5, 0.5, -0.5, 0.5]).hist
    expected = 4000 / 64
    assert (counts - expected).abs().max() < 12  # a uniform draw would leave the square root, 8, as one standard deviation
    distance = torch.cdist(positions, positions).fill_diagonal_(1).amin(1)
    assert distance.min() > 0.3 * (1 / 4000) ** 0.5


def test_close_sheets_do_not_thin_each_other_out(shapes):
    mesh = shapes.plane()
    gap = torch.tensor([0, 0, 0.012])
    double = Mesh(torch.cat([mesh.vertices, mesh.vertices + gap]), torch.cat([mesh.faces, mesh.faces + len(mesh.vertices)]))
    bound = sample_gaussians(double, 4000, 0)
    upper = int((bound.face >= len(mesh.faces)).sum())
    assert abs(upper - 2000) < 60
    camera = look_at(torch.tensor([0.0, 0, 1.5]), torch.zeros(3), 30.0, 200, 200)
    world = world_gaussians(double, bound)
    alpha = render_splats(world[bound.face >= len(mesh.faces)], camera, torch.zeros(3)).alpha
    assert alpha[40:160, 40:160].min() > 0.85


def test_colours_come_from_the_texture(shapes):
    mesh = shapes.plane()
    ramp = torch.linspace(0, 1, 64)
    texture = torch.stack([ramp[None].expand(64, 64), ramp.flip(0)[:, None].expand(64, 64), torch.full((64, 64), 0.25)], dim=-1)
    mesh = Mesh(mesh.vertices, mesh.faces, mesh.corner_uv, texture)
    world = world_gaussians(mesh, sample_gaussians(mesh, 1000, 0))
    rgb = 0.5 + 0.28209479 * world.sh[:, 0]
    expected = torch.cat([world.positions[:, :2] + 0.5, torch.full((1000, 1), 0.25)], dim=1)
    assert (rgb - expected).abs().max() < 0.03


def test_colours_come_from_the_vertices_without_a_texture(shapes):
    mesh = shapes.cylinder()
    mesh = Mesh(mesh.vertices, mesh.faces, colors=mesh.vertices.abs())
    world = world_gaussians(mesh, sample_gaussians(mesh, 500, 0))
    assert (0.5 + 0.28209479 * world.sh[:, 0] - world.positions.abs()).abs().max() < 0.02


def test_a_mesh_without_area_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="no surface area"):
        sample_gaussians(Mesh(torch.zeros(3, 3), torch.tensor([[0, 1, 2]])), 10, 0)


def test_no_gaussians_are_refused_in_a_sentence(shapes):
    with pytest.raises(ValueError, match="at least 1"):
        sample_gaussians(shapes.plane(), 0, 0)
