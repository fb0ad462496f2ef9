from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, align_head, compose, transfer_skin_tone, world_gaussians
from modiste.models.avatars.graph import components
from modiste.models.avatars.neck import neck_tube
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


def test_nothing_of_the_models_head_is_left(composed, parts, model):
    head, _ = parts
    face = composed.labels == LABEL_INDEX["face"]
    users = head.labels == LABEL_INDEX["face"]
    assert int(face.sum()) <= int(users.sum())


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
    skin = render_alpha(world, tube.point)
    assert skin.min() > 0.85


def nearest(points, others):
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist").amin(1)


def render_alpha(world, point):
    """Coverage of a small square around the middle of the neck, from eight sides."""
    cameras = orbit_cameras(point, 1.0, 0.0, 8, 12.0, 96, 96)
    pictures = [render_splats(world, camera, torch.zeros(3)).alpha[36:60, 36:60] for camera in cameras]
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


def test_a_blend_of_zero_joins_as_is(parts):
    joined = compose(*parts, blend=0.0)
    assert world_gaussians(joined.mesh, joined.gaussians).positions.isfinite().all()


def test_a_body_without_a_head_label_is_refused_in_a_sentence(parts):
    head, body = parts
    blind = replace(body, labels=torch.full_like(body.labels, LABEL_INDEX["clothes"]))
    with pytest.raises(ValueError, match="name no face and no hair"):
        compose(head, blind)


def test_a_body_avatar_without_a_body_inside_is_refused_in_a_sentence(parts):
    head, body = parts
    with pytest.raises(ValueError, match="no body inside"):
        compose(head, replace(body, body=None))


def test_a_high_collar_is_no_obstacle(parts):
    head, body = parts
    labels = body.labels.clone()
    labels[labels == LABEL_INDEX["torso_skin"]] = LABEL_INDEX["clothes"]
    joined = compose(head, replace(body, labels=labels))
    assert world_gaussians(joined.mesh, joined.gaussians).positions.isfinite().all()
