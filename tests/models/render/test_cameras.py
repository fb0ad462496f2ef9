"""Cameras: where things appear in the picture, and what three.js and core would make of the same camera."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from modiste.models.render import Camera, camera_from_load3d, camera_to_load3d, fit_distance, look_at, orbit_cameras

CENTER = torch.tensor([0.0, 0.9, 0.0])


def pixel(camera, point):
    """Project one world point by the definition of the intrinsics; returns x, y and z."""
    x, y, z = camera.view[:3, :3] @ torch.as_tensor(point, dtype=torch.float32) + camera.view[:3, 3]
    k = camera.intrinsics
    return float(k[0, 0] * x / z + k[0, 2]), float(k[1, 1] * y / z + k[1, 2]), float(z)


def threejs_pixel(info, point, width, height):
    """Where three.js puts a world point: local = R^T (p - position), looking down -Z, Y up, fov over the smaller side."""
    q = info["quaternion"]
    turn = Rotation.from_quat([q["x"], q["y"], q["z"], q["w"]]).as_matrix()
    x, y, z = turn.T @ (np.asarray(point) - [info["position"][c] for c in "xyz"])
    focal = info["zoom"] * min(width, height) / 2 / math.tan(math.radians(info["fov"]) / 2)
    return width / 2 + focal * x / -z, height / 2 - focal * y / -z, -z


def test_target_is_in_the_middle_and_up_is_up():
    camera = look_at(torch.tensor([1.0, 2.0, 3.0]), CENTER, 40.0, 200, 100)
    distance = math.dist([1, 2, 3], CENTER.tolist())
    assert pixel(camera, CENTER) == pytest.approx((100, 50, distance), abs=1e-4)
    assert pixel(camera, [0, 1.2, 0])[1] < 50
    assert camera.position.tolist() == pytest.approx([1, 2, 3], abs=1e-5)


def test_view_is_a_proper_rotation():
    turn = look_at(torch.tensor([1.0, 2.0, 3.0]), CENTER, 40.0, 200, 100).view[:3, :3].double()
    assert torch.allclose(turn @ turn.T, torch.eye(3).double(), atol=1e-6)
    assert torch.linalg.det(turn).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (128, 128)])
def test_field_of_view_spans_the_smaller_side(width, height):
    camera = look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 60.0, width, height)
    edge = 2 * math.tan(math.radians(30))
    point = [0, edge, 0] if height <= width else [edge, 0, 0]
    x, y, _ = pixel(camera, point)
    assert (y if height <= width else width - x) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("height", [5.0, -5.0])
def test_straight_down_and_up_are_valid_views(height):
    camera = look_at(torch.tensor([0.0, height, 0.0]), torch.zeros(3), 40.0, 64, 64)
    assert torch.isfinite(camera.view).all()
    assert pixel(camera, [0, 0, 0]) == pytest.approx((32, 32, 5), abs=1e-4)


def test_orbit_starts_at_the_face_and_goes_round_by_way_of_plus_x():
    first, second, third, fourth = orbit_cameras(CENTER, 2.0, 0.0, 4, 40.0, 64, 64)
    for camera, place in ((first, [0, 0.9, 2]), (second, [2, 0.9, 0]), (third, [0, 0.9, -2]), (fourth, [-2, 0.9, 0])):
        assert camera.position.tolist() == pytest.approx(place, abs=1e-5)
    # Seen in the face, a person's left hand (+X) is on the right of the picture.
    assert pixel(first, [0.5, 0.9, 0])[0] > 32
    assert pixel(third, [0.5, 0.9, 0])[0] < 32


def test_orbit_keeps_distance_and_elevation():
    for camera in orbit_cameras(CENTER, 3.0, 30.0, 7, 40.0, 64, 48, start_degrees=11.0):
        offset = camera.position - CENTER
        assert offset.norm().item() == pytest.approx(3, abs=1e-5)
        assert offset[1].item() == pytest.approx(1.5, abs=1e-5)
        assert pixel(camera, CENTER)[:2] == pytest.approx((32, 24), abs=1e-3)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (400, 400)])
@pytest.mark.parametrize("elevation", [0.0, 25.0])
def test_fitted_orbit_shows_every_point_and_wastes_little(width, height, elevation):
    points = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.3, 0.8, 0.2]) + CENTER
    target, distance = fit_distance(points, 35.0, width / height, elevation, margin=0.05)
    tightest = math.inf
    for camera in orbit_cameras(target, distance, elevation, 24, 35.0, width, height):
        for point in points:
            x, y, z = pixel(camera, point)
            assert z > 0
            tightest = min(tightest, x / width, 1 - x / width, y / height, 1 - y / height)
    assert tightest == pytest.approx(0.025, abs=1e-3)  # half of the margin, counted on the whole picture


finite = st.floats(-3, 3)


@given(
    quaternion=st.tuples(finite, finite, finite, finite).filter(lambda q: math.hypot(*q) > 0.1),
    position=st.tuples(finite, finite, finite),
    offset=st.tuples(finite, finite, st.floats(-5, -0.5)),
    fov=st.floats(5, 120),
    zoom=st.floats(0.2, 5),
)
def test_load3d_camera_sees_what_threejs_sees(quaternion, position, offset, fov, zoom):
    info = {
        "position": dict(zip("xyz", position, strict=True)),
        "quaternion": dict(zip("xyzw", quaternion, strict=True)),
        "fov": fov,
        "zoom": zoom,
        "cameraType": "perspective",
    }
    point = Rotation.from_quat(quaternion).apply(offset) + position  # in front of the camera
    expected = threejs_pixel(info, point, 320, 240)
    assert pixel(camera_from_load3d(info, 320, 240), point) == pytest.approx(expected, rel=1e-3, abs=0.05)


def test_load3d_camera_round_trip():
    camera = look_at(torch.tensor([1.0, 1.7, -2.0]), CENTER, 33.0, 320, 200)
    info = camera_to_load3d(camera, CENTER)
    again = camera_from_load3d(info, 320, 200)
    assert torch.allclose(again.view, camera.view, atol=1e-5)
    assert torch.allclose(again.intrinsics, camera.intrinsics, rtol=1e-5)
    assert info["target"] == pytest.approx({"x": 0, "y": 0.9, "z": 0})
    assert threejs_pixel(info, [0.2, 1.0, 0.1], 320, 200) == pytest.approx(pixel(camera, [0.2, 1.0, 0.1]), abs=1e-3)


def test_core_sees_an_exported_avatar_as_we_see_it_here():
    # Core holds splats Y down and looks at (x, -y, -z) through the three.js camera turned by the same half turn: the avatar leaves
    # this pack as (x, -y, -z), so both turns cancel.
    camera = look_at(torch.tensor([1.0, 1.7, 2.0]), CENTER, 33.0, 320, 200)
    info = camera_to_load3d(camera, CENTER)
    half_turn = np.diag([1.0, -1.0, -1.0])
    ours = np.array([0.2, 1.3, 0.1])
    exported = half_turn @ ours
    assert threejs_pixel(info, half_turn @ exported, 320, 200) == pytest.approx(pixel(camera, ours), abs=1e-3)


def test_load3d_camera_without_quaternion_looks_at_its_target():
    info = {"position": {"x": 0, "y": 1, "z": 4}, "target": {"x": 0, "y": 1, "z": 0}, "fov": 35, "zoom": 2, "quaternion": None}
    camera = camera_from_load3d(info, 100, 100)
    assert pixel(camera, [0, 1, 0]) == pytest.approx((50, 50, 4), abs=1e-4)
    assert camera.intrinsics[0, 0].item() == pytest.approx(2 * 50 / math.tan(math.radians(17.5)), rel=1e-5)


GOOD = {"position": {"x": 0, "y": 1, "z": 4}, "target": {"x": 0, "y": 1, "z": 0}, "fov": 35}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cameraType": "orthographic"}, "perspective"),
        ({"position": None}, "position"),
        ({"position": {"x": 0, "y": 1}}, "position"),
        ({"position": {"x": 0, "y": math.nan, "z": 1}}, "position.y"),
        ({"position": {"x": 0, "y": "1", "z": 1}}, "position.y"),
        ({"target": {"x": 0, "y": 1, "z": 4}}, "target"),
        ({"fov": 180}, "field of view"),
        ({"fov": -1}, "field of view"),
        ({"zoom": -2}, "zoom"),
        ({"quaternion": {"x": 0, "y": 0, "z": 0, "w": 0}}, "quaternion"),
        ({"quaternion": {"x": 0, "y": 0}}, "quaternion"),
    ],
)
def test_bad_load3d_camera_is_one_sentence(change, says):
    with pytest.raises(ValueError, match=says) as error:
        camera_from_load3d({**GOOD, **change}, 64, 64)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_something_else_than_a_dictionary_is_no_camera():
    with pytest.raises(ValueError, match="dictionary"):
        camera_from_load3d([1, 2, 3], 64, 64)


def test_camera_that_load3d_cannot_say_is_refused():
    base = look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 40.0, 64, 64)
    for k in ([[80.0, 0, 32], [0, 90, 32], [0, 0, 1]], [[80.0, 0, 20], [0, 80, 32], [0, 0, 1]]):
        with pytest.raises(ValueError, match="LOAD3D_CAMERA"):
            camera_to_load3d(Camera(base.view, torch.tensor(k), 64, 64), torch.zeros(3))


def test_nothing_to_frame_is_an_error():
    with pytest.raises(ValueError, match="no points"):
        fit_distance(torch.zeros(0, 3), 35.0, 1.0)
