"""GSReshape, fast: people whose true shape is known, since their mesh is the body itself or a shell around it."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians
from modiste.models.avatars.reshape import Check, clearance, reshape, target_body
from modiste.models.avatars.reshape.clearance import GAP, LEAST_GAP, Below, check, cleared, wanted_height
from modiste.models.avatars.reshape.fast import _hidden, placed
from modiste.models.avatars.reshape.motion import beside
from modiste.models.avatars.reshape.reshaping import _sunk
from modiste.models.avatars.reshape.wrists import CUFF
from modiste.models.body.joints import JOINT_INDEX, PART_INDEX
from modiste.models.geometry import Mesh
from modiste.models.geometry.mesh import vertex_normals


@pytest.fixture(scope="module")
def person(shapes):
    return shapes.person(1)


@pytest.fixture(scope="module")
def user(shapes):
    return shapes.person(5).body


@pytest.fixture(scope="module")
def done(person, user):
    return reshape(person, user)


def away_from_hands(avatar):
    wrists = avatar.body.posed().joints[[JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]]
    near = (torch.cdist(avatar.mesh.vertices, wrists) < CUFF).any(1)
    return ~near & (avatar.labels != LABEL_INDEX["hands"])


def trunk_and_limbs(avatar):
    """Not the head, which has a mouth inside, nor fingers and toes, which touch."""
    parts = torch.tensor([PART_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("hand", "foot")])
    return (avatar.body.model.parts != PART_INDEX["head"]) & ~torch.isin(avatar.body.model.parts, parts)


def test_skin_lands_on_the_users_body_point_for_point(person, user, done):
    reshaped, found = done
    truth = target_body(person.body, user).posed().vertices
    counted = away_from_hands(person)
    error = (reshaped.mesh.vertices - truth).norm(dim=1)[counted]
    before = (person.mesh.vertices - truth).norm(dim=1)[counted]
    assert float(error.mean()) < 0.002 < 0.1 * float(before.mean())
    assert found.inside < 0.01
    assert reshaped.body.parameters.shape.equal(user.parameters.shape)


def test_hands_keep_their_shape_and_go_with_the_wrist(person, user, done):
    target = target_body(person.body, user)
    moved = done[0].mesh.vertices - person.mesh.vertices
    for side in ("left", "right"):
        wrist = target.posed().joints[JOINT_INDEX[f"{side}_wrist"]] - person.body.posed().joints[JOINT_INDEX[f"{side}_wrist"]]
        own = (person.labels == LABEL_INDEX["hands"]) & ((person.mesh.vertices[:, 0] > 0) == (side == "left"))
        assert own.sum() > 500 and torch.allclose(moved[own], wrist.expand(int(own.sum()), 3), atol=1e-5)


def test_cloth_keeps_its_place_above_the_body(person, user):
    model, before = person.body.model, person.mesh
    shell = Mesh(before.vertices + 0.015 * vertex_normals(before.vertices, before.faces), before.faces, colors=before.colors)
    suit = replace(person, mesh=shell, gaussians=sample_gaussians(shell, 2000, 0))
    reshaped, _ = reshape(suit, user)
    near = beside(reshaped.mesh.vertices, target_body(person.body, user).posed().vertices, model.faces, model.parts)
    was = beside(shell.vertices, before.vertices, model.faces, model.parts)
    counted = away_from_hands(person) & trunk_and_limbs(person) & (was.height > 0.0149)  # where the shell meets no other limb
    height = near.height[counted]
    assert counted.sum() > 1500 and float((height - 0.015).abs().median()) < 0.001
    assert float(height.quantile(0.02)) > 0.012


def test_the_same_body_changes_nothing(person):
    reshaped, found = reshape(person, person.body)
    assert torch.allclose(reshaped.mesh.vertices, person.mesh.vertices, atol=1e-4)
    assert found == Check(0.0, 0.0, 0.0) and str(found) == "Nothing enters the body or crosses anew."


def test_gaussians_follow_in_size_unless_told_not_to(person, user, done):
    left, _ = reshape(person, user, follow_scales=False)
    assert left.gaussians.scale.equal(person.gaussians.scale)
    grown = done[0].gaussians.scale.prod(1) / person.gaussians.scale.prod(1)
    area = torch.linalg.cross(*(_edges(done[0].mesh)), dim=1).norm(dim=1) / torch.linalg.cross(*_edges(person.mesh), dim=1).norm(
        dim=1
    )
    assert torch.allclose(grown.log(), area[person.gaussians.face].log(), atol=0.02)  # thickness is kept, so volume grows as area


def _edges(mesh):
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    return b - a, c - a


def test_what_entered_the_body_is_lifted_and_what_stayed_is_counted(person):
    model, mesh = person.body.model, person.mesh
    body = (mesh.vertices, model.faces, model.parts)
    everything = trunk_and_limbs(person)
    height = torch.full((len(mesh.vertices),), 0.01)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    sunk = mesh.vertices - 0.004 * normals
    before = check(beside(sunk, *body).height, mesh.faces, height, everything, 0.0)
    lifted, now = cleared(sunk, mesh.faces, Below(body), wanted_height(height), everything)
    after = check(now, mesh.faces, height, everything, 0.0)
    assert before.inside > 0.9 and 0.003 < before.deepest < 0.0045 and "mm" in str(before)
    assert after.inside < 0.02
    assert torch.allclose(now, beside(lifted, *body).height, atol=1e-6)
    near = now[everything]
    assert float(near.median()) == pytest.approx(GAP, abs=5e-4)
    nothing, _ = cleared(sunk, mesh.faces, Below(body), wanted_height(height), torch.zeros_like(everything))
    assert nothing.equal(sunk)


def test_heights_are_looked_up_anew_for_what_moved_alone(person, monkeypatch):
    body = (person.mesh.vertices, person.body.model.faces, person.body.model.parts)
    below, points = Below(body), person.mesh.vertices + 0.01
    asked = []
    monkeypatch.setattr(clearance, "beside", lambda some, *of: asked.append(len(some)) or beside(some, *of))
    below.at(points)
    moved = points.clone()
    moved[5:8] += 0.02
    height, normal = below.at(moved)
    assert below.at(moved)[0] is height and asked == [len(points), 3]
    fresh = beside(moved, *body)
    assert height.equal(fresh.height) and normal.equal(fresh.normal)


def test_only_what_newly_entered_is_counted():
    faces = torch.tensor([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])
    now = torch.tensor([0.01, 0.01, -0.004, 0.01, -0.02, -0.03])
    before = torch.tensor([0.01, 0.01, 0.001, 0.01, -0.02, 0.01])
    counted = torch.tensor([True, True, True, True, True, False])
    found = check(now, faces, before, counted, 0.25)  # three faces count; vertex 2 has entered, 4 was inside, 5 does not count
    assert found.inside == 1.0 and found.crossing == 0.25 and found.deepest == pytest.approx(0.004)
    assert check(now, faces, now, counted, 0.0) == Check(0.0, 0.0, 0.0)


def test_an_avatar_without_a_rig_is_refused(person, user):
    with pytest.raises(ValueError, match="no body inside"):
        reshape(replace(person, body=None), user)
    with pytest.raises(ValueError, match="no skinning weights"):
        reshape(replace(person, skinning=None), user)


def test_hands_that_no_label_names_are_those_of_the_body(person, user):
    dress_4d = torch.where(person.labels == LABEL_INDEX["hands"], LABEL_INDEX["torso_skin"], person.labels)
    reshaped, _ = reshape(replace(person, labels=dress_4d), user)
    hands = (person.labels == LABEL_INDEX["hands"]) & (person.mesh.vertices[:, 0] > 0)
    moved = (reshaped.mesh.vertices - person.mesh.vertices)[hands]
    assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8, 1.0])
def test_it_can_be_stopped_anywhere(person, user, share):
    class StopError(Exception):
        pass

    heard = []
    reshape(person, user, progress=lambda done, total: heard.append(done))
    assert heard == sorted(heard) and len(heard) > 5 and heard[-1] == 20
    left = [round(share * (len(heard) - 1))]

    def stop(done, total):
        if not left[0]:
            raise StopError
        left[0] -= 1

    with pytest.raises(StopError):
        reshape(person, user, progress=stop)


def test_a_share_too_small_to_print_is_not_none():
    few = "less than 0.01% of the faces cross the body or newly each other; less than 0.01% enter it, the deepest by 1.0 mm."
    assert str(Check(1e-6, 1e-5, 0.001)) == few
    assert str(Check(0.002, 0.0, 0.0)) == "0.20% of the faces cross the body or newly each other; none enter it."


def test_heights_keep_their_order_and_stay_outside():
    before = torch.linspace(-0.02, 0.02, 400)
    after = wanted_height(before)
    assert (after > 0).all() and (after.diff()[before[1:] < GAP] > 0).all() and float(after.max()) == pytest.approx(GAP)
    assert float(wanted_height(torch.zeros(1))) == pytest.approx(LEAST_GAP)


def test_an_unknown_quality_is_refused(person, user):
    with pytest.raises(ValueError, match="no quality 'best'"):
        reshape(person, user, "best")


def test_only_skin_right_under_cloth_is_hidden(person):
    points = torch.tensor([[0.0, 0, 0], [0.005, 0, 0], [0.02, 0, 0], [0.05, 0, 0], [0.005, 0, 0], [0.005, 0, 0]])
    names = ["clothes", "torso_skin", "torso_skin", "torso_skin", "hair", "left_arm"]
    labels = torch.tensor([LABEL_INDEX[name] for name in names])
    outside = torch.tensor([True] * 5 + [False])
    few = Avatar(Mesh(points, torch.tensor([[0, 1, 2]])), person.gaussians.__class__(*_nothing(person.gaussians)), labels)
    assert _hidden(few, outside).tolist() == pytest.approx([0, 1.0, 0.5, 0, 0, 0], abs=1e-6)
    assert not _hidden(replace(few, labels=None), outside).any()


def _nothing(bound):
    return (value[:0] for value in vars(bound).values())


def test_what_showed_nothing_under_cloth_stays_as_deep_when_the_skin_is_lifted(person):
    depth = torch.full((len(person.mesh.vertices),), 0.004)
    depth[: len(depth) // 2] = 0
    bound, faces = person.gaussians, person.mesh.faces
    turned = replace(person, mesh=replace(person.mesh, faces=faces.flip(1)))
    for one, sign in ((person, -1), (turned, 1)):
        sunk = _sunk(one, depth).offset - bound.offset
        deep, kept = (half[one.mesh.faces[bound.face]].all(1) for half in (depth > 0, depth == 0))
        assert deep.any() and kept.any()
        assert sunk[deep].numpy() == pytest.approx(sign * 0.004, abs=1e-7) and not sunk[kept].any()


def test_skin_that_no_cloth_hides_keeps_its_gaussians_on_the_surface(person, user, done):
    sunk = done[0].gaussians.offset - person.gaussians.offset
    labels = person.labels[person.mesh.faces[person.gaussians.face]]
    for names in (("hands",), ("face", "hair"), ("clothes", "shoes")):
        own = torch.isin(labels, torch.tensor([LABEL_INDEX[name] for name in names])).all(1)
        assert own.any() and float(sunk[own].abs().max()) < 1e-7


def test_a_mesh_that_is_inside_out_goes_to_the_same_places(person, user):
    turned = replace(person, mesh=replace(person.mesh, faces=person.mesh.faces.flip(1)))
    target = target_body(person.body, user)
    there, same = (placed(one, target).vertices for one in (person, turned))
    assert float((there - same).norm(dim=1).quantile(0.99)) < 1e-4
