import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.models.avatars import Avatar, bind_gaussians, sample_gaussians, select_faces, world_gaussians
from modiste.models.avatars.cut import split_faces
from modiste.models.geometry import Gaussians, Mesh
from modiste.models.geometry.mesh import face_areas
from modiste.models.geometry.rotation import quaternion_to_matrix


def labelled(mesh, offset=0.0, count=800):
    world = world_gaussians(mesh, sample_gaussians(mesh, count, 0))
    generator = torch.Generator().manual_seed(0)
    free = Gaussians(
        world.positions + offset * torch.randn(count, 3, generator=generator),
        world.scales,
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        world.opacities,
        world.sh,
    )
    skinning = torch.nn.functional.one_hot(torch.arange(len(mesh.vertices)) % 55, 55).float()
    return Avatar(mesh, bind_gaussians(free, mesh), torch.zeros(len(mesh.vertices), dtype=torch.int64), skinning)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-0.3, 0.3))
def test_a_cut_leaves_no_crossing_face_and_moves_nothing(shapes, seed, level):
    avatar = labelled(shapes.cylinder(around=16, along=6), offset=0.002)
    normal = torch.nn.functional.normalize(torch.randn(3, generator=torch.Generator().manual_seed(seed)), dim=0)
    height = (avatar.mesh.vertices - torch.tensor([0, 0.5, 0])) @ normal - level
    cut = split_faces(avatar, height, torch.ones(len(avatar.mesh.faces), dtype=torch.bool))
    above = (cut.mesh.vertices - torch.tensor([0, 0.5, 0])) @ normal - level
    corner = above[cut.mesh.faces]
    assert not ((corner > 3e-5).any(1) & (corner < -3e-5).any(1)).any()
    area = face_areas(cut.mesh.vertices, cut.mesh.faces).sum()
    torch.testing.assert_close(area, face_areas(avatar.mesh.vertices, avatar.mesh.faces).sum(), atol=1e-5, rtol=1e-5)
    before, after = (world_gaussians(a.mesh, a.gaussians) for a in (avatar, cut))
    assert len(after) == len(before)
    torch.testing.assert_close(after.positions, before.positions, atol=3e-6, rtol=0)
    torch.testing.assert_close(quaternion_to_matrix(after.rotations), quaternion_to_matrix(before.rotations), atol=1e-4, rtol=0)
    assert cut.labels.shape == (len(cut.mesh.vertices),)
    torch.testing.assert_close(cut.skinning.sum(1), torch.ones(len(cut.mesh.vertices)))


def test_both_halves_of_a_cut_share_all_gaussians_by_side(shapes):
    avatar = labelled(shapes.cylinder())
    everywhere = torch.ones(len(avatar.mesh.faces), dtype=torch.bool)
    cut = split_faces(avatar, avatar.mesh.vertices[:, 1] - 0.37, everywhere)
    upper = (cut.mesh.vertices[:, 1] > 0.37 - 1e-5)[cut.mesh.faces].all(1)
    top, bottom = select_faces(cut, upper), select_faces(cut, ~upper)
    assert len(top.gaussians) + len(bottom.gaussians) == len(avatar.gaussians)
    assert (world_gaussians(top.mesh, top.gaussians).positions[:, 1] > 0.37 - 1e-5).all()
    assert (world_gaussians(bottom.mesh, bottom.gaussians).positions[:, 1] < 0.37 + 1e-5).all()


def test_texture_coordinates_are_cut_with_their_faces(shapes):
    mesh = shapes.plane(cells=5)
    avatar = Avatar(mesh, sample_gaussians(mesh, 50, 0))
    height = mesh.vertices @ torch.tensor([0.8, 0.6, 0.0]) - 0.03
    cut = split_faces(avatar, height, torch.ones(len(mesh.faces), dtype=torch.bool))
    expected = cut.mesh.vertices[:, :2][cut.mesh.faces] + 0.5  # the plane's UVs are its coordinates
    torch.testing.assert_close(cut.mesh.corner_uv, expected, atol=1e-6, rtol=0)


def test_a_line_through_vertices_makes_no_slivers(shapes):
    mesh = shapes.plane(cells=4)
    avatar = Avatar(mesh, sample_gaussians(mesh, 50, 0))
    cut = split_faces(avatar, mesh.vertices[:, 0], torch.ones(len(mesh.faces), dtype=torch.bool))
    assert len(cut.mesh.faces) == len(mesh.faces)
    diagonal = split_faces(avatar, mesh.vertices[:, 0] + mesh.vertices[:, 1], torch.ones(len(mesh.faces), dtype=torch.bool))
    assert face_areas(diagonal.mesh.vertices, diagonal.mesh.faces).min() > 1e-4


def test_dropping_faces_leaves_the_other_gaussians_in_place(shapes):
    avatar = labelled(shapes.cylinder(), offset=0.004)
    keep = avatar.mesh.vertices[avatar.mesh.faces].mean(1)[:, 0] > 0.05
    riding = keep[avatar.gaussians.face]
    half = select_faces(avatar, keep)
    before = world_gaussians(avatar.mesh, avatar.gaussians)[riding]
    after = world_gaussians(half.mesh, half.gaussians)
    torch.testing.assert_close(after.positions, before.positions, atol=3e-6, rtol=0)
    assert half.labels.shape == (len(half.mesh.vertices),)
    assert half.skinning.shape == (len(half.mesh.vertices), 55)


def test_an_empty_selection_is_refused_in_a_sentence(shapes):
    import pytest

    avatar = labelled(shapes.plane())
    with pytest.raises(ValueError, match="Nothing of the avatar is left"):
        select_faces(avatar, torch.zeros(len(avatar.mesh.faces), dtype=torch.bool))


def test_faces_outside_the_region_keep_crossing():
    mesh = Mesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]), torch.tensor([[0, 1, 2], [1, 3, 2]]))
    avatar = Avatar(mesh, sample_gaussians(mesh, 10, 0))
    cut = split_faces(avatar, mesh.vertices[:, 1] - 0.5, torch.tensor([True, False]))
    assert len(cut.mesh.faces) == 4
