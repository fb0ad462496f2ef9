"""Keypoints in space, in pictures, and of unknown place pull joints to where they were seen."""

import math

import pytest
import torch

from modiste.models.avatars.body_fit.keypoints import LAYOUTS, Pixels, keypoint_distances, keypoint_pulls, pixels, spots
from modiste.models.avatars.body_fit.rig import guess_from, make_rig, pose_rig
from modiste.models.body import JOINT_INDEX, JOINTS
from modiste.models.geometry.rotation import axis_angle_to_matrix
from modiste.models.render import look_at


@pytest.fixture(scope="module")
def posed(body, people):
    state = people.standing()
    return pose_rig(make_rig(body, torch.arange(5)), guess_from(state.parameters))


def test_keypoints_on_the_joints_cost_and_pull_nothing(posed):
    pulls, cost = keypoint_pulls([spots(posed.joints, torch.ones(55), "joints")], posed, 0.01)
    assert cost < 1e-6 and float(pulls.force.abs().max()) < 1e-4


def test_a_joint_is_pulled_to_its_keypoint_and_no_other_is(posed):
    wanted = posed.joints.clone()
    knee = JOINT_INDEX["left_knee"]
    wanted[knee] += torch.tensor([0.0, 0.0, 0.04])
    pulls, cost = keypoint_pulls([spots(wanted, torch.ones(55), "joints")], posed, 0.01)
    force = pulls.force[-len(JOINTS) :]
    assert float(force[knee, 2]) < 0 and cost > 0
    assert float(force[torch.arange(55) != knee].abs().max()) < 1e-4


def test_form_alone_is_found_under_any_move_turn_and_size(posed):
    turn = axis_angle_to_matrix(torch.tensor([0.7, -1.9, 0.4]))
    elsewhere = 0.6 * posed.joints @ turn.T + torch.tensor([5.0, -2.0, 9.0])
    free = spots(elsewhere, torch.ones(55), "joints", placed=False)
    assert float(keypoint_distances([free], posed.joints).max()) < 1e-4
    placed = spots(elsewhere, torch.ones(55), "joints")
    assert float(keypoint_distances([placed], posed.joints).min()) > 1


def seen_from(posed, azimuth, moved):
    """Keypoints of a picture of joints that are moved by `moved` [3]."""
    middle = posed.joints.mean(0)
    eye = middle + 3 * torch.tensor([math.sin(azimuth), 0.1, math.cos(azimuth)])
    camera = look_at(eye, middle, 40, 300, 400)
    local = (posed.joints + moved) @ camera.view[:3, :3].T + camera.view[:3, 3]
    shown = local @ camera.intrinsics.T
    return pixels(shown[:, :2] / shown[:, 2:], torch.ones(55), "joints", camera)


def test_one_step_of_two_pictures_finds_the_place_in_space(posed):
    moved = torch.tensor([0.02, -0.03, 0.025])
    pulls, _ = keypoint_pulls([seen_from(posed, 0.0, moved), seen_from(posed, 1.4, moved)], posed, 0.5)
    matrix, force = pulls.matrix[-len(JOINTS) :], pulls.force[-len(JOINTS) :]
    used = [index for index, joint in enumerate(LAYOUTS["joints"].joints) if joint]
    found = torch.linalg.solve(matrix[used], -force[used])
    torch.testing.assert_close(found, moved.expand(len(used), 3), atol=2e-3, rtol=0)


def test_one_picture_says_nothing_of_depth(posed):
    observed = seen_from(posed, 0.3, torch.zeros(3))
    pulls, _ = keypoint_pulls([observed], posed, 0.05)
    for joint in (JOINT_INDEX["head"], JOINT_INDEX["left_wrist"]):
        ray = posed.joints[joint] - observed.camera.position
        assert float((pulls.matrix[5 + joint] @ ray).norm()) < 1e-3 * float(pulls.matrix[5 + joint].norm() * ray.norm())


def test_keypoints_that_nobody_trusts_are_left_out(posed):
    trust = torch.ones(55)
    trust[JOINT_INDEX["head"]] = 0
    assert JOINT_INDEX["head"] not in spots(posed.joints, trust, "joints").joints.tolist()
    with pytest.raises(ValueError, match="at least 4"):
        spots(posed.joints, torch.zeros(55), "joints")


@pytest.mark.parametrize(
    ("layout", "places"),
    [
        ("coco17", {5: "left_shoulder", 10: "right_wrist", 11: "left_hip", 16: "right_ankle"}),
        ("openpose18", {1: "neck", 2: "right_shoulder", 7: "left_wrist", 10: "right_ankle", 11: "left_hip", 14: "right_eye"}),
        ("openpose25", {1: "neck", 4: "right_wrist", 8: "pelvis", 9: "right_hip", 14: "left_ankle", 16: "left_eye"}),
        ("mhr70", {9: "left_hip", 14: "right_ankle", 28: "right_index1", 41: "right_wrist", 62: "left_wrist", 69: "neck"}),
        ("joints", {0: "pelvis", 21: "right_wrist", 25: "left_index1", 26: None}),
    ],
)
def test_layouts_name_the_joints_of_their_makers(layout, places):
    """COCO's 17, OpenPose's 18 and 25, and Sapiens' first 70 in their published orders."""
    counts = {"coco17": 17, "openpose18": 18, "openpose25": 25, "mhr70": 70, "joints": 55}
    assert len(LAYOUTS[layout].joints) == len(LAYOUTS[layout].spread) == counts[layout]
    assert {place: LAYOUTS[layout].joints[place] for place in places} == places
    assert {joint for joint in LAYOUTS[layout].joints if joint} <= set(JOINTS)


def test_pixels_are_what_a_picture_gives(posed):
    assert isinstance(seen_from(posed, 0.0, torch.zeros(3)), Pixels)
