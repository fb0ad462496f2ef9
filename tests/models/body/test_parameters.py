import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modiste.models.body import JOINT_INDEX, read_body_parameters, write_body_parameters

PIECES = {
    "global_orient": 3,
    "body_pose": 63,
    "jaw_pose": 3,
    "leye_pose": 3,
    "reye_pose": 3,
    "left_hand_pose": 45,
    "right_hand_pose": 45,
}
FILES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder, content):
    path = folder / "parameters.json"
    path.write_text(json.dumps(content))
    return path


def refused(path, body, match):
    with pytest.raises(ValueError, match=match) as caught:
        read_body_parameters(path, body)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message


def test_smplx_names_land_on_their_joints_in_order(tmp_path, smplx_body):
    values = {name: np.full((1, count), index + 1, np.float32) for index, (name, count) in enumerate(PIECES.items())}
    path = tmp_path / "person.npz"
    np.savez(path, betas=np.arange(1.0, 5.0)[None], transl=[[1, 2, 3]], gender="neutral", expression=np.zeros(10), **values)
    parameters = read_body_parameters(path, smplx_body)
    assert parameters.shape.tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]
    assert parameters.translation.tolist() == [1, 2, 3]
    expected = {
        "pelvis": 1,
        "left_hip": 2,
        "right_wrist": 2,
        "jaw": 3,
        "left_eye": 4,
        "right_eye": 5,
        "left_index1": 6,
        "right_thumb3": 7,
    }
    assert {name: float(parameters.pose[JOINT_INDEX[name], 1]) for name in expected} == expected


def test_npz_and_json_say_the_same(tmp_path, smplx_body):
    content = {"betas": np.linspace(-1, 1, 10), "body_pose": np.linspace(0, 1, 63).reshape(21, 3)}
    np.savez(tmp_path / "a.npz", **content)
    first = read_body_parameters(tmp_path / "a.npz", smplx_body)
    second = read_body_parameters(write(tmp_path, {name: values.tolist() for name, values in content.items()}), smplx_body)
    assert torch.equal(first.shape, second.shape)
    assert torch.equal(first.pose, second.pose)


def test_what_is_written_is_read_back_exactly(tmp_path, body, random_parameters):
    parameters = random_parameters(body)
    write_body_parameters(tmp_path / "mine.json", parameters)
    back = read_body_parameters(tmp_path / "mine.json", body)
    for name in ("shape", "pose", "translation"):
        assert torch.equal(getattr(back, name), getattr(parameters, name))


def test_smplx_parameters_for_another_body_are_refused(tmp_path, body):
    refused(write(tmp_path, {"betas": [0.0] * 10}), body, "SMPL-X model file")


def test_missing_names_are_zero(tmp_path, body):
    parameters = read_body_parameters(write(tmp_path, {"translation": [0, 1, 0]}), body)
    assert parameters.pose.abs().max() == 0
    assert parameters.shape.shape == (body.shape_size,)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({}, "no body parameters"),
        ([1, 2], "no names"),
        ({"pose": "standing"}, "plain numbers"),
        ({"pose": [[0, 0, 0], [1]]}, "plain numbers"),
        ({"pose": {"x": 1}}, "plain numbers"),
        ({"pose": [[0.0] * 3] * 54}, "165"),
        ({"pose": [[0.0] * 55] * 3}, "165"),
        ({"pose": [[[0.0] * 3] * 55] * 2}, "165"),
        ({"shape": [[0.0] * 5, [0.0] * 5]}, "at most"),
        ({"shape": [1.0] * 500}, "at most"),
        ({"translation": [0, math.nan, 0]}, "not finite"),
        ({"translation": [0, None, 0]}, "not finite"),
        ({"translation": [0, 1e30, 0]}, "far too large"),
        ({"translation": 3}, "3 numbers"),
    ],
)
def test_bad_content_gets_one_sentence(tmp_path, body, content, match):
    refused(write(tmp_path, content), body, match)


def test_a_name_said_twice_is_refused(tmp_path, smplx_body):
    refused(write(tmp_path, {"pose": [0.0] * 165, "jaw_pose": [0.0] * 3}), smplx_body, "both")


def test_pca_hands_are_refused(tmp_path, smplx_body):
    refused(write(tmp_path, {"left_hand_pose": [0.0] * 12}), smplx_body, "left_hand_pose.*45")


def test_pickled_parameters_are_refused_unopened(tmp_path, body):
    trace = tmp_path / "exploded"

    class Bomb:
        def __reduce__(self):
            return (type(trace).touch, (trace,))

    np.savez(tmp_path / "evil.npz", pose=np.array([Bomb()], dtype=object))
    refused(tmp_path / "evil.npz", body, "pickled")
    assert not trace.exists()


def test_huge_array_is_refused_unread(tmp_path, body):
    np.savez_compressed(tmp_path / "huge.npz", pose=np.zeros(2_000_000))
    refused(tmp_path / "huge.npz", body, "2000000")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"pose": ' + b"9" * 5000 + b"}"])
def test_broken_json_gets_one_sentence(tmp_path, body, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    refused(path, body, "broken")


def test_other_kinds_of_file_are_refused(tmp_path, body):
    path = tmp_path / "pose.pkl"
    path.write_bytes(b"")
    refused(path, body, "npz or a .json")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@FILES
@given(
    content=st.dictionaries(
        st.sampled_from(["shape", "pose", "translation", "betas", "jaw_pose", "other"]), json_values, max_size=4
    )
)
def test_any_json_is_read_or_refused_in_one_sentence(tmp_path, smplx_body, content):
    path = write(tmp_path, content)
    try:
        parameters = read_body_parameters(path, smplx_body)
    except ValueError as error:
        assert "\n" not in str(error)
        assert path.name in str(error)
    else:
        assert parameters.pose.shape == (55, 3)
        assert all(torch.isfinite(getattr(parameters, name)).all() for name in ("shape", "pose", "translation"))


@FILES
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".json", ".npz"]))
def test_any_bytes_get_one_sentence(tmp_path, body, content, suffix):
    path = tmp_path / f"bytes{suffix}"
    path.write_bytes(content)
    refused(path, body, "bytes")
