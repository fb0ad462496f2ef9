"""The skeleton: moved inside, and a body drawn in to it."""

import pytest
import torch

from modiste.models.avatars.reshape.distance_grid import clothed_distance
from modiste.models.avatars.reshape.skeleton import BONES, Skeleton, drawn_in, settled
from modiste.models.body.joints import JOINT_INDEX


@pytest.fixture(scope="module")
def person(shapes):
    return shapes.person(1)


@pytest.fixture(scope="module")
def clothed(person):
    return clothed_distance(person.mesh.vertices, person.mesh.faces)


def along_bones(joints):
    ends = torch.tensor(BONES)
    share = torch.linspace(0, 1, 9)[:, None, None]
    return ((1 - share) * joints[ends[:, 0]] + share * joints[ends[:, 1]]).reshape(-1, 3).double()


def test_a_bone_outside_comes_in_and_keeps_its_length(person, clothed):
    joints = person.body.posed().joints
    away = joints.clone()
    for name in ("left_elbow", "left_wrist"):
        away[JOINT_INDEX[name], 2] += 0.09
    assert float(clothed(along_bones(away)).max()) > 0.02
    found = settled(Skeleton(away), clothed).joints
    assert float(clothed(along_bones(found)).max()) < 0.01
    ends = torch.tensor(BONES)
    before, after = ((j[ends[:, 0]] - j[ends[:, 1]]).norm(dim=1) for j in (away, found))
    assert float((after / before - 1).abs().max()) < 0.25


def test_a_skeleton_that_lies_inside_stays(person, clothed):
    joints = person.body.posed().joints
    assert float(clothed(along_bones(joints)).max()) < 0
    assert settled(Skeleton(joints), clothed).joints.equal(joints)


def test_a_mesh_that_is_inside_out_has_the_same_inside(person, clothed):
    turned = clothed_distance(person.mesh.vertices, person.mesh.faces.flip(1))
    places = along_bones(person.body.posed().joints)
    assert float((turned(places) - clothed(places)).abs().max()) < 0.01


def test_what_lies_well_hardly_moves_where_another_bone_comes_in(person, clothed):
    joints = person.body.posed().joints.clone()
    joints[JOINT_INDEX["left_wrist"], 2] += 0.09
    moved = (settled(Skeleton(joints), clothed).joints - joints).norm(dim=1)
    big = [JOINT_INDEX[name] for name in ("pelvis", "spine3", "neck", "head", "right_shoulder", "left_knee")]
    assert float(moved[big].max()) < 0.02 < float(moved[JOINT_INDEX["left_wrist"]])


def test_a_body_drawn_in_is_thin_and_lies_on_the_bones(person, shapes):
    target = shapes.person(5).body
    source = Skeleton(person.body.posed().joints)
    inside = drawn_in(target, source)
    first, second = source.bones()
    along = second - first
    share = (((inside[:, None] - first) * along).sum(2) / along.square().sum(1)).clamp(0, 1)
    distance = (inside[:, None] - first - share[..., None] * along).norm(dim=2).amin(1)
    assert float(distance.quantile(0.9)) < 0.03 and float(distance.median()) < 0.004
    assert inside.shape == target.model.template.shape
    whole = drawn_in(target, Skeleton(target.posed().joints), thin=1.0)
    assert torch.allclose(whole, target.posed().vertices, atol=1e-5)
