from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import repose, world_gaussians
from modiste.models.body import BodyParameters
from modiste.models.geometry.rotation import quaternion_to_matrix


def test_a_reposed_body_stands_as_the_body_model_says(user, model):
    moved = repose(user, model.body)
    expected = user.body.model.posed(
        BodyParameters(user.body.parameters.shape, model.body.parameters.pose, model.body.parameters.translation)
    )
    torch.testing.assert_close(moved.mesh.vertices, expected.vertices, atol=2e-5, rtol=0)
    torch.testing.assert_close(moved.body.posed().joints, expected.joints, atol=1e-6, rtol=0)


def test_there_and_back_is_the_same_avatar(user, model):
    there = repose(user, model.body)
    back = repose(there, user.body)
    torch.testing.assert_close(back.mesh.vertices, user.mesh.vertices, atol=2e-5, rtol=0)
    before, after = (world_gaussians(avatar.mesh, avatar.gaussians) for avatar in (user, back))
    torch.testing.assert_close(after.positions, before.positions, atol=2e-5, rtol=0)
    axes = [quaternion_to_matrix(world.rotations) * world.scales[:, None] for world in (before, after)]
    torch.testing.assert_close(axes[1] @ axes[1].mT, axes[0] @ axes[0].mT, atol=1e-6, rtol=0)


def test_a_pose_alone_keeps_the_place(user):
    pose = torch.zeros(55, 3)
    pose[18, 1] = 0.8
    moved = repose(user, pose)
    assert torch.equal(moved.body.parameters.translation, user.body.parameters.translation)
    assert torch.equal(moved.body.parameters.pose, pose)


def test_without_skinning_the_sentence_says_what_to_run(user):
    with pytest.raises(ValueError, match="run Transfer Skinning"):
        repose(replace(user, skinning=None), torch.zeros(55, 3))


def test_without_a_body_the_sentence_says_what_to_connect(user):
    with pytest.raises(ValueError, match="connect Load Body"):
        repose(replace(user, body=None), torch.zeros(55, 3))
