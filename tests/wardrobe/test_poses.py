"""Poses point limbs where they say, on every figure."""

import math

import pytest
import torch

from modiste.models.body import JOINT_INDEX, BodyParameters, load_modiste_body
from modiste.wardrobe.poses import POSES, pose_distance, pose_of


@pytest.mark.parametrize("gender", [0.0, 1.0])
@pytest.mark.parametrize("name", POSES)
def test_limbs_point_where_the_pose_aims_them(name, gender):
    body = load_modiste_body()
    shape = body.phenotype_shape(gender=gender)
    pose = pose_of(name, body.shaped(shape)[1])
    joints = body.posed(BodyParameters(shape, pose, torch.zeros(3))).joints
    for joint, aim in POSES[name].aims.items():
        if "elbow" in joint and joint.startswith("left"):
            bone = joints[JOINT_INDEX["left_wrist"]] - joints[JOINT_INDEX["left_elbow"]]
            wanted = torch.tensor(aim) / torch.tensor(aim).norm()
            torch.testing.assert_close(bone / bone.norm(), wanted, atol=1e-3, rtol=0)


def test_standing_is_mirrored():
    body = load_modiste_body()
    pose = pose_of("stand", body.shaped(torch.zeros(body.shape_size))[1])
    left, right = pose[JOINT_INDEX["left_shoulder"]], pose[JOINT_INDEX["right_shoulder"]]
    torch.testing.assert_close(left * torch.tensor([1.0, -1.0, -1.0]), right, atol=1e-3, rtol=0)


def test_rotations_of_the_wrong_count_are_told():
    with pytest.raises(ValueError, match="give 55 rotations"):
        pose_of(((0.0, 0.0, 0.0),) * 3, torch.zeros(55, 3))


def test_poses_are_as_far_apart_as_their_joints():
    stand = torch.zeros(55, 3)
    turned, lifted = stand.clone(), stand.clone()
    turned[0, 1] = 1.0  # the whole person turns round
    lifted[JOINT_INDEX["left_knee"], 0] = 0.5
    joints = load_modiste_body().shaped(torch.zeros(load_modiste_body().shape_size))[1]
    moved = ("left_ankle", "left_foot")
    # The shin swings in the plane x = const: a chord of the circle round the knee for each joint below it.
    arms = [(joints[JOINT_INDEX[name]] - joints[JOINT_INDEX["left_knee"]])[1:].norm() for name in moved]
    assert pose_distance(stand, stand) == 0
    assert pose_distance(stand, turned) == pytest.approx(0, abs=1e-6)
    assert pose_distance(stand, lifted) == pytest.approx(float(sum(arms)) * 2 * math.sin(0.25) / 22, rel=1e-4)
