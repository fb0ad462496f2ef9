"""Keypoint files written by hand, and files that are broken in every way: a sentence, never a traceback of another kind."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.avatars.body_fit.keypoint_files import keypoints_from_openpose, keypoints_from_pose_data, read_keypoints
from modiste.models.body import JOINT_INDEX
from modiste.models.render import look_at

CAMERA = look_at(torch.tensor([0.0, 1, 3]), torch.tensor([0.0, 1, 0]), 40, 200, 400)


def write(folder, content, name="points.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_points_by_joint(tmp_path):
    named = {"left_knee": [1, 2, 3], "pelvis": [4, 5, 6, 0.5], "head": [7, 8, 9], "right_wrist": [0, 0, 1]}
    (found,) = read_keypoints(write(tmp_path, {"points": named}))
    places = dict(zip(found.joints.tolist(), found.points.tolist(), strict=True))
    assert places == {JOINT_INDEX[joint]: [float(number) for number in place[:3]] for joint, place in named.items()}
    assert found.placed
    trust = dict(zip(found.joints.tolist(), found.trust.tolist(), strict=True))
    assert trust[JOINT_INDEX["pelvis"]] == 0.5 and trust[JOINT_INDEX["head"]] == 1


def test_points_in_order_with_trust(tmp_path):
    table = [[index, 2 * index, 3 * index, 1] for index in range(17)]
    table[5][3] = 0
    (found,) = read_keypoints(write(tmp_path, {"points": table, "layout": "coco17"}))
    assert JOINT_INDEX["left_shoulder"] not in found.joints.tolist()
    row = found.joints.tolist().index(JOINT_INDEX["right_knee"])
    assert found.points[row].tolist() == [14, 28, 42]


def test_npz_holds_the_same(tmp_path):
    table = np.arange(66, dtype=np.float32).reshape(22, 3)
    np.savez(tmp_path / "points.npz", points=table)
    (found,) = read_keypoints(tmp_path / "points.npz")
    assert found.joints.tolist() == list(range(22))
    assert np.array_equal(found.points.numpy(), table)


def test_pixels_need_their_cameras(tmp_path):
    path = write(tmp_path, {"pixels": [[[10 * index, 5 * index, 1] for index in range(17)]]})
    with pytest.raises(ValueError, match="connect 'cameras'"):
        read_keypoints(path)
    with pytest.raises(ValueError, match="1 pictures, and there are 2 cameras"):
        read_keypoints(path, [CAMERA, CAMERA])
    (found,) = read_keypoints(path, [CAMERA])
    assert found.points[found.joints.tolist().index(JOINT_INDEX["left_ankle"])].tolist() == [150, 75]


def openpose(scale=1.0, **more):
    numbers = [[scale * (10 + index), scale * 2 * (10 + index), 0.9] for index in range(25)]
    numbers[3] = [0, 0, 0]  # as OpenPose marks what it did not see
    return {"people": [{"pose_keypoints_2d": [number for row in numbers for number in row]}], **more}


@pytest.mark.parametrize("picture", [openpose(), openpose(2.0, canvas_width=400, canvas_height=800)], ids=["same size", "twice"])
def test_openpose_counts_in_its_own_picture(tmp_path, picture):
    (found,) = read_keypoints(write(tmp_path, picture), [CAMERA])
    assert JOINT_INDEX["right_elbow"] not in found.joints.tolist()
    torch.testing.assert_close(found.points[found.joints.tolist().index(JOINT_INDEX["pelvis"])], torch.tensor([18.0, 36.0]))


def test_openpose_in_shares_of_the_picture():
    (found,) = keypoints_from_openpose([openpose(0.005)], [CAMERA])
    torch.testing.assert_close(found.points[found.joints.tolist().index(JOINT_INDEX["pelvis"])], torch.tensor([18.0, 72.0]))


def test_pictures_without_a_person_are_left_out():
    assert len(keypoints_from_openpose([openpose(), {"people": []}], [CAMERA, CAMERA])) == 1
    with pytest.raises(ValueError, match="shows no person"):
        keypoints_from_openpose([{"people": []}], [CAMERA])


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, list], ids=["numpy", "torch", "lists"])
def test_pose_data_of_sam_3d_body(kind):
    near, far = ([[offset + row, 2 * row, 3 * row] for row in range(70)] for offset in (0, 1000))
    people = [
        {"pred_keypoints_3d": kind(far), "bbox": [0, 0, 10, 10]},
        {"pred_keypoints_3d": kind(near), "bbox": [0, 0, 90, 90]},
    ]
    (found,) = keypoints_from_pose_data({"frames": [[], people], "image_size": (512, 512)})
    assert not found.placed
    assert found.points[found.joints.tolist().index(JOINT_INDEX["left_wrist"])].tolist() == [62, 124, 186]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"frames": []}, "no person"),
        ({"frames": [[]]}, "no person"),
        ({"frames": [[{"pred_keypoints_3d": [[1, 2, 3]]}]]}, "not 70 x 3"),
        ({"frames": [[{}]]}, "plain numbers|not 70 x 3"),
        (7, "holds no keypoints"),
    ],
)
def test_pose_data_that_is_none_gets_a_sentence(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        keypoints_from_pose_data(value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "not JSON"),
        ("3", "holds no keypoints"),
        ({}, "holds no keypoints"),
        ({"points": "many"}, "plain numbers"),
        ({"points": [[1, 2], [3, 4]]}, "K x 3"),
        ({"points": [[1, 2, 3]] * 19}, "19 keypoints, which no layout has"),
        ({"points": [[1, 2, 3]] * 17, "layout": "halpe"}, "not known"),
        ({"points": [[1, 2, 3]] * 17, "layout": "openpose25"}, "has 25"),
        ({"points": {"left_tail": [1, 2, 3]}}, "left_tail"),
        ({"points": {"left_knee": [1, 2]}}, "3 or 4"),
        ({"points": [[float("nan")] * 3] * 17}, "at least 4"),
    ],
)
def test_broken_files_get_a_sentence(tmp_path, content, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_keypoints(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_pickled_npz_is_refused(tmp_path):
    np.savez(tmp_path / "points.npz", points=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="never loaded"):
        read_keypoints(tmp_path / "points.npz")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["points", "pixels", "people", "layout"]), inner),
    max_leaves=12,
)


@given(content=JSON)
def test_any_json_gives_keypoints_or_a_sentence(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("any"), json.dumps(content))
    try:
        read_keypoints(path, [CAMERA])
    except ValueError as error:
        assert str(error).strip() and "\n" not in str(error)


@given(content=st.binary(max_size=60), suffix=st.sampled_from([".json", ".npz", ".txt"]))
def test_any_bytes_give_a_sentence(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("bytes") / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file"):
        read_keypoints(path)
