"""Files of cameras: what other programs write lands where they would put it, and bad files get a sentence."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from modiste.models.render import look_at, orbit_cameras, resized
from modiste.models.render.camera_files import nearest_to_axes, read_cameras, write_cameras

POINT = np.array([0.1, 1.3, -0.2])


def pixel(camera, point):
    """Project a world point by the definition of the intrinsics."""
    seen = camera.view.double().numpy() @ [*point, 1]
    across = camera.intrinsics.double().numpy() @ seen[:3]
    return across[:2] / across[2]


def pose(seed=0):
    """An OpenGL camera-to-world matrix somewhere around the origin."""
    random = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(0.3 * random.normal(size=3)).as_matrix()
    matrix[:3, 3] = [0, 1, 3] + 0.2 * random.normal(size=3)
    return matrix


def opengl_pixel(matrix, point, fx, fy, cx, cy):
    """Where an OpenGL camera (x right, y up, looking down -z) shows a point, rows counted from the top."""
    x, y, z = np.linalg.inv(matrix)[:3] @ [*point, 1]
    return [fx * x / -z + cx, -fy * y / -z + cy]


def write(folder, data, name="transforms.json"):
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def transforms(*frames, **values):
    return {
        **values,
        "frames": [{"file_path": f"{i}.png", "transform_matrix": pose(i).tolist(), **f} for i, f in enumerate(frames)],
    }


LENS = {"fl_x": 110.0, "fl_y": 120.0, "cx": 50.0, "cy": 35.0, "w": 100, "h": 80}


def test_transforms_land_where_an_opengl_camera_shows_them(tmp_path):
    found = read_cameras(write(tmp_path, transforms({}, {"fl_x": 90.0}, **LENS)))
    assert found.names == ["0.png", "1.png"] and [(c.width, c.height) for c in found.cameras] == [(100, 80)] * 2
    assert pixel(found.cameras[0], POINT) == pytest.approx(opengl_pixel(pose(0), POINT, 110, 120, 50, 35), abs=1e-3)
    assert pixel(found.cameras[1], POINT) == pytest.approx(opengl_pixel(pose(1), POINT, 90, 120, 50, 35), abs=1e-3)


def test_a_file_with_an_angle_alone_takes_the_photos_size(tmp_path):
    path = write(tmp_path, transforms({}, camera_angle_x=0.7))
    with pytest.raises(ValueError, match="connect the photos"):
        read_cameras(path)
    focal = 40 / math.tan(0.35)
    found = read_cameras(path, (80, 60)).cameras[0]
    assert pixel(found, POINT) == pytest.approx(opengl_pixel(pose(0), POINT, focal, focal, 40, 30), abs=1e-3)


def test_cameras_are_sorted_by_name(tmp_path):
    path = write(tmp_path, transforms({"file_path": "b.png"}, {"file_path": "a.png"}, **LENS))
    found = read_cameras(path)
    assert found.names == ["a.png", "b.png"]
    assert torch.allclose(found.cameras[1].position, torch.tensor(pose(0)[:3, 3]).float(), atol=1e-5)


@pytest.mark.parametrize(
    ("up", "ours"),
    [("y-up", lambda x, y, z: (x, y, z)), ("z-up", lambda x, y, z: (x, z, -y)), ("y-down", lambda x, y, z: (x, -y, -z))],
)
def test_the_world_is_turned_and_scaled_and_pictures_stay(tmp_path, up, ours):
    path = write(tmp_path, transforms({}, **LENS))
    moved, plain = read_cameras(path, up=up, scale=2.5).cameras[0], read_cameras(path).cameras[0]
    assert pixel(moved, 2.5 * np.array(ours(*POINT))) == pytest.approx(pixel(plain, POINT), abs=1e-3)
    assert torch.linalg.det(moved.view[:3, :3]).item() == pytest.approx(1, abs=1e-5)


COLMAP_CAMERAS = "# comment\n1 PINHOLE 100 80 110 120 50 35\n7 SIMPLE_PINHOLE 200 160 230 100 80\n"


def colmap(folder, cameras=COLMAP_CAMERAS, images=None):
    turn = Rotation.from_rotvec([0.1, 0.2, -0.3])
    x, y, z, w = turn.as_quat()
    lines = [f"1 {w} {x} {y} {z} 0.5 -0.2 4 7 b.jpg", "", f"2 {w} {x} {y} {z} 0 0 5 1 a name.jpg", "10 20 -1 30.5 40 12"]
    (folder / "cameras.txt").write_text(cameras)
    (folder / "images.txt").write_text("# comment\n" + "\n".join(lines) + "\n" if images is None else images)
    return turn.as_matrix(), folder / "images.txt"


def test_a_second_angle_counts_and_a_fisheye_is_refused(tmp_path):
    frame = {"file_path": "a", "transform_matrix": pose().tolist()}
    data = {"camera_angle_x": 1.0, "camera_angle_y": 0.5, "w": 100, "h": 60, "frames": [frame]}
    camera = read_cameras(write(tmp_path, data)).cameras[0]
    assert float(camera.intrinsics[0, 0]) == pytest.approx(50 / math.tan(0.5))
    assert float(camera.intrinsics[1, 1]) == pytest.approx(30 / math.tan(0.25))
    for bent in ({"is_fisheye": True}, {"k5": 0.1}):
        with pytest.raises(ValueError, match="bends lines"):
            read_cameras(write(tmp_path, data | bent))


@pytest.mark.parametrize("name", ["images.txt", "cameras.txt"])
def test_colmap_lands_where_colmap_projects(tmp_path, name):
    turn, _ = colmap(tmp_path)
    found = read_cameras(tmp_path / name)
    assert found.names == ["a name.jpg", "b.jpg"]
    x, y, z = turn @ POINT + [0, 0, 5]
    assert pixel(found.cameras[0], POINT) == pytest.approx([110 * x / z + 50, 120 * y / z + 35], abs=1e-3)
    x, y, z = turn @ POINT + [0.5, -0.2, 4]  # of 200 x 160, brought to 100 x 80
    assert pixel(found.cameras[1], POINT) == pytest.approx([(230 * x / z + 100) / 2, (230 * y / z + 80) / 2], abs=1e-3)
    assert [(camera.width, camera.height) for camera in found.cameras] == [(100, 80)] * 2


@pytest.mark.parametrize(
    ("cameras", "images", "sentence"),
    [
        ("1 OPENCV 100 80 1 1 1 1 0 0 0 0", None, "model OPENCV, and only PINHOLE"),
        ("1 PINHOLE 100 80 110 120 50", None, "does not fit PINHOLE"),
        ("1 PINHOLE", None, "no camera"),
        ("1 PINHOLE 100 80 nan 120 50 35", None, "not a finite number"),
        ("1 PINHOLE 100 -80 110 120 50 35", None, "no number of pixels"),
        ("1 PINHOLE 100 80 -110 120 50 35", None, "focal length"),
        (None, "1 1 0 0 0 0 0 5 1 a.jpg\n2 1 0 0 0 0 0 5 1 b.jpg\n", "two lines for each image"),
        (None, "1 1 0 0 0 0 0 5 3 a.jpg\n\n", "names camera 3"),
        (None, "1 0 0 0 0 0 0 5 1 a.jpg\n\n", "rotation of length zero"),
        (None, "1 1 0 0 0 0 inf 5 1 a.jpg\n\n", "not a finite number"),
        (None, "# nothing\n", "has no cameras"),
    ],
)
def test_a_bad_colmap_model_is_refused_in_a_sentence(tmp_path, cameras, images, sentence):
    _, path = colmap(tmp_path, cameras or COLMAP_CAMERAS, images)
    with pytest.raises(ValueError, match=sentence):
        read_cameras(path)


def test_half_a_colmap_model_is_no_model(tmp_path):
    _, path = colmap(tmp_path)
    (tmp_path / "cameras.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"cameras\.txt"):
        read_cameras(path)


SKEWED = [[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([1, 2], "holds no cameras"),
        ({"w": 3}, "no list of frames"),
        ({"frames": []}, "has no cameras"),
        ({"frames": [7]}, "no list of frames"),
        (transforms({"transform_matrix": [[1]]}, **LENS), "4 x 4 finite numbers for '0.png'"),
        (transforms({"transform_matrix": [[math.nan] * 4] * 4}, **LENS), "4 x 4 finite numbers"),
        (transforms({"transform_matrix": SKEWED}, **LENS), "more than turn and move"),
        (transforms({}, **{**LENS, "k1": 0.1}), "bends lines"),
        (transforms({}, **{**LENS, "camera_model": "OPENCV_FISHEYE"}), "bends lines"),
        (transforms({}, w=100, h=80), "neither fl_x nor"),
        (transforms({}, **{**LENS, "fl_x": -3}), "focal length"),
        (transforms({}, **{**LENS, "fl_x": "wide"}), "fl_x for '0.png' that is not a finite number"),
        (transforms({}, **{**LENS, "w": 99.5}), "no number of pixels"),
        (transforms({}, {"w": 80, "h": 100}, **LENS), "'1.png' has 80 x 100 pixels"),
    ],
)
def test_bad_transforms_are_refused_in_a_sentence(tmp_path, data, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_cameras(write(tmp_path, data))


def test_what_is_no_file_of_cameras_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        read_cameras(tmp_path / "nothing.json")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"neither a \.json nor"):
        read_cameras(tmp_path / "notes.txt")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not JSON"):
        read_cameras(tmp_path / "bytes.json")
    with pytest.raises(ValueError, match="scale of the cameras is 0"):
        read_cameras(write(tmp_path, transforms({}, **LENS)), scale=0.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("frames", "w", "h", "fl_x", "cx", "k1", "camera_model", "camera_angle_x", "format", "cameras")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_json_there_are_cameras_or_a_sentence(tmp_path, data):
    content = {**transforms({}, {}, **LENS), "cameras": []}
    place = data.draw(st.sampled_from(("top", "frame", "matrix")))
    value = data.draw(json_values)
    if place == "top":
        content[data.draw(st.sampled_from(KEYS))] = value
    elif place == "frame":
        content["frames"][1][data.draw(st.sampled_from(("file_path", "transform_matrix", *KEYS)))] = value
    else:
        content["frames"][1]["transform_matrix"][data.draw(st.integers(0, 3))][data.draw(st.integers(0, 3))] = value
    check_cameras_or_sentence(write(tmp_path, content))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["1", "7", "PINHOLE", "100", "nan", "-1", "x.jpg", "#", "\n", "1e400", "0.5"]), max_size=40))
def test_whatever_words_stand_in_a_colmap_file_there_are_cameras_or_a_sentence(tmp_path, words):
    _, path = colmap(tmp_path)
    for name in ("cameras.txt", "images.txt"):
        before = (tmp_path / name).read_text()
        (tmp_path / name).write_text(before + " ".join(words))
        check_cameras_or_sentence(path)
        (tmp_path / name).write_text(before)


def check_cameras_or_sentence(path):
    try:
        found = read_cameras(path)
    except ValueError as error:
        assert str(error).startswith(f"'{path.parent.name}") or str(error).startswith("'"), error
        assert str(error).count("\n") == 0
        return
    assert len(found.cameras) == len(found.names) > 0 and found.target.isfinite().all()
    assert all(camera.view.isfinite().all() and camera.intrinsics.isfinite().all() for camera in found.cameras)


def test_our_own_file_keeps_every_digit_and_the_order(tmp_path):
    cameras = orbit_cameras(torch.tensor([0.1, 0.9, -0.3]), 2.7, 7.0, 5, 33.0, 120, 90)
    write_cameras(tmp_path / "own.json", cameras, ["e", "d", "c", "b", "a"])
    found = read_cameras(tmp_path / "own.json", up="z-up", scale=9.0)
    assert found.names == ["e", "d", "c", "b", "a"]
    for ours, true in zip(found.cameras, cameras, strict=True):
        assert ours.view.equal(true.view) and ours.intrinsics.equal(true.intrinsics)
        assert (ours.width, ours.height) == (120, 90)
    assert found.target.tolist() == pytest.approx([0.1, 0.9, -0.3], abs=1e-4)
    with pytest.raises(ValueError, match="5 cameras and 2 names"):
        write_cameras(tmp_path / "own.json", cameras, ["a", "b"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"view": SKEWED}, "more than turn and move"),
        ({"intrinsics": [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]}, "pinhole without skew"),
        ({"width": 0}, "no number of pixels"),
    ],
)
def test_a_bad_file_of_our_own_is_refused(tmp_path, change, sentence):
    write_cameras(tmp_path / "own.json", orbit_cameras(torch.zeros(3), 2.0, 0.0, 2, 30.0, 20, 20), ["a", "b"])
    data = json.loads((tmp_path / "own.json").read_text())
    data["cameras"][1].update(change)
    with pytest.raises(ValueError, match=sentence):
        read_cameras(write(tmp_path, data))


def test_parallel_cameras_look_at_a_point_before_them():
    camera = look_at(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 0.0]), 30.0, 20, 20)
    assert nearest_to_axes([camera, camera]).tolist() == pytest.approx([1, 2, 2])


def test_a_camera_of_another_size_shows_the_same():
    camera = look_at(torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), 40.0, 100, 75)
    larger = resized(camera, 201, 150)  # rounded to whole pixels
    assert pixel(larger, POINT) == pytest.approx(pixel(camera, POINT) * [2.01, 2], abs=1e-3)
    for width, height in ((75, 100), (100, 80), (100, 70)):
        with pytest.raises(ValueError, match="another shape"):
            resized(camera, width, height)
