import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modiste.models.body import PART_INDEX, PARTS, BodyParameters, load_smplx
from modiste.models.body.skinning import apply_transforms, blend_transforms
from modiste.models.body.smplx_file import read_smplx_file
from modiste.models.geometry.rotation import axis_angle_to_matrix

from .conftest import smplx_arrays


class Bomb:
    """Writes a file if anyone unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def save(folder, arrays, **changes):
    path = folder / "model.npz"
    np.savez(path, **{key: array for key, array in {**arrays, **changes}.items() if array is not None})
    return path


def refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        load_smplx(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message


def test_vertices_equal_our_own_skinning_of_the_same_file(arrays, smplx_body, random_parameters):
    parameters = random_parameters(smplx_body)
    posed = smplx_body.posed(parameters)
    rest = torch.tensor(arrays["v_template"]) + torch.einsum(
        "vcs,s->vc", torch.tensor(arrays["shapedirs"])[..., :10], parameters.shape
    )
    bends = (axis_angle_to_matrix(parameters.pose[1:]) - torch.eye(3)).reshape(-1)
    corrected = rest + torch.einsum("vcp,p->vc", torch.tensor(arrays["posedirs"]), bends)
    ours = apply_transforms(blend_transforms(torch.tensor(arrays["weights"]), posed.transforms), corrected)
    torch.testing.assert_close(posed.vertices, ours, atol=1e-5, rtol=0)


def test_joints_equal_the_transforms_of_the_rest_joints(smplx_body, random_parameters):
    parameters = random_parameters(smplx_body, seed=4)
    posed = smplx_body.posed(parameters)
    joints = smplx_body.shaped(parameters.shape)[1]
    torch.testing.assert_close(posed.joints, apply_transforms(posed.transforms, joints), atol=1e-5, rtol=0)


def test_every_joint_answers_to_its_own_slot_of_the_pose(smplx_body):
    """Turning joint j alone moves exactly the joints below it, for every j: the order of hands, jaw and eyes is right."""
    rest = smplx_body.posed(smplx_body.rest())
    kintree = smplx_arrays()["kintree_table"][0].astype(np.int32)
    for joint in range(55):
        pose = torch.zeros(55, 3)
        pose[joint] = torch.tensor([0.5, 0.5, 0.5])
        moved = (smplx_body.posed(BodyParameters(torch.zeros(10), pose, torch.zeros(3))).joints - rest.joints).norm(dim=1) > 1e-5
        expected = {child for child in range(55) if child != joint and joint in ancestors(child, kintree)}
        assert set(torch.nonzero(moved)[:, 0].tolist()) == expected


def ancestors(joint, kintree):
    found = []
    while joint > 0:
        joint = int(kintree[joint])
        found.append(joint)
    return found


def test_four_hundred_columns_give_three_hundred_shape_coefficients(tmp_path):
    body = load_smplx(save(tmp_path, smplx_arrays(400)))
    assert body.shape_size == 300
    shape = torch.zeros(300)
    shape[299] = 1
    assert (body.shaped(shape)[0] - body.template).abs().max() > 0
    assert body.posed(BodyParameters(shape, torch.zeros(55, 3), torch.zeros(3))).vertices.shape == (10475, 3)


def test_loading_prints_nothing(tmp_path, arrays, capsys):
    load_smplx(save(tmp_path, arrays))
    assert capsys.readouterr().out == ""


def test_parts_come_from_the_skinning_weights(smplx_body):
    assert {PARTS[part] for part in smplx_body.parts.unique()} == set(PARTS)
    hand = smplx_body.template[smplx_body.parts == PART_INDEX["left_hand"]]
    assert hand[:, 0].min() > 0.5


@pytest.mark.parametrize("key", ["weights", "extra"])
def test_pickled_body_file_is_refused_unopened(tmp_path, arrays, key):
    trace = tmp_path / "exploded"
    bomb = np.array([Bomb(trace)], dtype=object)
    refused(save(tmp_path, arrays, **{key: bomb}), "pickled")
    assert not trace.exists()


def test_pickled_name_tables_of_the_official_files_are_left_unread(tmp_path, arrays):
    trace = tmp_path / "exploded"
    body = load_smplx(save(tmp_path, arrays, joint2num=np.array(Bomb(trace), dtype=object)))
    body.posed(body.rest())
    assert not trace.exists()


@pytest.mark.parametrize("key", sorted(smplx_arrays()))
def test_missing_array_is_named(tmp_path, arrays, key):
    refused(save(tmp_path, arrays, **{key: None}), f"no '{key}'")


@pytest.mark.parametrize(
    ("key", "array", "match"),
    [
        ("v_template", np.zeros((6890, 3), np.float32), "v_template.*6890"),
        ("shapedirs", np.zeros((10475, 3, 10), np.float32), "shapedirs"),
        ("shapedirs", np.zeros((10475, 3, 350), np.float32), "shapedirs"),
        ("f", np.zeros((20908, 3), np.float32), "integers"),
        ("weights", np.zeros((10475, 55), complex), "weights"),
        ("hands_meanl", np.zeros((45, 1), np.float32), "hands_meanl"),
        ("v_template", np.full((10475, 3), np.nan, np.float32), "not finite"),
        ("posedirs", np.full((10475, 3, 486), np.inf, np.float32), "not finite"),
        ("f", np.full((20908, 3), 10475), "faces"),
        ("lmk_faces_idx", np.full(51, -1), "landmarks"),
        ("weights", np.zeros((10475, 55), np.float32), "sum to 1"),
        ("kintree_table", np.zeros((2, 55), np.int64), "skeleton"),
    ],
)
def test_wrong_array_is_refused_in_one_sentence(tmp_path, arrays, key, array, match):
    refused(save(tmp_path, arrays, **{key: array}), match)


def test_truncated_file_is_refused(tmp_path, arrays):
    path = save(tmp_path, arrays)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "damaged")


def test_damaged_array_is_refused(tmp_path, arrays):
    path = save(tmp_path, arrays)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    refused(path, "damaged")


def test_huge_count_in_a_header_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "huge.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 3)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v_template.npy", header.getvalue() + b"0" * 100)
    refused(path, "damaged")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nobody\.npz"):
        load_smplx(tmp_path / "nobody.npz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_any_bytes_get_one_sentence(tmp_path, content):
    path = tmp_path / "bytes.npz"
    path.write_bytes(content)
    refused(path, "npz")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_altered_small_archive_gets_one_sentence(tmp_path, data):
    buffer = io.BytesIO()
    np.savez(buffer, v_template=np.zeros((5, 3), np.float32), f=np.zeros((4, 3), np.int64))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "altered.npz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with pytest.raises(ValueError, match="altered") as caught:
        read_smplx_file(path)
    assert "\n" not in str(caught.value)
