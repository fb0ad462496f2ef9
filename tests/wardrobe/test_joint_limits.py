"""Limits of joints: what is beyond them is seen and brought back."""

import math

import pytest
import torch

from modiste.models.body import JOINT_INDEX, JOINTS
from modiste.wardrobe.joint_limits import LIMITS, clamp_to_limits, joint_angles, limit_name, within_limits


def _turned(joint, *degrees):
    pose = torch.zeros(55, 3)
    pose[JOINT_INDEX[joint]] = torch.tensor([math.radians(angle) for angle in degrees])
    return pose


def test_every_joint_has_limits():
    assert {limit_name(joint) for joint in JOINTS} == set(LIMITS)


def test_the_rest_pose_is_within_limits():
    assert within_limits(torch.zeros(55, 3)).all()
    torch.testing.assert_close(joint_angles(torch.zeros(55, 3)), torch.zeros(55, 3))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_knee_bends_backwards_only(side):
    knee = JOINT_INDEX[f"{side}_knee"]
    assert within_limits(_turned(f"{side}_knee", 90, 0, 0))[knee]
    assert not within_limits(_turned(f"{side}_knee", -30, 0, 0))[knee]


def test_the_sides_mirror_each_other():
    left = joint_angles(_turned("left_shoulder", 20, -30, 40))[JOINT_INDEX["left_shoulder"]]
    right = joint_angles(_turned("right_shoulder", 20, 30, -40))[JOINT_INDEX["right_shoulder"]]
    torch.testing.assert_close(left, right, atol=1e-3, rtol=0)


def test_raising_an_arm_is_positive_to_the_side_and_forwards():
    outwards = joint_angles(_turned("left_shoulder", 0, 0, 50))[JOINT_INDEX["left_shoulder"]]
    assert outwards[1] > 45 and abs(outwards[0]) < 5
    forwards = joint_angles(_turned("left_hip", -60, 0, 0))[JOINT_INDEX["left_hip"]]
    assert forwards[0] > 50


def test_clamping_changes_only_what_is_beyond():
    pose = _turned("left_knee", -60, 0, 0)
    pose[JOINT_INDEX["head"], 1] = 0.3
    clamped = clamp_to_limits(pose)
    assert within_limits(clamped).all()
    assert torch.equal(clamped[JOINT_INDEX["head"]], pose[JOINT_INDEX["head"]])
    assert joint_angles(clamped)[JOINT_INDEX["left_knee"], 0] == pytest.approx(LIMITS["knee"][0][0], abs=0.1)


def test_wild_poses_come_within_limits():
    wild = torch.randn(20, 55, 3, generator=torch.Generator().manual_seed(0))
    assert not within_limits(wild).all()
    assert within_limits(clamp_to_limits(wild), tolerance=1.0).all()
