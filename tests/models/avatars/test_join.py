from dataclasses import replace

import torch

from modiste.models.avatars import Avatar, join, sample_gaussians, world_gaussians
from modiste.models.avatars.sampling import surface_colors
from modiste.models.geometry import Mesh


def textured(shapes, size, seed):
    mesh = shapes.plane(cells=4)
    texture = torch.rand(*size, 3, generator=torch.Generator().manual_seed(seed))
    return Mesh(mesh.vertices + seed, mesh.faces, mesh.corner_uv, texture)


def look(mesh, face):
    return surface_colors(mesh, face, torch.tensor([0.2, 0.3, 0.5]).repeat(len(face), 1))


def test_gaussians_of_both_stay_where_they_are(shapes):
    first, second = shapes.cylinder(), textured(shapes, (8, 8), 3)
    a, b = Avatar(first, sample_gaussians(first, 100, 0)), Avatar(second, sample_gaussians(second, 50, 0))
    both = join(a, b)
    positions = world_gaussians(both.mesh, both.gaussians).positions
    expected = torch.cat([world_gaussians(x.mesh, x.gaussians).positions for x in (a, b)])
    torch.testing.assert_close(positions, expected, atol=1e-6, rtol=0)


def test_two_textures_of_different_size_become_one_that_shows_the_same(shapes):
    first, second = textured(shapes, (16, 32), 1), textured(shapes, (48, 20), 2)
    both = join(Avatar(first, sample_gaussians(first, 5, 0)), Avatar(second, sample_gaussians(second, 5, 0))).mesh
    count = len(first.faces)
    assert both.texture.shape == (48, 52, 3)
    torch.testing.assert_close(look(both, torch.arange(4, count - 4)), look(first, torch.arange(4, count - 4)), atol=1e-5, rtol=0)
    inner = torch.arange(12, 20)  # away from the left edge of the texture, where bilinear lookup would reach its neighbour
    torch.testing.assert_close(look(both, count + inner), look(second, inner), atol=1e-5, rtol=0)


def test_a_texture_and_colours_become_colours(shapes):
    plain = replace(shapes.cylinder(), colors=torch.full((len(shapes.cylinder().vertices), 3), 0.3))
    painted = shapes.plane(cells=4)
    painted = replace(painted, texture=torch.full((8, 8, 3), 0.7))
    both = join(Avatar(plain, sample_gaussians(plain, 5, 0)), Avatar(painted, sample_gaussians(painted, 5, 0))).mesh
    assert both.texture is None
    count = len(plain.vertices)
    torch.testing.assert_close(both.colors[:count], torch.full((count, 3), 0.3))
    torch.testing.assert_close(both.colors[count:], torch.full((len(both.colors) - count, 3), 0.7))


def test_a_bare_mesh_is_grey_beside_a_texture_or_colours(shapes):
    bare, painted = shapes.cylinder(), textured(shapes, (8, 8), 1)
    colored = replace(shapes.plane(cells=4), colors=torch.full((25, 3), 0.7))
    for other in (painted, colored):
        for first, second in ((bare, other), (other, bare)):
            both = join(*(Avatar(mesh, sample_gaussians(mesh, 5, 0)) for mesh in (first, second))).mesh
            start = 0 if first is bare else len(first.vertices)
            grey = both.colors[start : start + len(bare.vertices)]
            assert grey.unique().numel() == 1
            assert both.texture is None and len(both.colors) == len(both.vertices)
    alone = join(*(Avatar(bare, sample_gaussians(bare, 5, seed)) for seed in (0, 1))).mesh
    assert alone.colors is None


def test_view_dependence_of_different_degree_is_padded(shapes):
    mesh = shapes.plane()
    a, b = (Avatar(mesh, sample_gaussians(mesh, 10, seed)) for seed in (0, 1))
    rich = torch.randn(10, 9, 3)
    both = join(a, replace(b, gaussians=replace(b.gaussians, sh=rich)))
    assert torch.equal(both.gaussians.sh[10:], rich)
    assert torch.equal(both.gaussians.sh[:10, :1], a.gaussians.sh)
    assert not both.gaussians.sh[:10, 1:].any()


def test_labels_and_skinning_survive_where_both_have_them(user, model):
    both = join(user, model)
    assert torch.equal(both.labels, torch.cat([user.labels, model.labels]))
    assert torch.equal(both.skinning, torch.cat([user.skinning, model.skinning]))
    assert both.body is user.body
    assert join(user, replace(model, labels=None)).labels is None
