from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from modiste.models.avatars.binding import world_gaussians
from modiste.models.avatars.exchange import (
    avatar_from_mesh,
    avatar_from_splat,
    gaussians_from_splat,
    inherit,
    mesh_fields,
    mesh_from_core,
    splat_fields,
)
from modiste.models.avatars.sampling import sample_gaussians
from modiste.models.avatars.types import Avatar
from modiste.models.geometry import Mesh
from modiste.models.geometry.spherical_harmonics import sh_to_rgb


@pytest.fixture
def avatar():
    """Two triangles that share an edge, with a UV seam along it."""
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.5]])
    faces = torch.tensor([[0, 1, 2], [2, 1, 3]])
    corner_uv = torch.tensor([[[0.1, 0.2], [0.4, 0.2], [0.1, 0.9]], [[0.6, 0.9], [0.9, 0.2], [0.9, 0.9]]])
    texture = torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(1))
    mesh = Mesh(vertices, faces, corner_uv, texture)
    skinning = torch.nn.functional.one_hot(torch.tensor([3, 3, 15, 15]), 55).float()
    bound = sample_gaussians(mesh, 50, seed=0)
    sh = torch.randn(50, 4, 3, generator=torch.Generator().manual_seed(2))
    return Avatar(mesh, replace(bound, sh=sh), torch.tensor([0, 1, 8, 8]), skinning)


def splat(fields):
    return SimpleNamespace(**fields, counts=None)


def test_a_splat_stands_on_its_head_and_its_colours_turn_with_it(avatar):
    fields = splat_fields(avatar)
    world = world_gaussians(avatar.mesh, avatar.gaussians)
    assert torch.allclose(fields["positions"][0], world.positions * torch.tensor([1.0, -1, -1]))
    direction = torch.nn.functional.normalize(torch.tensor([[0.3, 0.5, -0.8]]), dim=-1).expand(len(world), 3)
    seen = sh_to_rgb(world.sh, direction)
    assert torch.allclose(sh_to_rgb(fields["sh"][0], direction * torch.tensor([1.0, -1, -1])), seen, atol=1e-5)


@pytest.mark.parametrize("up", ["y-down", "y-up"])
def test_a_splat_comes_back_as_it_left(avatar, up):
    back, world = gaussians_from_splat(splat(splat_fields(avatar, up)), up), world_gaussians(avatar.mesh, avatar.gaussians)
    assert torch.allclose(back.positions, world.positions, atol=1e-6)
    assert torch.allclose((back.rotations * world.rotations).sum(-1).abs(), torch.ones(50), atol=1e-5)
    assert torch.allclose(back.sh, world.sh, atol=1e-5)


def test_a_mesh_is_split_at_its_seam_and_whole_again_when_it_returns(avatar):
    fields = mesh_fields(avatar)
    assert fields["vertices"].shape == (1, 6, 3)
    corner = fields["uvs"][0][fields["faces"][0]]
    assert torch.allclose(corner[..., 1], 1 - avatar.mesh.corner_uv[..., 1], atol=1e-6)  # v runs downwards in core
    back = mesh_from_core(SimpleNamespace(**fields))
    assert len(back.vertices) == 4
    assert torch.equal(back.vertices[back.faces], avatar.mesh.vertices[avatar.mesh.faces])
    assert torch.allclose(back.corner_uv, avatar.mesh.corner_uv, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_mesh_of_other_floats_reads_the_same(avatar, dtype):
    rounded = replace(avatar, mesh=replace(avatar.mesh, vertices=avatar.mesh.vertices.half().float()))
    fields = {name: value.to(dtype) if value.is_floating_point() else value for name, value in mesh_fields(rounded).items()}
    back = mesh_from_core(SimpleNamespace(**fields))
    assert torch.equal(back.vertices[back.faces], rounded.mesh.vertices[rounded.mesh.faces])
    assert torch.allclose(back.corner_uv, avatar.mesh.corner_uv, atol=1e-3)
    plain = {"vertices": fields["vertices"], "faces": fields["faces"], "vertex_colors": torch.full((1, 6, 3), 0.25, dtype=dtype)}
    colored = mesh_from_core(SimpleNamespace(**plain))
    assert len(colored.vertices) == 4 and torch.equal(colored.colors, torch.full((4, 3), 0.25))


def test_a_mesh_of_the_oldest_core_has_vertices_and_faces_only(avatar):
    bare = SimpleNamespace(vertices=avatar.mesh.vertices[None], faces=avatar.mesh.faces[None])
    assert mesh_from_core(bare).corner_uv is None


def test_the_padding_of_a_mesh_batch_is_left_out(avatar):
    vertices = torch.cat([avatar.mesh.vertices, torch.zeros(3, 3)])[None]
    faces = torch.cat([avatar.mesh.faces, torch.zeros(2, 3, dtype=torch.int64)])[None]
    counts = {"vertex_counts": torch.tensor([4]), "face_counts": torch.tensor([2])}
    mesh = mesh_from_core(SimpleNamespace(vertices=vertices, faces=faces, **counts))
    assert (len(mesh.vertices), len(mesh.faces)) == (4, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: SimpleNamespace(vertices=m.vertices[None].repeat(2, 1, 1), faces=m.faces[None]), "batch of 2"),
        (lambda m: SimpleNamespace(vertices=m.vertices[None] * torch.nan, faces=m.faces[None]), "not finite"),
        (lambda m: SimpleNamespace(vertices=m.vertices[None], faces=m.faces[None] + 9), "beyond"),
        (lambda m: SimpleNamespace(vertices=m.vertices[None], faces=m.faces[None, :0]), "empty"),
    ],
)
def test_a_mesh_that_cannot_be_used_is_refused(avatar, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        mesh_from_core(change(avatar.mesh))


def test_a_splat_with_broken_numbers_is_refused(avatar):
    fields = splat_fields(avatar)
    fields["scales"] = fields["scales"] * torch.inf
    with pytest.raises(ValueError, match="not finite"):
        gaussians_from_splat(splat(fields))


def test_labels_and_skinning_come_from_the_nearest_surface(avatar):
    finer = Mesh(torch.tensor([[0.02, 0.01, 0.1], [0.9, 0.0, 0.1], [0.05, 0.9, 0.1]]), torch.tensor([[0, 1, 2]]))
    heir = inherit(Avatar(finer, sample_gaussians(finer, 10, seed=0)), avatar)
    assert heir.labels.tolist() == [0, 1, 8]
    assert torch.allclose(heir.skinning.sum(1), torch.ones(3))
    assert heir.skinning[0, 3] > 0.9 and heir.skinning[2, 15] > 0.8


def test_an_avatar_from_its_own_splat_and_mesh_looks_the_same(avatar):
    rebuilt = avatar_from_splat(world_gaussians(avatar.mesh, avatar.gaussians), avatar.mesh, avatar)
    first, second = world_gaussians(avatar.mesh, avatar.gaussians), world_gaussians(rebuilt.mesh, rebuilt.gaussians)
    assert torch.allclose(first.positions, second.positions, atol=1e-5)
    assert torch.equal(rebuilt.labels, avatar.labels)


def test_an_avatar_from_a_mesh_has_the_texture_in_its_gaussians(avatar):
    plain = replace(avatar.mesh, texture=torch.tensor([0.2, 0.5, 0.9]).expand(4, 4, 3))
    made = avatar_from_mesh(plain, 40, seed=5)
    color = 0.5 + 0.28209479177387814 * made.gaussians.sh[:, 0]
    assert len(made.gaussians) == 40 and torch.allclose(color, torch.tensor([0.2, 0.5, 0.9]).expand(40, 3), atol=1e-5)
