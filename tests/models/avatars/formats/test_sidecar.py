import json
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from modiste.models.avatars.formats.sidecar import read_sidecar, sidecar_path, write_sidecar
from modiste.models.avatars.labels import LABELS
from modiste.models.avatars.types import Avatar, BoundGaussians
from modiste.models.body.interface import BodyParameters, BodyState
from modiste.models.geometry import Mesh


class OtherBody:
    """Stands for a body that the pack does not ship."""

    name = "smplx"
    shape_size = 10


@pytest.fixture
def avatar(tetrahedron, random_gaussians):
    free = random_gaussians(6, coefficients=4)
    bound = BoundGaussians(
        face=torch.tensor([0, 1, 2, 3, 3, 0]),
        barycentric=torch.full((6, 3), 1 / 3),
        offset=torch.linspace(-0.01, 0.01, 6),
        rotation=free.rotations,
        scale=free.scales,
        opacity=free.opacities,
        sh=free.sh,
    )
    skinning = torch.zeros(4, 55)
    skinning[:, 5], skinning[0, 5], skinning[0, 54], skinning[1, :12] = 1, 0.3, 0.7, 1 / 12
    parameters = BodyParameters(torch.randn(10), 0.1 * torch.randn(55, 3), torch.tensor([0.0, 1.0, 2.0]))
    return Avatar(tetrahedron, bound, torch.tensor([0, 1, 9, 4]), skinning, BodyState(OtherBody(), parameters))


def assert_same(first, second):
    for kind, one, two in ((Mesh, first.mesh, second.mesh), (BoundGaussians, first.gaussians, second.gaussians)):
        for field in fields(kind):
            expected, found = getattr(one, field.name), getattr(two, field.name)
            assert (expected is None and found is None) or torch.equal(expected, found), field.name
    for name in ("labels", "skinning"):
        expected, found = getattr(first, name), getattr(second, name)
        assert (expected is None and found is None) or torch.equal(expected, found), name


def test_an_avatar_comes_back_to_the_bit(tmp_path, avatar):
    path = tmp_path / "a.avatar.safetensors"
    write_sidecar(path, avatar, "y-down", "0123")
    saved = read_sidecar(path)
    assert_same(avatar, saved.avatar)
    assert (saved.body_name, saved.up, saved.splat_hash) == ("smplx", "y-down", "0123")
    for field in fields(BodyParameters):
        assert torch.equal(getattr(saved.body_parameters, field.name), getattr(avatar.body.parameters, field.name))


def test_a_bare_avatar_comes_back(tmp_path, avatar):
    bare = Avatar(Mesh(avatar.mesh.vertices, avatar.mesh.faces), avatar.gaussians)
    write_sidecar(tmp_path / "a.avatar.safetensors", bare, "y-up", "")
    saved = read_sidecar(tmp_path / "a.avatar.safetensors")
    assert_same(bare, saved.avatar)
    assert saved.body_parameters is None and saved.body(None) is None


def test_a_texture_is_kept_to_the_nearest_of_256_steps(tmp_path, avatar):
    fine = replace(avatar, mesh=replace(avatar.mesh, texture=torch.rand(3, 4, 3)))
    write_sidecar(tmp_path / "a.avatar.safetensors", fine, "y-up", "")
    back = read_sidecar(tmp_path / "a.avatar.safetensors").avatar.mesh.texture
    assert (back - fine.mesh.texture).abs().max() <= 0.5 / 255 + 1e-6


def test_a_body_that_is_not_shipped_needs_its_model(tmp_path, avatar):
    write_sidecar(tmp_path / "a.avatar.safetensors", avatar, "y-up", "")
    saved = read_sidecar(tmp_path / "a.avatar.safetensors")
    assert saved.body(None) is None
    given = BodyState(OtherBody(), BodyParameters(torch.zeros(10), torch.zeros(55, 3), torch.zeros(3)))
    back = saved.body(given)
    assert back.model is given.model and torch.equal(back.parameters.pose, avatar.body.parameters.pose)
    other = OtherBody()
    other.name = "modiste"
    assert saved.body(replace(given, model=other)).parameters is given.parameters
    small = OtherBody()
    small.shape_size = 7
    with pytest.raises(ValueError, match="10 shape coefficients and this one has 7"):
        saved.body(replace(given, model=small))


def test_it_lies_beside_its_splat(tmp_path):
    assert sidecar_path(tmp_path / "me_00001_.ply") == tmp_path / "me_00001_.avatar.safetensors"


METADATA = {"kind": "modiste_avatar", "version": "1", "labels": ",".join(LABELS)}
EDITS = {
    "pointing beyond the 4 there are": lambda t, m: t["gaussians.face"].fill_(4),
    "'mesh.faces' pointing beyond": lambda t, m: t["mesh.faces"].fill_(-1),
    "'labels' pointing beyond the 10": lambda t, m: t["labels"].fill_(10),
    "'skinning.joints' pointing beyond the 55": lambda t, m: t["skinning.joints"].fill_(55),
    "'mesh.vertices' that are not finite": lambda t, m: t["mesh.vertices"].fill_(float("nan")),
    r"tensor 'labels' of uint8 \[3\], which does not fit": lambda t, m: t.update(labels=t["labels"][:3].clone()),
    "tensor 'mesh.vertices' of float64": lambda t, m: t.update({"mesh.vertices": t["mesh.vertices"].double()}),
    r"tensor 'gaussians.offset' of float32 \[6, 1\]": lambda t, m: t.update({"gaussians.offset": t["gaussians.offset"][:, None]}),
    "lacks the tensor 'gaussians.sh'": lambda t, m: t.pop("gaussians.sh"),
    "lacks the tensor 'body.pose'": lambda t, m: t.pop("body.pose"),
    "'gaussians.scale' that do not exceed 0": lambda t, m: t["gaussians.scale"][2].neg_(),
    "'gaussians.opacity' that do not lie in 0..1": lambda t, m: t["gaussians.opacity"][1].fill_(1.5),
    "'gaussians.rotation' that do not have length 1": lambda t, m: t["gaussians.rotation"][3].zero_(),
    "'gaussians.barycentric' that do not sum to 1": lambda t, m: t["gaussians.barycentric"][4].fill_(0.5),
    "'skinning.weights' that do not sum to 1": lambda t, m: t["skinning.weights"][2].zero_(),
    "empty parts": lambda t, m: t.update({"gaussians.sh": t["gaussians.sh"][:, :2].clone()}),
    "not an avatar that this version can read": lambda t, m: m.update(version="2"),
    "not an avatar": lambda t, m: m.update(kind="garment"),
}


@pytest.mark.parametrize("sentence", EDITS)
def test_parts_that_do_not_fit_are_refused_in_one_sentence(tmp_path, avatar, sentence):
    path = tmp_path / "a.avatar.safetensors"
    write_sidecar(path, avatar, "y-up", "")
    tensors, metadata = load_file(path), dict(METADATA)
    EDITS[sentence](tensors, metadata)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    with pytest.raises(ValueError, match=sentence) as caught:
        read_sidecar(path)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_files_are_read_or_refused(tmp_path, avatar, damaged, reads_or_refuses):
    write_sidecar(tmp_path / "good", avatar, "y-up", "")
    data = (tmp_path / "good").read_bytes()
    words = [b'"F32"', b'"I32"', b"[4,3]", b"shape", b"mesh.faces", b"labels", json.dumps("1").encode()]

    reads_or_refuses(read_sidecar, tmp_path / "a.avatar.safetensors", damaged(data, *words))
