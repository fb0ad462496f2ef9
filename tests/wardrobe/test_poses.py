"""Poses point limbs where they say, on every figure."""

import pytest
import torch

from modiste.models.body import JOINT_INDEX, BodyParameters, load_modiste_body
from modiste.wardrobe.poses import POSES, pose_of


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
