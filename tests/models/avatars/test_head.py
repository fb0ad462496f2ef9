from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import HEAD, LABEL_INDEX, align_head, transform
from modiste.models.avatars.head import TONGUE, mean_rigid
from modiste.models.avatars.neck import cut_at_neck, head_and_neck, neck_tube
from modiste.models.avatars.selection import vertices_labelled
from modiste.models.body import JOINT_INDEX


def rms(points):
    return points.square().sum(-1).mean().sqrt()


def rigid_fit(source, target):
    """Kabsch: the rotation and the residual of the best rigid map."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, _, vt = torch.linalg.svd(a.T @ b)
    turn = (u @ torch.diag(torch.tensor([1, 1, torch.linalg.det(u @ vt).sign()])) @ vt).T
    return turn, (a @ turn.T - b).norm(dim=-1)


def test_the_neck_is_cut_along_a_straight_line(model):
    tube = neck_tube(model.body)
    cut = cut_at_neck(model, tube)
    chosen = head_and_neck(cut, tube)
    height = tube.height(cut.mesh.vertices)
    neck = chosen & vertices_labelled(cut, ("torso_skin",))
    assert height[neck].min() > -2e-5
    on_line = neck & (height.abs() < 2e-5)
    away = cut.mesh.vertices[on_line] - cut.mesh.vertices[on_line].mean(0)
    side = torch.linalg.cross(tube.axis, torch.tensor([0.0, 0, 1]), dim=0)
    angle = torch.atan2(away @ side, away @ torch.linalg.cross(side, tube.axis, dim=0)).sort().values
    assert angle.diff().max() < 0.4  # all the way round
    assert len(cut.gaussians) == len(model.gaussians)


def test_a_raised_shoulder_is_no_neck(model):
    tube = neck_tube(model.body)
    wide = replace(tube, radius=10 * tube.radius, length=10 * tube.length)
    chosen = head_and_neck(cut_at_neck(model, wide), wide)
    cut = cut_at_neck(model, wide)
    far = wide.distance(cut.mesh.vertices) > 0.25
    assert not (chosen & far).any()


def test_specks_far_from_the_head_are_dropped(model):
    labels = model.labels.clone()
    foot = model.mesh.vertices[:, 1].argmin()
    near_foot = (model.mesh.vertices - model.mesh.vertices[foot]).norm(dim=-1) < 0.03
    labels[near_foot] = LABEL_INDEX["hair"]
    tube = neck_tube(model.body)
    assert not head_and_neck(replace(model, labels=labels), tube)[near_foot].any()


def test_a_large_piece_far_from_the_head_is_dropped_too(model):
    legs = model.mesh.vertices[:, 1] < model.mesh.vertices[:, 1].min() + 0.5
    labels = torch.where(legs, LABEL_INDEX["hair"], model.labels)
    chosen = head_and_neck(replace(model, labels=labels), neck_tube(model.body))
    assert int(legs.sum()) > 0.02 * len(legs)
    assert not chosen[legs].any() and chosen[model.labels == LABEL_INDEX["face"]].all()


def test_hair_may_hang_down_to_the_waist(model):
    joints = model.body.posed().joints
    x, y, z = (model.mesh.vertices - joints[JOINT_INDEX["pelvis"]]).unbind(1)
    back = (y > 0.1) & (z < -0.02) & (x.abs() < 0.15) & (model.labels != LABEL_INDEX["face"])
    scalp = (model.labels == LABEL_INDEX["face"]) & (z < 0)
    labels = torch.where(back | scalp, LABEL_INDEX["hair"], model.labels)
    chosen = head_and_neck(replace(model, labels=labels), neck_tube(model.body))
    assert chosen[back].float().mean() > 0.9
    assert (joints[JOINT_INDEX["head"], 1] - model.mesh.vertices[chosen, 1]).max() > 0.4


@pytest.mark.parametrize("name", ["face", "hair"])
@pytest.mark.parametrize("reach", [0.15, 0.8, 9.0])  # metres above the floor
def test_labels_on_other_parts_than_the_head_are_refused_in_a_sentence(user, model, name, reach):
    low = user.mesh.vertices[:, 1] < user.mesh.vertices[:, 1].min() + reach
    labels = torch.where(low, LABEL_INDEX[name], LABEL_INDEX["clothes"])
    with pytest.raises(ValueError, match="face and hair miss the avatar's head"):
        align_head(replace(user, labels=labels), model)


def test_an_upper_body_that_is_all_face_is_refused_in_a_sentence(user, model):
    high = user.mesh.vertices[:, 1] > user.body.posed().joints[JOINT_INDEX["pelvis"], 1]
    labels = torch.where(high, LABEL_INDEX["face"], LABEL_INDEX["clothes"])
    with pytest.raises(ValueError, match="face and hair miss the avatar's head"):
        align_head(replace(user, labels=labels), model)


def test_labels_without_a_head_are_refused_in_a_sentence(user, model):
    blind = replace(user, labels=torch.full_like(user.labels, LABEL_INDEX["clothes"]))
    with pytest.raises(ValueError, match="name no face and no hair"):
        align_head(blind, model)


def test_missing_labels_are_refused_in_a_sentence(user, model):
    with pytest.raises(ValueError, match="no labels"):
        align_head(replace(user, labels=None), model)


def test_a_model_without_a_body_is_refused_in_a_sentence(user, model):
    with pytest.raises(ValueError, match="model avatar has no body"):
        align_head(user, replace(model, body=None))


def test_the_face_moves_as_one_rigid_piece(user, model):
    head = align_head(user, model)
    tube = neck_tube(user.body)
    before = cut_at_neck(user, tube, TONGUE)
    chosen = head_and_neck(before, tube, TONGUE)
    kept = torch.unique(before.mesh.faces[chosen[before.mesh.faces].all(1)])
    source = before.mesh.vertices[kept]
    face = vertices_labelled(head, HEAD)
    turn, residual = rigid_fit(source[face], head.mesh.vertices[face])
    assert residual.max() < 1e-4
    pose = user.body.parameters.pose
    assert torch.equal(pose, torch.zeros_like(pose))
    wanted = model.body.posed().transforms[JOINT_INDEX["head"], :3, :3]
    torch.testing.assert_close(turn, wanted, atol=0.02, rtol=0)


def test_the_head_stands_on_the_models_neck(user, model):
    head = align_head(user, model)
    neck = JOINT_INDEX["neck"]
    torch.testing.assert_close(head.body.posed().joints[neck], model.body.posed().joints[neck], atol=1e-5, rtol=0)
    tube = neck_tube(model.body)
    skin = vertices_labelled(head, ("torso_skin",))
    assert tube.height(head.mesh.vertices)[skin].min() < -0.01
    assert (tube.distance(head.mesh.vertices)[skin] < 2 * tube.radius).all()


def test_the_place_of_the_user_does_not_matter(user, model):
    here = align_head(user, model)
    there = align_head(transform(user, translation=torch.tensor([2.0, -1, 3])), model)
    torch.testing.assert_close(there.mesh.vertices, here.mesh.vertices, atol=2e-5, rtol=0)


def test_match_size_gives_the_neck_the_models_length(user, model):
    plain, matched = align_head(user, model), align_head(user, model, match_size=True)
    ratio = neck_tube(model.body).length / neck_tube(user.body).length
    size = [rms(head.mesh.vertices - head.mesh.vertices.mean(0)) for head in (plain, matched)]
    torch.testing.assert_close(size[1] / size[0], torch.tensor(ratio), atol=1e-4, rtol=1e-4)


def test_the_mean_transform_ignores_outliers_and_quaternion_signs(shapes):
    turn, shift = shapes.rotation(7), torch.tensor([0.2, 0.1, -0.4])
    transforms = torch.eye(4).repeat(100, 1, 1)
    transforms[:, :3, :3], transforms[:, :3, 3] = turn, shift
    transforms[:4, :3, :3], transforms[:4, :3, 3] = shapes.rotation(8), shift + 3
    points = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    rotation, centre, goal = mean_rigid(transforms, points)
    torch.testing.assert_close(rotation, turn, atol=1e-5, rtol=0)
    torch.testing.assert_close(goal, turn @ centre + shift, atol=1e-5, rtol=0)
