"""The rig against the whole body, and its derivatives against automatic ones through the body's own pose function."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.body_fit.rig import TURNED, derivatives, guess_from, make_rig, pose_rig
from modiste.models.body import JOINTS, BodyParameters
from modiste.models.geometry.mesh import vertex_normals
from modiste.models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle


@pytest.fixture(scope="module")
def parameters(body):
    draw = torch.Generator().manual_seed(3)
    return BodyParameters(
        0.5 * torch.randn(body.shape_size, generator=draw),
        0.5 * torch.randn(len(JOINTS), 3, generator=draw),
        torch.randn(3, generator=draw),
    )


@pytest.fixture(scope="module")
def rig(body):
    return make_rig(body, torch.randperm(len(body.template), generator=torch.Generator().manual_seed(0))[:300])


def test_a_rig_stands_where_the_body_stands(body, rig, parameters):
    whole = body.posed(parameters)
    posed = pose_rig(rig, guess_from(parameters))
    torch.testing.assert_close(posed.points, whole.vertices[rig.index], atol=1e-5, rtol=0)
    torch.testing.assert_close(posed.joints, whole.joints, atol=1e-5, rtol=0)
    normals = vertex_normals(whole.vertices, body.faces)[rig.index]
    assert float((posed.normals * normals).sum(-1).median()) > 0.99
    exact = pose_rig(rig, guess_from(parameters), exact=True)
    torch.testing.assert_close(exact.normals, normals, atol=1e-3, rtol=0)


def test_the_first_points_of_a_rig_are_a_rig(rig, parameters):
    guess = guess_from(parameters)
    some, all_points = pose_rig(rig.first(40), guess), pose_rig(rig, guess)
    torch.testing.assert_close(some.points, all_points.points[:40], atol=1e-6, rtol=0)
    torch.testing.assert_close(some.joints, all_points.joints, atol=1e-6, rtol=0)


def test_a_guess_keeps_the_parameters(parameters):
    back = guess_from(parameters).parameters()
    torch.testing.assert_close(axis_angle_to_matrix(back.pose), axis_angle_to_matrix(parameters.pose), atol=1e-5, rtol=0)
    assert torch.equal(back.shape, parameters.shape)


@pytest.mark.parametrize("joints", [list(range(TURNED)), [0, 5, 17, 19]], ids=["all joints", "some joints"])
def test_derivatives_are_those_of_the_body(body, rig, parameters, joints):
    guess = guess_from(parameters)
    pull = torch.randn(len(rig.index) + len(JOINTS), 3, generator=torch.Generator().manual_seed(1))
    size = 12
    unknown = torch.zeros(3 * len(joints) + 3 + size, requires_grad=True)
    turns, shift, growth = unknown.split([3 * len(joints), 3, size])
    rotations = list(guess.rotations)
    for turn, joint in zip(turns.reshape(-1, 3), joints, strict=True):
        rotations[joint] = axis_angle_to_matrix(turn) @ rotations[joint]
    shape = torch.cat([guess.shape[:size] + growth, guess.shape[size:]])
    moved = body.posed(BodyParameters(shape, matrix_to_axis_angle(torch.stack(rotations)), guess.translation + shift))
    (pull * torch.cat([moved.vertices[rig.index], moved.joints])).sum().backward()
    slopes = derivatives(rig, pose_rig(rig, guess), torch.tensor(joints), size)
    torch.testing.assert_close(torch.einsum("na,nau->u", pull, slopes), unknown.grad, atol=2e-3, rtol=2e-4)


def test_pose_correctives_are_in_the_points(body, rig, parameters):
    """A body may add to linear skinning: the exact points have it."""

    class Corrected(type(body)):
        def posed(self, parameters):
            plain = super().posed(parameters)
            return replace(plain, vertices=plain.vertices + 0.01)

    corrected, guess = replace(rig, model=Corrected()), guess_from(parameters)
    found = pose_rig(corrected, guess, exact=True).points
    torch.testing.assert_close(found, pose_rig(rig, guess).points + 0.01, atol=1e-5, rtol=0)
