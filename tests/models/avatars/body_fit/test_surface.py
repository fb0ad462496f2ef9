"""What the body is fitted to: evenly spread points, skin told apart, and sentences about what is no person."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.body_fit.surface import surface_of
from modiste.models.avatars.closest import closest_points
from modiste.models.geometry import Gaussians, Mesh


def test_points_lie_on_the_mesh_and_are_skin_where_labels_say_so(people):
    avatar = people.clothed(people.standing())
    surface = surface_of(avatar, 1500)
    assert len(surface) == 1500
    assert float(closest_points(surface.points, avatar.mesh.vertices, avatar.mesh.faces).distance.max()) < 1e-5
    assert 0.03 < float(surface.skin.float().mean()) < 0.3
    torch.testing.assert_close(surface.normals.norm(dim=-1), torch.ones(1500))
    unlabelled = surface_of(avatar.mesh, 1500)
    assert not unlabelled.skin.any()
    assert torch.equal(unlabelled.points, surface.points)


def test_a_mesh_that_is_inside_out_is_turned_round(people):
    mesh = people.clothed(people.standing()).mesh
    surface, turned = (surface_of(one, 1500) for one in (mesh, replace(mesh, faces=mesh.faces.flip(1))))
    assert turned.turned and not surface.turned and turned.some(10).turned
    for one in (surface, turned):  # most normals look away from the middle of the person
        away = one.points - one.points.mean(0)
        assert float(((one.normals * away)[:, [0, 2]].sum(1) > 0).float().mean()) > 0.7


def test_every_square_metre_gets_as_many_points():
    """Two squares of one size, one of 2 triangles and one of 512: each gets half of the points."""
    ticks = torch.linspace(0, 1, 17)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    fine = torch.stack([x.reshape(-1), y.reshape(-1), torch.zeros(289)], dim=-1)
    cells = [row * 17 + column for row in range(16) for column in range(16)]
    faces = [(a, a + 1, a + 18) for a in cells] + [(a, a + 18, a + 17) for a in cells]
    corners = torch.tensor([[3.0, 0, 0], [4, 0, 0], [4, 1, 0], [3, 1, 0]])
    mesh = Mesh(torch.cat([fine, corners]), torch.tensor([*faces, (289, 290, 291), (289, 291, 292)]))
    surface = surface_of(mesh, 1000)
    assert int((surface.points[:, 0] > 2).sum()) == 500


def test_of_gaussians_the_opaque_count():
    draw = torch.Generator().manual_seed(0)
    positions = torch.rand(400, 3, generator=draw) * torch.tensor([0.5, 1.7, 0.3])
    opacities = torch.where(torch.arange(400) < 250, 0.9, 0.1)
    cloud = Gaussians(positions, torch.ones(400, 3), torch.ones(400, 4), opacities, torch.zeros(400, 1, 3))
    surface = surface_of(cloud, 1000)
    assert len(surface) == 250 and surface.normals is None
    assert {tuple(point) for point in surface.points.tolist()} == {tuple(point) for point in positions[:250].tolist()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda v: v[:50], "at least 100"),
        (lambda v: v * torch.tensor([1.0, torch.nan, 1.0]), "not finite"),
        (lambda v: 100 * v, "scale it to metres"),
        (lambda v: 0.01 * v, "scale it to metres"),
    ],
    ids=["few", "nan", "centimetres", "tiny"],
)
def test_what_is_no_person_gets_a_sentence(people, change, sentence):
    state = people.standing()
    vertices = change(state.posed().vertices)
    faces = state.model.faces[(state.model.faces < len(vertices)).all(1)]
    with pytest.raises(ValueError, match=sentence):
        surface_of(Mesh(vertices, faces), 500)


def test_a_mesh_without_faces_is_a_cloud(people):
    vertices = people.standing().posed().vertices
    surface = surface_of(Mesh(vertices, torch.zeros(0, 3, dtype=torch.int64)), 300)
    assert len(surface) == 300 and surface.normals is None
