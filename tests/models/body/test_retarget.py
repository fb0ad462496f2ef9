import math

import pytest
import torch

from modiste.models.body import JOINT_INDEX, POSES, BodyParameters, BodyState, grounded, named_pose, phenotype_shape, retarget_pose
from modiste.models.body.kinematics import POINTS_TO, pose_from_world, world_rotations
from modiste.models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle, swing


def directions(body, pose, shape=None):
    """Unit world directions of all limb bones of a posed body."""
    shape = torch.zeros(body.shape_size) if shape is None else shape
    joints = body.posed(BodyParameters(shape, pose, torch.zeros(3))).joints
    bones = [joints[JOINT_INDEX[child]] - joints[JOINT_INDEX[joint]] for joint, child in POINTS_TO.items()]
    return torch.nn.functional.normalize(torch.stack(bones), dim=1)


def palm(body, pose, side):
    joints = body.posed(BodyParameters(torch.zeros(body.shape_size), pose, torch.zeros(3))).joints
    wrist, index, pinky = (joints[JOINT_INDEX[f"{side}_{name}"]] for name in ("wrist", "index1", "pinky1"))
    return torch.nn.functional.normalize(torch.linalg.cross(index - wrist, pinky - wrist), dim=0)


@pytest.mark.parametrize("seed", range(3))
def test_limbs_of_the_target_point_where_the_sources_point(body, smplx_body, random_parameters, seed):
    for source, target in ((body, smplx_body), (smplx_body, body)):
        parameters = random_parameters(source, seed)
        pose = retarget_pose(BodyState(source, parameters), target)
        torch.testing.assert_close(
            directions(target, pose), directions(source, parameters.pose, parameters.shape), atol=2e-4, rtol=0
        )


def test_palms_face_where_the_sources_face(body, smplx_body, random_parameters):
    for side in ("left", "right"):
        for seed in range(3):
            pose = random_parameters(smplx_body, seed).pose
            source = BodyState(smplx_body, BodyParameters(torch.zeros(10), pose, torch.zeros(3)))
            facing = palm(body, retarget_pose(source, body), side) @ palm(smplx_body, pose, side)
            assert facing > math.cos(math.radians(25))  # the wrist itself is no part of the frame, hence not exactly


def test_trunk_head_and_feet_keep_their_orientation(body, smplx_body, random_parameters):
    parameters = random_parameters(smplx_body, seed=5)
    before, after = world_rotations(parameters.pose), world_rotations(retarget_pose(BodyState(smplx_body, parameters), body))
    for name in ("pelvis", "spine3", "neck", "head", "jaw", "left_eye", "left_collar", "left_ankle", "right_foot"):
        torch.testing.assert_close(after[JOINT_INDEX[name]], before[JOINT_INDEX[name]], atol=1e-4, rtol=0)


def test_same_body_keeps_the_pose_to_the_bit(body, random_parameters):
    parameters = random_parameters(body)
    assert torch.equal(retarget_pose(BodyState(body, parameters), body), parameters.pose)


def test_there_and_back_is_the_same_stance(body, smplx_body, random_parameters):
    parameters = BodyParameters(torch.zeros(body.shape_size), random_parameters(body).pose, torch.zeros(3))
    over = retarget_pose(BodyState(body, parameters), smplx_body)
    back = retarget_pose(BodyState(smplx_body, BodyParameters(torch.zeros(10), over, torch.zeros(3))), body)
    torch.testing.assert_close(axis_angle_to_matrix(back), axis_angle_to_matrix(parameters.pose), atol=1e-3, rtol=0)


def test_world_rotations_and_back(random_parameters, body):
    pose = random_parameters(body).pose
    torch.testing.assert_close(pose_from_world(world_rotations(pose)), pose, atol=1e-4, rtol=0)


@pytest.mark.parametrize("length", [0.0, 1e-6, 0.5, 3.0, 3.1415])
def test_axis_angle_survives_the_matrix(length):
    vector = length * torch.nn.functional.normalize(torch.tensor([0.3, -0.8, 0.5]), dim=0)
    torch.testing.assert_close(
        matrix_to_axis_angle(axis_angle_to_matrix(vector)), vector, atol=2e-3 if length > 3 else 1e-6, rtol=0
    )


def test_swing_is_the_shortest_turn_and_stands_opposite_directions():
    start = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 1], [0.2, 0.3, 0.4]])
    end = torch.tensor([[0, 3.0, 0], [0, -1, 0], [0, 0, 5], [-0.2, -0.3, -0.4]])
    turns = swing(start, end)
    unit = torch.nn.functional.normalize
    torch.testing.assert_close((turns @ unit(start, dim=1)[..., None])[..., 0], unit(end, dim=1), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(4))
    angles = matrix_to_axis_angle(turns).norm(dim=1)
    torch.testing.assert_close(angles, torch.tensor([math.pi / 2, math.pi, 0, math.pi]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", POSES)
def test_named_poses_stand_on_the_ground_with_the_head_up(body, name):
    shape = phenotype_shape(gender=1.0)
    posed = body.posed(grounded(body, BodyParameters(shape, named_pose(name, body), torch.zeros(3))))
    assert abs(float(posed.vertices[:, 1].min())) < 1e-5
    heights = {
        joint: float(posed.joints[JOINT_INDEX[joint], 1]) for joint in ("head", "pelvis", "left_knee", "left_ankle", "right_ankle")
    }
    assert heights["head"] > heights["pelvis"] > heights["left_knee"] > heights["left_ankle"]
    assert max(heights["left_ankle"], heights["right_ankle"]) < 0.3


def test_t_pose_is_level_and_stand_hangs_down_on_both_bodies(body, smplx_body):
    for each in (body, smplx_body):
        arms = [list(POINTS_TO).index(joint) for joint in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow")]
        assert directions(each, named_pose("t_pose", each))[arms, 1].abs().max() < 0.01
        assert directions(each, named_pose("stand", each))[arms, 1].max() < -0.9


def test_unknown_pose_lists_the_known_ones(body):
    with pytest.raises(ValueError, match=r"handstand.*contrapposto"):
        named_pose("handstand", body)
