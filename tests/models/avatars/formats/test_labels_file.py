import json

import numpy as np
import pytest
from hypothesis import strategies as st

from modiste.models.avatars.formats.labels_file import read_labels


def read_json(tmp_path, data, count=4):
    (tmp_path / "a.json").write_text(data if isinstance(data, str) else json.dumps(data))
    return read_labels(tmp_path / "a.json", count).tolist()


def read_npy(tmp_path, array, count=4, **options):
    np.save(tmp_path / "a.npy", array)
    return read_labels(tmp_path / "a.npy", count, **options).tolist()


def test_a_list_of_names_or_indices_is_read(tmp_path):
    assert read_json(tmp_path, {"labels": ["face", 1, "shoes", "clothes"]}) == [0, 1, 9, 8]


def test_vertices_under_names_are_read(tmp_path):
    assert read_json(tmp_path, {"hair": [2, 0], "hands": [1], "face": [3]}) == [1, 7, 1, 0]


def test_an_array_of_indices_is_read(tmp_path):
    assert read_npy(tmp_path, np.array([9, 0, 4, 4], np.uint8)) == [9, 0, 4, 4]


def test_the_classes_of_4d_dress_become_labels(tmp_path):
    assert read_npy(tmp_path, np.arange(6), 6, layout="4d-dress") == [2, 1, 9, 8, 8, 8]


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"labels": [0, 9]}')
    assert read_labels(tmp_path / "a.json", 2).tolist() == [0, 9]


REFUSED = {
    "has 3 labels and the mesh has 4 vertices": {"labels": [0, 0, 0]},
    r"unknown labels \('beard', 'nose'\); the known ones are face, hair": {"labels": ["nose", "face", "beard", "nose"]},
    r"unknown labels \('trousers'\)": {"trousers": [0]},
    r"has the labels \[12\]; they count from 0 to 9": {"labels": [0, 0, 0, 12]},
    "unknown labels": {"labels": [0, 0, 0, -1]},
    "leaves 1 of 4 vertices without a label": {"face": [0, 1, 2]},
    "under 'face' that the mesh of 4 does not": {"face": [4]},
    "list under": {"labels": "face"},
    "is not JSON": "{",
    "has to hold": [1, 2],
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_json(tmp_path, REFUSED[sentence])
    assert "'a.json'" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("array", [np.zeros((4, 1), int), np.zeros(4), np.array(["face"] * 4)])
def test_arrays_that_are_no_list_of_integers_are_refused(tmp_path, array):
    with pytest.raises(ValueError, match="one list of whole numbers"):
        read_npy(tmp_path, array)


def test_pickled_labels_are_refused_unopened(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        file.write(b"cpytest\nfail\n(Vthe file was unpickled\ntR.")  # whoever unpickles this calls pytest.fail
    with pytest.raises(ValueError, match="array of plain numbers"):
        read_labels(tmp_path / "a.npy", 1)


def test_an_unknown_ending_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"neither \.npy nor \.json"):
        read_labels(tmp_path / "a.pkl", 4)


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    np.save(tmp_path / "good.npy", np.arange(4))
    data = (tmp_path / "good.npy").read_bytes()
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )

    reads_or_refuses(
        lambda path: read_labels(path, 4), tmp_path / "a.npy", damaged(data, b"(4,)", b"<i8", b"descr", b"False", b"4")
    )

    structured = st.dictionaries(st.sampled_from(["labels", "face", "hair"]), values) | values
    reads_or_refuses(lambda path: read_labels(path, 4), tmp_path / "a.json", structured.map(lambda v: json.dumps(v).encode()))
    reads_or_refuses(
        lambda path: read_labels(path, 4), tmp_path / "a.json", damaged(b'{"labels": [0, "face", 2, 3]}', b"0", b"[", b'"face"')
    )
