from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, rig, transfer_skinning, transform
from modiste.models.body import JOINT_INDEX, PARTS, BodyParameters, BodyState
from modiste.models.geometry import Mesh
from modiste.models.geometry.mesh import take_faces, vertex_normals


def arm_weight(weights):
    joints = [i for name, i in JOINT_INDEX.items() if any(word in name for word in ("elbow", "wrist", "index", "thumb", "ring"))]
    return weights[:, joints].sum(1)


def test_clothes_one_centimetre_off_take_the_weights_of_the_skin_below(user):
    body = user.body
    vertices, faces = body.posed().vertices, body.model.faces
    parts = torch.tensor([name in ("torso", "left_upper_leg", "right_upper_leg") for name in PARTS])
    keep = parts[body.model.parts][faces].all(1)
    lifted = vertices + 0.01 * vertex_normals(vertices, faces)
    cloth, index, _ = take_faces(Mesh(lifted, faces), keep)
    weights = transfer_skinning(cloth, body)
    difference = (weights - body.model.weights[index]).abs().sum(1) / 2
    assert difference.mean() < 0.02
    assert difference.quantile(0.95) < 0.1


def test_nearest_is_the_nearest_vertex(user):
    body = user.body
    weights = transfer_skinning(Mesh(body.posed().vertices, body.model.faces), body, method="nearest")
    assert torch.equal(weights, body.model.weights)


def test_weights_are_a_partition(user):
    weights = transfer_skinning(user.mesh, user.body, user.labels)
    assert (weights >= -1e-6).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)))


def test_a_skirt_between_the_hands_hangs_from_the_hips(shapes):
    pose = torch.zeros(55, 3)
    pose[16], pose[17] = torch.tensor([0.0, 0, -0.55]), torch.tensor([0.0, 0, 0.55])  # arms down
    person = shapes.person(seed=3, pose=pose)
    posed, hips = person.body.posed(), person.body.posed().joints[0]
    hands = posed.vertices[torch.isin(person.body.model.parts, torch.tensor([7, 8]))] - hips
    inner = torch.hypot(hands[:, 0], hands[:, 2]).min() - 0.02  # the skirt passes two centimetres inside the hands
    skirt = shapes.cylinder(radius=1.0, height=1.0)
    up = skirt.vertices[:, 1:2]
    top, bottom = -0.02, float(hands[:, 1].min()) - 0.2
    radius = 0.2 + (inner - 0.2) * (8 * (0.8 - up)).clamp(0, 1)  # a straight waistband, then a flare
    vertices = hips + torch.cat([skirt.vertices[:, :1] * radius, bottom + (top - bottom) * up, skirt.vertices[:, 2:] * radius], 1)
    labels = torch.full((len(vertices),), LABEL_INDEX["clothes"])
    weights = transfer_skinning(Mesh(vertices, skirt.faces), person.body, labels)
    plain = transfer_skinning(Mesh(vertices, skirt.faces), person.body, method="nearest")
    assert arm_weight(plain).max() > 0.9
    assert arm_weight(weights).max() < 0.05


def test_hair_on_a_shoulder_moves_with_the_head(user):
    body = user.body
    torso = body.model.parts == PARTS.index("torso")
    vertices, faces = body.posed().vertices, body.model.faces
    lock, index, _ = take_faces(Mesh(vertices + 0.01 * vertex_normals(vertices, faces), faces), torso[faces].all(1))
    high = lock.vertices[:, 1] > float(body.posed().joints[JOINT_INDEX["left_shoulder"], 1])
    as_clothes = transfer_skinning(lock, body, torch.full((len(index),), LABEL_INDEX["clothes"]))
    as_hair = transfer_skinning(lock, body, torch.full((len(index),), LABEL_INDEX["hair"]))
    shoulders = [JOINT_INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_collar", "right_collar")]
    assert as_clothes[high][:, shoulders].sum(1).mean() > 0.3
    assert as_hair[high][:, shoulders].sum(1).mean() < 0.4 * as_clothes[high][:, shoulders].sum(1).mean()


def test_a_piece_that_matches_nowhere_takes_the_closest_point(user, shapes):
    crown = user.mesh.vertices[user.mesh.vertices[:, 1].argmax()]
    hat = shapes.plane(size=0.1)
    hat = Mesh(hat.vertices + crown + torch.tensor([0, 0.2, 0]), hat.faces)  # upright and 20 cm above the head
    weights = transfer_skinning(hat, user.body)
    assert (weights[:, JOINT_INDEX["head"]] > 0.9).all()


def test_a_body_that_stands_elsewhere_is_refused_in_a_sentence(user):
    far = replace(user.body.parameters, translation=torch.tensor([10.0, 0, 0]))
    with pytest.raises(ValueError, match="far away from the avatar"):
        transfer_skinning(user.mesh, BodyState(user.body.model, far))


def test_rigging_without_a_body_is_refused_in_a_sentence(user):
    with pytest.raises(ValueError, match="connect Load Body"):
        rig(replace(user, body=None, skinning=None))


def test_rigging_with_another_body_puts_it_inside(user):
    moved = transform(user, translation=torch.tensor([0.0, 0.01, 0.0]))
    state = BodyState(user.body.model, BodyParameters(user.body.parameters.shape, torch.zeros(55, 3), torch.zeros(3)))
    rigged = rig(replace(moved, body=None, skinning=None), state)
    assert rigged.body is state
    assert rigged.skinning.shape == (len(user.mesh.vertices), 55)
