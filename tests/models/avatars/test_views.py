import pytest
import torch

from modiste.models.avatars.binding import world_gaussians
from modiste.models.avatars.sampling import sample_gaussians
from modiste.models.avatars.types import Avatar
from modiste.models.avatars.views import Views, camera_ring, depth_pictures, parse_color, render_views
from modiste.models.geometry import Mesh


@pytest.fixture
def box():
    """A box of 0.4 x 1.0 x 0.2 m, red in front (+Z) and blue elsewhere."""
    corners = torch.tensor([[x, y, z] for x in (-0.2, 0.2) for y in (0.0, 1.0) for z in (-0.1, 0.1)])
    quads = [(1, 5, 7, 3), (4, 0, 2, 6), (0, 1, 3, 2), (5, 4, 6, 7), (2, 3, 7, 6), (0, 4, 5, 1)]
    vertices = torch.cat([corners[list(quad)] for quad in quads])
    faces = torch.cat([torch.tensor([[0, 1, 2], [0, 2, 3]]) + 4 * index for index in range(6)])
    colors = torch.tensor([[0.9, 0.1, 0.1]] * 4 + [[0.1, 0.1, 0.9]] * 20)
    mesh = Mesh(vertices, faces, colors=colors)
    return Avatar(mesh, sample_gaussians(mesh, 4000, seed=0))


def pictures(avatar, **how):
    ring = camera_ring(avatar, **{"count": 1, "width": 96, "height": 128} | how)
    return render_views(world_gaussians(avatar.mesh, avatar.gaussians), ring.cameras, torch.zeros(3))


def test_the_first_view_faces_the_front_and_the_third_of_four_the_back(box):
    seen = pictures(box, count=4)
    front, back = seen.images[0, 64, 48], seen.images[2, 64, 48]
    assert front[0] > 0.8 > front[2] and back[2] > 0.8 > back[0]


def test_the_whole_box_is_in_every_picture(box):
    masks = pictures(box, count=6, elevation=20.0).masks
    assert (masks.amax((1, 2)) > 0.9).all()
    border = torch.cat([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], dim=1)
    assert border.max() < 0.3  # the soft rim of Gaussians may touch it
    assert (masks > 0.5).float().mean() > 0.1


def test_a_camera_from_a_viewer_gives_its_own_picture_and_the_turn_goes_on_from_it(box):
    camera = {
        "position": {"x": 3.0, "y": 0.5, "z": 0.0},
        "target": {"x": 0.0, "y": 0.5, "z": 0.0},
        "fov": 30.0,
        "zoom": 1.0,
        "cameraType": "perspective",
    }
    seen = pictures(box, count=4, first=camera)
    assert seen.images[0, 64, 48, 2] > 0.8  # from +X: a side
    assert seen.images[3, 64, 48, 0] > 0.8  # three quarters round: the front
    narrow, wide = (seen.masks[index] > 0.5 for index in (0, 3))
    assert wide.sum() > 1.5 * narrow.sum()


def test_depth_is_white_near_grey_far_and_black_where_nothing_is():
    masks = torch.tensor([[[1.0, 1.0, 0.0]]])
    depths = torch.tensor([[[2.0, 4.0, 0.0]]])
    picture = depth_pictures(Views(torch.zeros(1, 1, 3, 3), masks, depths))
    assert torch.allclose(picture[0, 0, :, 0], torch.tensor([1.0, 0.1, 0.0]))


def test_a_head_needs_labels_to_be_framed(box):
    with pytest.raises(ValueError, match="whole"):
        camera_ring(box, 1, 64, 64, framing="head")


def test_colours_are_written_as_hexadecimal():
    assert torch.allclose(parse_color("#ff8000"), torch.tensor([1.0, 128 / 255, 0.0]))
    for text in ("red", "#ff80", "#ff80000", ""):
        with pytest.raises(ValueError, match="#rrggbb"):
            parse_color(text)


def test_a_cancelled_turn_stops_between_pictures(box):
    done = []

    def progress(at, total):
        done.append(at)
        if at == 2:
            raise KeyboardInterrupt

    ring = camera_ring(box, 10, 64, 64)
    with pytest.raises(KeyboardInterrupt):
        render_views(world_gaussians(box.mesh, box.gaussians), ring.cameras, torch.zeros(3), progress)
    assert done == [0, 1, 2]


def test_a_camera_without_a_target_is_refused(box):
    looking = {"position": {"x": 3.0, "y": 0.5, "z": 0.0}, "quaternion": {"x": 0.0, "y": 0.7, "z": 0.0, "w": 0.7}, "fov": 30.0}
    with pytest.raises(ValueError, match="target"):
        camera_ring(box, 1, 64, 64, first=looking)


def test_more_pictures_than_memory_holds_are_refused_before_the_first(box):
    with pytest.raises(ValueError, match="fewer or smaller"):
        camera_ring(box, 360, 4096, 4096)
