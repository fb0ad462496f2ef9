"""The Fit Body node: what it hands on, and what it says about inputs that it cannot use."""

import json
from dataclasses import replace

import pytest
import torch

from modiste.host.headless.session import Session, use
from modiste.models.avatars import Avatar, sample_gaussians
from modiste.models.body import BodyParameters, BodyState, load_modiste_body, named_pose
from modiste.models.geometry import Mesh
from modiste.nodes.bodies import FitBody

SETTINGS = {"quality": "draft", "heading": "front", "keypoints": "none", "pose_prior": 1.0, "shape_prior": 1.0}


@pytest.fixture(scope="module")
def truth():
    body = load_modiste_body()
    return BodyState(body, BodyParameters(torch.zeros(body.shape_size), named_pose("stand", body), torch.tensor([0.3, 0.0, 0.2])))


@pytest.fixture(scope="module")
def avatar(truth):
    mesh = Mesh(truth.posed().vertices, truth.model.faces, colors=torch.full((len(truth.model.template), 3), 0.7))
    return Avatar(mesh, sample_gaussians(mesh, 1500, 0))


@pytest.fixture
def session(tmp_path):
    with use(Session(tmp_path)) as running:
        running.input_folder.mkdir()
        yield running


def test_the_avatar_comes_back_with_the_body_that_the_file_helped_to_find(avatar, truth, session):
    joints = truth.posed().joints
    named = {
        joint: joints[index].tolist() for joint, index in (("head", 15), ("left_wrist", 20), ("right_wrist", 21), ("pelvis", 0))
    }
    (session.input_folder / "spots.json").write_text(json.dumps({"points": named}))
    assert FitBody.validate_inputs("spots.json") is True
    fitted, body, report, picture = FitBody.execute(avatar, **(SETTINGS | {"keypoints": "spots.json"})).args
    assert fitted.body is body and fitted.mesh is avatar.mesh and fitted.gaussians is avatar.gaussians
    assert float((body.posed().joints - joints)[:22].norm(dim=1).median()) < 0.02
    assert "m tall" in report and "Keypoints are" in report
    assert picture.shape == (3, 768, 512, 3)
    blue = (picture[..., 2] - picture[..., 0] > 0.15).float().mean((1, 2))
    assert bool((blue > 0.05).all()) and bool((blue < 0.5).all())


def test_another_chosen_file_runs_the_node_anew(session):
    path = session.input_folder / "spots.json"
    path.write_text("{}")
    before = FitBody.fingerprint_inputs("spots.json", quality="fast")
    path.write_text("{  }")
    assert FitBody.fingerprint_inputs("spots.json", quality="fast") != before
    assert isinstance(FitBody.validate_inputs("missing.json"), str)


@pytest.mark.parametrize(
    ("pose_data", "sentence"),
    [({"frames": [[]]}, "shows no person"), ([{"people": []}], "connect 'cameras'"), ("pose", "holds no keypoints")],
)
def test_pose_data_without_a_pose_gets_a_sentence(avatar, pose_data, sentence):
    with pytest.raises(ValueError, match=sentence):
        FitBody.execute(avatar, **SETTINGS, pose_data=pose_data)


def test_an_avatar_in_centimetres_gets_a_sentence(avatar):
    large = replace(avatar, mesh=replace(avatar.mesh, vertices=100 * avatar.mesh.vertices))
    with pytest.raises(ValueError, match="scale it to metres"):
        FitBody.execute(large, **SETTINGS)
