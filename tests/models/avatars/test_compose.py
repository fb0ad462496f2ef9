from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, align_head, compose, transfer_skin_tone, world_gaussians
from modiste.models.avatars.closest import closest_points
from modiste.models.avatars.graph import components
from modiste.models.avatars.neck import neck_tube
from modiste.models.geometry.mesh import face_normals
from modiste.models.render import orbit_cameras, render_splats


@pytest.fixture(scope="module")
def parts(user, model):
    return align_head(user, model), transfer_skin_tone(model, user)


@pytest.fixture(scope="module")
def composed(parts):
    return compose(*parts)


def test_the_body_below_the_neck_stays_as_it_was(composed, model):
    tube = neck_tube(model.body)
    before, after = (world_gaussians(a.mesh, a.gaussians) for a in (model, composed))
    low = before.positions[tube.height(before.positions) < -0.03]
    assert int((tube.height(after.positions) < -0.03).sum()) == len(low)
    assert nearest(low[::20], after.positions).max() < 1e-5


def test_the_result_has_the_models_body_and_everything_a_next_step_needs(composed, model):
    assert composed.body is model.body
    count = len(composed.mesh.vertices)
    assert composed.labels.shape == (count,)
    assert composed.skinning.shape == (count, 55)
    assert (composed.labels == LABEL_INDEX["face"]).any()
    assert int(composed.gaussians.face.max()) < len(composed.mesh.faces)


def test_nothing_of_the_models_head_is_left(parts, model):
    head, body = parts
    labels = body.labels.clone()
    labels[(labels == LABEL_INDEX["face"]) & (model.mesh.vertices[:, 1] > model.mesh.vertices[:, 1].max() - 0.08)] = LABEL_INDEX[
        "hair"
    ]
    joined = compose(head, replace(body, labels=labels))
    for name in ("face", "hair"):
        kept, own = (int((avatar.labels == LABEL_INDEX[name]).sum()) for avatar in (joined, head))
        assert kept <= own, name
    gone = model.mesh.vertices[body.labels == LABEL_INDEX["face"]]
    assert nearest(gone, joined.mesh.vertices).min() > 1e-6


def test_the_face_keeps_its_shape(composed, parts, model):
    head, _ = parts
    tube = neck_tube(model.body)
    high = tube.height(head.mesh.vertices) > 0.045
    expected = head.mesh.vertices[high & (head.labels == LABEL_INDEX["face"])]
    found = composed.mesh.vertices[composed.labels == LABEL_INDEX["face"]]
    assert nearest(expected[::7], found).max() < 1e-5


def test_no_hole_shows_at_the_neck(composed, model):
    tube = neck_tube(model.body)
    world = world_gaussians(composed.mesh, composed.gaussians)
    assert front_alpha(world, tube.point).min() > 0.95  # 6 mm without Gaussians give 0.91


def nearest(points, others):
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist").amin(1)


def front_alpha(world, point):
    """Coverage of a small square around the middle of the neck by its near side alone, from eight sides."""
    pictures = []
    for camera in orbit_cameras(point, 1.0, 0.0, 8, 12.0, 96, 96):
        near = (world.positions - point) @ camera.view[2, :3] < 0
        pictures.append(render_splats(world[near], camera, torch.zeros(3)).alpha[36:60, 36:60])
    return torch.stack(pictures)


def test_the_rims_meet(composed, model):
    """Where the plane cuts the result, the user's line lies on the model's."""
    tube = neck_tube(model.body)
    on_plane = (tube.height(composed.mesh.vertices).abs() < 3e-5) & (tube.distance(composed.mesh.vertices) < tube.radius)
    piece = components(composed.mesh.faces, len(composed.mesh.vertices))
    height = composed.mesh.vertices[:, 1]
    model_rim = composed.mesh.vertices[on_plane & (piece == piece[height.argmin()])]
    user_rim = composed.mesh.vertices[on_plane & (piece == piece[height.argmax()])]
    assert len(model_rim) > 20
    assert len(user_rim) > 20
    assert nearest(user_rim, model_rim).max() < 0.006  # rim vertices are about a centimetre apart


def test_a_blend_of_zero_leaves_the_neck_above_the_cut_as_is(parts, composed, model):
    head, body = parts
    above = head.mesh.vertices[neck_tube(model.body).height(head.mesh.vertices) > 1e-4]
    assert nearest(above, compose(head, body, blend=0.0).mesh.vertices).max() < 1e-6
    assert nearest(above, composed.mesh.vertices).max() > 1e-3


def test_a_body_without_a_head_label_is_refused_in_a_sentence(parts):
    head, body = parts
    blind = replace(body, labels=torch.full_like(body.labels, LABEL_INDEX["clothes"]))
    with pytest.raises(ValueError, match="name no face and no hair"):
        compose(head, blind)


def test_a_body_avatar_without_a_body_inside_is_refused_in_a_sentence(parts):
    head, body = parts
    with pytest.raises(ValueError, match="no body inside"):
        compose(head, replace(body, body=None))


def test_the_neck_goes_down_into_a_high_collar(parts, model):
    head, body = parts
    labels = body.labels.clone()
    labels[labels == LABEL_INDEX["torso_skin"]] = LABEL_INDEX["clothes"]
    joined = compose(head, replace(body, labels=labels))
    skin = joined.mesh.vertices[joined.labels == LABEL_INDEX["torso_skin"]]  # the user's alone
    assert neck_tube(model.body).height(skin).min() < -0.02
    cloth = joined.mesh.faces[(joined.labels == LABEL_INDEX["clothes"])[joined.mesh.faces].all(1)]
    found = closest_points(skin, joined.mesh.vertices, cloth)
    outwards = ((skin - found.point) * face_normals(joined.mesh.vertices, cloth)[found.face]).sum(-1)
    covered = neck_tube(model.body).height(skin) < -0.005
    assert outwards[covered].max() < 0
