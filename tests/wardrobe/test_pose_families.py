"""Poses drawn from families look as their names say, on every figure, and stay possible."""

import random
from functools import cache
from itertools import pairwise

import pytest
import torch

from modiste.models.body import JOINT_INDEX, PART_INDEX, BodyParameters, load_modiste_body
from modiste.wardrobe.anatomy import measure
from modiste.wardrobe.draping import Obstacle
from modiste.wardrobe.figures import random_figure
from modiste.wardrobe.joint_limits import within_limits
from modiste.wardrobe.pose_families import POSE_FAMILIES, random_pose
from modiste.wardrobe.poses import pose_distance

_DRAWS = 24
_THIN, _HEAVY = {"gender": 0.9, "weight": 0.1, "muscle": 0.4}, {"gender": 0.1, "weight": 1.0, "muscle": 0.3}


@cache
def _figures():
    drawn = [random_figure(random.Random(seed)) for seed in range(4)]
    body = load_modiste_body()
    shapes = [body.phenotype_shape(**phenotype) for phenotype in (_THIN, _HEAVY, *drawn)]
    return [(shape, measure(body, shape)) for shape in shapes]


@cache
def _drawn(family):
    """Some poses of a family: [(shape, figure, drawn pose, joints in the world)]."""
    body, samples = load_modiste_body(), []
    for index in range(_DRAWS):
        shape, figure = _figures()[index % len(_figures())]
        pose = random_pose(random.Random(f"{family}{index}"), figure, family)
        joints = body.posed(BodyParameters(shape, pose.rotations, torch.zeros(3))).joints
        samples.append((shape, figure, pose, joints))
    return samples


def _places(family, *names):
    return [[joints[JOINT_INDEX[name]] for name in names] for _, _, _, joints in _drawn(family)]


@pytest.mark.parametrize("family", POSE_FAMILIES)
def test_joints_keep_to_their_limits(family):
    for _, _, pose, _ in _drawn(family):
        assert pose.family == family and pose.rotations.isfinite().all()
        assert within_limits(pose.rotations).all()


@pytest.mark.parametrize("family", POSE_FAMILIES)
def test_both_feet_are_on_one_floor(family):
    body = load_modiste_body()
    for shape, _, pose, _ in _drawn(family)[:6]:
        heights = body.posed(BodyParameters(shape, pose.rotations, torch.zeros(3))).vertices[:, 1]
        left, right = (float(heights[body.parts == PART_INDEX[f"{side}_foot"]].min()) for side in ("left", "right"))
        assert abs(left - right) < 0.004
        assert float(heights.min()) == min(left, right)


@pytest.mark.parametrize("family", [family for family in POSE_FAMILIES if family not in ("walk", "stride", "sit")])
def test_standing_feet_lie_flat(family):
    for _, figure, _, joints in _drawn(family):
        for side in ("left", "right"):
            ankle, ball = (joints[JOINT_INDEX[f"{side}_{joint}"]] for joint in ("ankle", "foot"))
            assert float(ankle[1] - ball[1]) == pytest.approx(
                float(figure.joint(f"{side}_ankle")[1] - figure.joint(f"{side}_foot")[1]), abs=1e-3
            )


@pytest.mark.parametrize("family", [family for family in POSE_FAMILIES if family != "sit"])
def test_weight_is_over_the_feet(family):
    body = load_modiste_body()
    for shape, _, pose, _ in _drawn(family)[:6]:
        vertices = body.posed(BodyParameters(shape, pose.rotations, torch.zeros(3))).vertices
        corners = vertices[body.faces]
        volumes = (corners[:, 0] * torch.linalg.cross(corners[:, 1], corners[:, 2], dim=1)).sum(1)
        center = (corners.sum(1) / 4 * volumes[:, None]).sum(0) / volumes.sum()
        feet = vertices[torch.isin(body.parts, torch.tensor([PART_INDEX["left_foot"], PART_INDEX["right_foot"]]))][:, [0, 2]]
        low, high = feet.amin(0), feet.amax(0)
        assert ((center[[0, 2]] > low) & (center[[0, 2]] < high)).all()


@pytest.mark.parametrize("family", [family for family in POSE_FAMILIES if family != "hands in pockets"])
def test_forearms_stay_outside_of_the_trunk(family):
    body = load_modiste_body()
    names = ("torso", "left_upper_leg", "right_upper_leg")
    trunk = torch.isin(body.parts, torch.tensor([PART_INDEX[name] for name in names]))
    forearm = torch.isin(body.parts, torch.tensor([PART_INDEX[name] for name in ("left_lower_arm", "right_lower_arm")]))
    for shape, _, pose, _ in _drawn(family)[:6]:
        vertices = body.posed(BodyParameters(shape, pose.rotations, torch.zeros(3))).vertices
        normals = torch.nn.functional.normalize(torch.linalg.cross(*_edges(vertices, body.faces), dim=1), dim=1)
        middle = trunk[body.faces].all(1)
        skin = Obstacle(vertices[body.faces[middle]].mean(1), normals[middle])
        height, _, distance = skin.height_over(vertices[forearm])
        assert float(torch.where(distance < 0.06, height, torch.zeros(())).min()) > -0.012


def _edges(vertices, faces):
    a, b, c = vertices[faces].unbind(1)
    return b - a, c - a


def test_hands_are_near_the_hips_when_on_them():
    for left, right, left_hip, right_hip, waist in _places(
        "hands on hips", "left_wrist", "right_wrist", "left_hip", "right_hip", "spine2"
    ):
        for wrist, hip in ((left, left_hip), (right, right_hip)):
            assert hip[1] < wrist[1] < waist[1] + 0.05 and (wrist - hip).norm() < 0.30


def test_one_hand_is_on_the_hip_and_the_other_hangs():
    for left, right in zip(
        _places("hand on hip", "left_elbow", "left_wrist", "left_hip"),
        _places("hand on hip", "right_elbow", "right_wrist", "right_hip"),
        strict=True,
    ):
        # How far the forearm points up, and how far the wrist is from the hip.
        (hanging, _), (held, near) = sorted(
            (float((wrist - elbow)[1] / (wrist - elbow).norm()), float((wrist - hip).norm())) for elbow, wrist, hip in (left, right)
        )
        assert hanging < -0.8 < held and near < 0.3


def test_crossed_arms_cross_before_the_chest():
    for left, right, left_hand, right_hand, chest in _places(
        "arms crossed", "left_wrist", "right_wrist", "left_middle1", "right_middle1", "spine3"
    ):
        assert left_hand[0] < right_hand[0]  # the left hand is on the person's right
        assert min(left[2], right[2]) > chest[2] + 0.1


def test_raised_hands_are_above_the_head():
    for left, right, head in _places("arms raised", "left_wrist", "right_wrist", "left_eye"):
        assert min(left[1], right[1]) > head[1]


def test_who_reaches_up_has_one_hand_above_the_head():
    for left, right, head in _places("reach up", "left_wrist", "right_wrist", "left_eye"):
        assert max(left[1], right[1]) > head[1] + 0.1 > min(left[1], right[1])


def test_who_reaches_forward_has_a_hand_far_ahead():
    for left, right, chest in _places("reach forward", "left_wrist", "right_wrist", "spine3"):
        assert max(left[2], right[2]) > chest[2] + 0.4


@pytest.mark.parametrize(("family", "step"), [("walk", 0.15), ("stride", 0.24)])
def test_one_foot_is_ahead_in_walking(family, step):
    for left, right in _places(family, "left_ankle", "right_ankle"):
        assert abs(float(left[2] - right[2])) > step


def test_thighs_of_the_seated_are_level():
    for _, figure, pose, joints in _drawn("sit"):
        for side in ("left", "right"):
            thigh = joints[JOINT_INDEX[f"{side}_knee"]] - joints[JOINT_INDEX[f"{side}_hip"]]
            assert abs(float(thigh[1])) < 0.25 * float(thigh.norm())
        assert 0.2 < pose.seat_height < float(figure.joint("left_knee")[1])


def test_who_looks_back_turns_the_head_by_more_than_half_a_right_angle():
    for left, right in _places("look over the shoulder", "left_eye", "right_eye"):
        aside = (left - right) / (left - right).norm()
        assert float(aside[0]) < 0.7


def test_the_same_draw_is_the_same_pose():
    _, figure = _figures()[0]
    first, second = (random_pose(random.Random("a"), figure) for _ in range(2))
    assert first.family == second.family and torch.equal(first.rotations, second.rotations)


@pytest.mark.parametrize("family", POSE_FAMILIES)
def test_draws_of_a_family_differ(family):
    poses = [pose.rotations for _, _, pose, _ in _drawn(family)[:6]]
    assert min(pose_distance(first, second) for first, second in pairwise(poses)) > 0.005


def test_an_unknown_family_is_told():
    with pytest.raises(ValueError, match="There is no pose family 'headstand'; use one of stand, relaxed"):
        random_pose(random.Random(0), _figures()[0][1], "headstand")
