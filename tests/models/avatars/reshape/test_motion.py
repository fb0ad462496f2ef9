"""Motion: how bodies and what is near them move, against maps that are known."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.reshape.motion import Beside, BodyMotion, beside, blended, body_motion, carried, limb_maps
from modiste.models.avatars.reshape.target import target_body
from modiste.models.body import BodyState


@pytest.fixture(scope="module")
def bodies(shapes):
    return shapes.person(1, translation=(0.1, 0.2, -0.3)).body, shapes.person(2).body


def test_the_target_stands_in_the_same_pose_on_the_same_ground(bodies):
    body, user = bodies
    target = target_body(body, user)
    assert target.parameters.pose.equal(body.parameters.pose) and target.parameters.shape.equal(user.parameters.shape)
    now, then = body.posed(), target.posed()
    assert float(then.vertices[:, 1].min()) == pytest.approx(float(now.vertices[:, 1].min()), abs=1e-5)
    assert torch.allclose(then.joints[0, [0, 2]], now.joints[0, [0, 2]], atol=1e-5)


def test_bodies_of_different_models_are_refused(bodies):
    class Other:
        name, template, shape_size = "smplx", torch.zeros(3, 3), 10

    class OtherFile:
        name, template, shape_size = "modiste", torch.zeros(3, 3), bodies[0].model.shape_size

    body, user = bodies
    with pytest.raises(ValueError, match="give both the same one"):
        target_body(body, BodyState(Other(), user.parameters))
    with pytest.raises(ValueError, match="different files of the model 'modiste'"):
        target_body(body, BodyState(OtherFile(), user.parameters))


def test_a_body_that_stays_turns_nothing(bodies):
    motion = body_motion(bodies[0], bodies[0])
    assert motion.after.equal(motion.before) and not motion.joints.any()
    assert torch.allclose(motion.turn, torch.eye(3).expand_as(motion.turn), atol=1e-4)


def test_heights_above_a_plane_have_a_sign(shapes):
    plane = shapes.plane(2.0)
    points = torch.tensor([[0.1, 0.2, 0.5], [0.3, -0.2, -0.25]])
    found = beside(points, plane.vertices, plane.faces, torch.zeros(len(plane.vertices), dtype=torch.int64))
    assert torch.allclose(found.height, torch.tensor([0.5, -0.25])) and torch.allclose(found.normal[:, 2], torch.ones(2))


def test_what_is_above_a_surface_goes_along_with_it(shapes):
    plane, turn, shift = shapes.plane(2.0), shapes.rotation(3), torch.tensor([0.5, -1.0, 2.0])
    motion = BodyMotion(plane.vertices, plane.vertices @ turn.T + shift, turn.expand(len(plane.vertices), 3, 3), torch.zeros(55, 3))
    points = torch.tensor([[0.1, 0.2, 0.05], [-0.4, 0.3, -0.02]])
    where = beside(points, plane.vertices, plane.faces, torch.zeros(len(plane.vertices), dtype=torch.int64))
    assert isinstance(where, Beside)
    assert torch.allclose(carried(points, where, motion, plane.faces), points @ turn.T + shift, atol=1e-5)


def test_limb_maps_find_an_affine_motion_and_their_blend_repeats_it():
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(400, 3, generator=generator)
    linear = torch.eye(3) + 0.2 * torch.randn(3, 3, generator=generator)
    shift = torch.randn(3, generator=generator)
    weights = torch.rand(400, 55, generator=generator)
    weights[:, 7] = 0  # a joint that holds nothing
    motion = BodyMotion(before, before @ linear.T + shift, torch.eye(3).expand(400, 3, 3), torch.zeros(55, 3))
    maps = limb_maps(motion, weights)
    assert torch.allclose(maps[3, :, :3], linear, atol=5e-3) and torch.allclose(maps[7], torch.eye(3, 4))
    far = 3 * torch.randn(20, 3, generator=generator)
    skinning = torch.zeros(20, 55)
    skinning[:, 3], skinning[:, 20] = 0.3, 0.7
    assert torch.allclose(blended(far, maps, skinning), far @ linear.T + shift, atol=0.05)


def test_a_limb_too_thin_to_tell_keeps_its_girth():
    before = torch.tensor([[0.0, y, 0.0] for y in torch.linspace(0, 1, 20).tolist()])
    motion = BodyMotion(before, 1.5 * before, torch.eye(3).expand(20, 3, 3), torch.zeros(55, 3))
    maps = limb_maps(motion, torch.ones(20, 55) / 55)
    assert torch.allclose(maps[0, :, :3], torch.diag(torch.tensor([1.0, 1.5, 1.0])), atol=5e-3)


def test_a_joint_that_holds_a_single_point_carries_it():
    before = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    weights = torch.zeros(2, 55)
    weights[0, 4] = weights[1, 0] = 1
    motion = BodyMotion(before, before + 1, torch.eye(3).expand(2, 3, 3), torch.zeros(55, 3))
    found = limb_maps(motion, weights)[4]
    assert torch.allclose(found @ torch.tensor([1.0, 2.0, 3.0, 1.0]), before[0] + 1, atol=1e-4)


def test_the_target_keeps_where_the_avatar_stands(bodies):
    body, user = bodies
    moved = replace(body, parameters=replace(body.parameters, translation=body.parameters.translation + 1))
    first, second = target_body(body, user).parameters.translation, target_body(moved, user).parameters.translation
    assert torch.allclose(second - first, torch.ones(3), atol=1e-5)
