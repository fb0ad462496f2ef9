import json
import struct
from dataclasses import fields, replace

import pytest
import torch

from modiste.models.avatars.binding import world_gaussians
from modiste.models.avatars.files import load_avatar, read_splat_file, save_avatar
from modiste.models.avatars.formats.gaussian_ply import read_gaussian_ply, write_gaussian_ply
from modiste.models.avatars.formats.mesh_files import read_mesh, write_mesh
from modiste.models.avatars.sampling import sample_gaussians
from modiste.models.avatars.types import Avatar, BoundGaussians
from modiste.models.body import BodyState, load_modiste_body, read_body_parameters
from modiste.models.geometry import Mesh


@pytest.fixture
def avatar():
    """A pyramid with a texture, tilted so that no axis is like another."""
    vertices = torch.tensor([[0, 0, 0], [0.4, 0, 0.1], [0.1, 0.6, 0], [0, 0.1, 0.5]]) + torch.tensor([0.2, 1.0, -0.3])
    faces = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    corner_uv = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(0))
    mesh = Mesh(vertices, faces, corner_uv, torch.arange(48).reshape(4, 4, 3) / 255)
    skinning = torch.zeros(4, 55)
    skinning[:, 15] = 1
    body = load_modiste_body()
    parameters = replace(body.rest(), pose=torch.full((55, 3), 0.05))
    bound = sample_gaussians(mesh, 60, seed=0)
    bound = replace(bound, offset=torch.linspace(-0.004, 0.004, 60))
    return Avatar(mesh, bound, torch.tensor([0, 1, 1, 8]), skinning, BodyState(body, parameters))


def assert_same(first, second):
    for kind, one, two in ((Mesh, first.mesh, second.mesh), (BoundGaussians, first.gaussians, second.gaussians)):
        for field in fields(kind):
            expected, found = getattr(one, field.name), getattr(two, field.name)
            assert (expected is None and found is None) or torch.equal(expected, found), field.name
    assert torch.equal(first.labels, second.labels) and torch.equal(first.skinning, second.skinning)


@pytest.mark.parametrize("ending", ["ply", "splat", "spz"])
@pytest.mark.parametrize("up", ["y-down", "y-up"])
def test_a_saved_avatar_loads_back_exactly(tmp_path, avatar, ending, up):
    saved = save_avatar(tmp_path / f"me.{ending}", avatar, up)
    back = load_avatar(saved.splat)
    assert_same(avatar, back)
    assert back.body.model is avatar.body.model and torch.equal(back.body.parameters.pose, avatar.body.parameters.pose)


def test_the_files_are_named_after_the_splat(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me_00001_.ply", avatar, mesh_format="glb")
    names = ["me_00001_.ply", "me_00001_.avatar.safetensors", "me_00001_.mesh.glb", "me_00001_.body.json"]
    assert [saved.splat.name, saved.sidecar.name, saved.mesh.name, saved.body.name] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert save_avatar(tmp_path / "you.spz", avatar).mesh is None


def test_the_splat_is_in_world_space_and_upside_down_as_viewers_expect(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me.ply", avatar)
    head, body = saved.splat.read_bytes().split(b"end_header\n")
    width = head.count(b"property")
    stored = torch.tensor([row[:3] for row in struct.iter_unpack(f"<{width}f", body)])
    world = world_gaussians(avatar.mesh, avatar.gaussians).positions
    torch.testing.assert_close(stored, world * torch.tensor([1.0, -1, -1]))


def test_a_ply_carries_the_binding(tmp_path, avatar):
    save_avatar(tmp_path / "me.ply", avatar)
    extra = read_gaussian_ply(tmp_path / "me.ply").extra
    assert torch.equal(extra["binding_face"].long(), avatar.gaussians.face)
    assert torch.equal(extra["binding_offset"], avatar.gaussians.offset)
    assert torch.equal(torch.stack([extra[f"binding_b{i}"] for i in range(3)], dim=1), avatar.gaussians.barycentric)


@pytest.mark.parametrize("up", ["y-down", "y-up"])
def test_a_splat_edited_elsewhere_is_bound_anew(tmp_path, avatar, up):
    saved = save_avatar(tmp_path / "me.ply", avatar, up)
    kept = world_gaussians(avatar.mesh, avatar.gaussians)[10:50]
    recoloured = replace(kept, sh=-kept.sh)
    write_gaussian_ply(saved.splat, recoloured, up=up)  # as an editor would, which drops our properties
    back = load_avatar(saved.splat)
    assert len(back.gaussians) == 40
    world = world_gaussians(back.mesh, back.gaussians)
    torch.testing.assert_close(world.positions, kept.positions, atol=2e-5, rtol=0)
    torch.testing.assert_close(world.sh, recoloured.sh)
    assert torch.equal(back.labels, avatar.labels) and torch.equal(back.mesh.vertices, avatar.mesh.vertices)


def test_an_edited_splat_without_a_mark_keeps_the_axis_it_was_saved_with(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me.splat", avatar, up="y-up")
    data = saved.splat.read_bytes()
    saved.splat.write_bytes(data[:32] + data[:32])
    world = world_gaussians(avatar.mesh, avatar.gaussians).positions
    back = load_avatar(saved.splat)
    distance = torch.cdist(world_gaussians(back.mesh, back.gaussians).positions, world).min(dim=1).values
    assert len(distance) == 2 and distance.max() < 1e-4


def test_a_splat_with_a_mesh_file_is_bound_to_it(tmp_path, avatar):
    world = world_gaussians(avatar.mesh, avatar.gaussians)
    write_gaussian_ply(tmp_path / "me.ply", world)
    write_mesh(tmp_path / "me.glb", avatar.mesh)
    back = load_avatar(tmp_path / "me.ply", mesh=tmp_path / "me.glb", body=avatar.body)
    torch.testing.assert_close(world_gaussians(back.mesh, back.gaussians).positions, world.positions, atol=2e-5, rtol=0)
    assert back.labels is None and back.body is avatar.body


def test_a_splat_of_a_mesh_with_more_faces_is_refused(tmp_path, avatar):
    save_avatar(tmp_path / "me.ply", avatar)
    write_mesh(tmp_path / "less.glb", Mesh(avatar.mesh.vertices, avatar.mesh.faces[:2]))
    with pytest.raises(ValueError, match="bound to a mesh of more than 3 faces and the mesh file has 2"):
        load_avatar(tmp_path / "me.ply", mesh=tmp_path / "less.glb")


@pytest.mark.parametrize("ending", ["ply", "splat", "spz"])
def test_a_splat_that_stands_elsewhere_than_its_mesh_is_refused(tmp_path, avatar, ending):
    save_avatar(tmp_path / f"me.{ending}", avatar, up="y-up")
    write_mesh(tmp_path / "me.glb", avatar.mesh)
    load_avatar(tmp_path / f"me.{ending}", mesh=tmp_path / "me.glb", up="y-up")
    with pytest.raises(ValueError, match="do not stand in the same place: check `up`"):
        load_avatar(tmp_path / f"me.{ending}", mesh=tmp_path / "me.glb", up="y-down")


@pytest.mark.parametrize("ending", ["glb", "obj", "ply"])
def test_a_mesh_alone_is_covered_with_gaussians(tmp_path, avatar, ending):
    write_mesh(tmp_path / f"me.{ending}", avatar.mesh)
    back = load_avatar(tmp_path / f"me.{ending}", count=40)
    assert len(back.gaussians) == 40 and torch.equal(back.mesh.faces, avatar.mesh.faces)


def test_labels_of_a_file_replace_the_saved_ones(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me.ply", avatar)
    (tmp_path / "labels.json").write_text(json.dumps({"labels": ["shoes"] * 4}))
    assert load_avatar(saved.splat, labels=tmp_path / "labels.json").labels.tolist() == [9] * 4
    (tmp_path / "labels.json").write_text(json.dumps({"labels": ["shoes"] * 3}))
    with pytest.raises(ValueError, match="has 3 labels and the mesh has 4 vertices"):
        load_avatar(saved.splat, labels=tmp_path / "labels.json")


def test_a_splat_alone_says_which_input_it_lacks(tmp_path, avatar):
    save_avatar(tmp_path / "me.ply", avatar).sidecar.unlink()
    with pytest.raises(ValueError, match=r"'me\.ply' is a splat without a mesh: choose its mesh file in the mesh input"):
        load_avatar(tmp_path / "me.ply")


def test_a_mesh_for_a_mesh_is_refused(tmp_path, avatar):
    write_mesh(tmp_path / "me.ply", avatar.mesh)
    with pytest.raises(ValueError, match="is a mesh itself"):
        load_avatar(tmp_path / "me.ply", mesh=tmp_path / "me.ply")


@pytest.mark.parametrize("name", ["me.fbx", "me.ksplat"])
def test_unknown_endings_are_refused(tmp_path, avatar, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"is not an avatar file: choose \.glb"):
        load_avatar(tmp_path / name)
    with pytest.raises(ValueError, match="choose one of these formats"):
        save_avatar(tmp_path / name, avatar)
    with pytest.raises(ValueError, match="choose a splat file"):
        read_splat_file(tmp_path / name)


def test_a_missing_mesh_is_named(tmp_path, avatar):
    save_avatar(tmp_path / "me.ply", avatar)
    with pytest.raises(FileNotFoundError, match=r"no file 'gone\.glb'"):
        load_avatar(tmp_path / "me.ply", mesh=tmp_path / "gone.glb")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, avatar):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match=r"Cannot write 'me\.ply' in the folder"):
        save_avatar(tmp_path / "file" / "me.ply", avatar)


def test_loading_can_be_cancelled(tmp_path, avatar):
    write_mesh(tmp_path / "me.glb", avatar.mesh)

    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_avatar(tmp_path / "me.glb", count=40, progress=cancel)


def test_the_saved_mesh_reads_back(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me.ply", avatar, mesh_format="obj")
    assert torch.equal(read_mesh(saved.mesh).texture, avatar.mesh.texture)


def test_the_body_beside_an_avatar_is_read_back(tmp_path, avatar):
    saved = save_avatar(tmp_path / "me.ply", avatar)
    parameters = read_body_parameters(saved.body, avatar.body.model)
    assert torch.allclose(parameters.pose, avatar.body.parameters.pose, atol=1e-6)
    assert save_avatar(tmp_path / "bare.ply", replace(avatar, body=None)).body is None
