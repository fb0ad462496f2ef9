"""GSReshape, exact, end to end: two coarse layers around a body that gets heavier."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from modiste.lab.evaluation.metrics.crossings import against_body, newly_crossing
from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians
from modiste.models.avatars.closest import closest_points, nearest_corners
from modiste.models.avatars.reshape import reshape, target_body
from modiste.models.avatars.reshape.contact import crossings
from modiste.models.avatars.reshape.crossing import _keys, find_crossings
from modiste.models.avatars.reshape.exact import Settings, _arrived, _objective, _places, landed
from modiste.models.avatars.reshape.fast import Placed, placed
from modiste.models.body import PARTS, BodyParameters, BodyState, phenotype_shape
from modiste.models.geometry import Mesh
from modiste.models.geometry.mesh import take_faces, vertex_normals


@pytest.fixture(scope="module")
def dressed(shapes):
    """A coarse shirt in two layers on a slim body, and a heavier one."""
    from fast_simplification import simplify

    model = shapes.person(0).body.model
    shapes_of = (phenotype_shape(weight=weight) for weight in (0.3, 0.8))
    slim, heavy = (BodyState(model, BodyParameters(shape, torch.zeros(55, 3), torch.zeros(3))) for shape in shapes_of)
    body = slim.posed().vertices
    trunk = torch.isin(model.parts, torch.tensor([PARTS.index(part) for part in ("torso", "left_upper_leg", "right_upper_leg")]))
    shirt, _, _ = take_faces(Mesh(body, model.faces), trunk[model.faces].all(1))
    points, faces = simplify(shirt.vertices.numpy(), shirt.faces.int().numpy(), target_count=700)
    points, faces = torch.from_numpy(points).float(), torch.from_numpy(faces).long()
    normals = vertex_normals(points, faces)
    layers = torch.cat([points + 0.004 * normals, points + 0.0055 * normals])
    mesh = Mesh(layers, torch.cat([faces, faces + len(points)]), colors=torch.full_like(layers, 0.5))
    corner = nearest_corners(closest_points(layers, body, model.faces), model.faces)
    labels = torch.full((len(layers),), LABEL_INDEX["clothes"])
    return Avatar(mesh, sample_gaussians(mesh, 2000, 0), labels, model.weights[corner], slim), heavy


def crossed(avatar, vertices, user):
    found = find_crossings(avatar, target_body(avatar.body, user))
    before, after = avatar.mesh.vertices.double(), vertices.double()
    in_body = against_body(after, found.faces, found.body.double(), found.body_faces)
    return int((newly_crossing(before, after, found.faces) | in_body).sum())


def test_layers_that_would_pass_each_other_arrive_side_by_side(round_things):
    way = round_things.way(0.05, shells=(0.1, 0.104), goals=(0.106, 0.104))
    everything = torch.ones(len(way.rest), dtype=torch.bool)
    scene, points, done = _arrived(way, everything, everything, None)
    assert done == 1.0
    vertices = scene.given(points, way.goal)
    half = len(vertices) // 2
    assert not len(crossings(vertices.numpy(), way.faces.numpy())[0])
    assert float(way.goal[:half].norm(dim=1).min()) > float(way.goal[half:].norm(dim=1).max())  # where they were to go
    assert float((vertices[:half].norm(dim=1) - vertices[half:].norm(dim=1)).max()) < 0


def test_what_is_stuck_does_not_arrive(round_things):
    stuck = round_things.way(0.12, shells=(0.1, 0.105), goals=(0.1, 0.105))
    inner = torch.arange(len(stuck.rest)) < len(stuck.rest) // 2  # between a ball that grows and a shell that does not move
    scene, points, done = _arrived(stuck, inner, inner, None)
    assert 0.5 < done < 1 and points.isfinite().all()
    radii = scene.given(points, stuck.goal)[inner].norm(dim=1)
    assert float(radii.min()) > 0.09 and float(radii.max()) < 0.105  # as far as it came, nothing was passed through


def test_exact_is_no_worse_than_fast_and_tells_what_is_left(dressed):
    avatar, user = dressed
    quick, told_quick = reshape(avatar, user, "fast")
    exact, told = reshape(avatar, user, "exact")
    before, after = (crossed(avatar, one.mesh.vertices, user) for one in (quick, exact))
    assert before > 20 and told_quick.crossing > 0
    assert after <= before and told.crossing <= told_quick.crossing
    assert (told.crossing > 0) == (after > 0)


def test_where_nothing_crosses_exact_is_the_quick_result(dressed):
    avatar, user = dressed
    away = replace(avatar.mesh, vertices=avatar.mesh.vertices + torch.tensor([5.0, 0.0, 0.0]))
    far = replace(avatar, mesh=away)
    target = target_body(far.body, user)
    count = len(away.vertices)
    everything, height = torch.ones(count, dtype=torch.bool), torch.ones(count)
    to = Placed(away.vertices * 1.0, height, height, everything, height, height, find_crossings(far, target))
    assert landed(far, to, target, Settings()) is to.vertices


def test_free_vertices_come_in_groups_that_do_not_meet():
    rest = torch.tensor([[0.0, 0, 0], [0.02, 0, 0], [0.5, 0, 0], [0.6, 0, 0], [0.9, 0, 0], [0.91, 0, 0]])
    free = torch.tensor([True, True, True, True, True, False])
    found = _places(free, rest, torch.tensor([[2, 3, 5]]))  # far apart, but of one face
    assert [group.nonzero()[:, 0].tolist() for group in found] == [[0, 1], [2, 3], [4]]


def test_among_some_faces_only_their_crossings_are_found(dressed):
    avatar, user = dressed
    found = find_crossings(avatar, target_body(avatar.body, user))
    moved = placed(avatar, target_body(avatar.body, user)).vertices
    everything = torch.ones(len(found.faces), dtype=torch.bool)
    assert torch.equal(found.points(moved, everything), found.points(moved))
    some = everything.clone()
    some[::3] = False
    less = replace(found, faces=found.faces[some], before=crossing_keys(avatar.mesh.vertices, found.faces[some]))
    assert torch.equal(found.points(moved, some), less.points(moved))
    assert not found.points(moved, ~everything).any()


def crossing_keys(vertices, faces):
    edges, crossed = crossings(vertices.double().numpy(), faces.numpy())
    return np.unique(_keys(edges, crossed, len(vertices)))


def test_options_weigh_the_objective_by_what_the_body_loses(dressed):
    avatar, heavy = dressed
    to = placed(avatar, target_body(avatar.body, heavy))
    quarter = replace(to, growth=torch.full_like(to.growth, 0.75))
    plain, aware = (_objective(avatar, quarter, avatar.body, Settings(area_aware=on), None) for on in (False, True))
    assert torch.allclose(aware.tight, 5 * plain.tight) and torch.allclose(aware.stiff, 0.8 * plain.stiff)
    grown = _objective(avatar, to, target_body(avatar.body, heavy), Settings(anneal=True), None)
    assert plain.stages == ((1.0, 1.0),) and grown.stages == plain.stages
    slim = replace(avatar, body=target_body(avatar.body, heavy))
    assert _objective(slim, to, avatar.body, Settings(anneal=True), None).stages[0][0] > 5


def test_it_can_be_stopped_while_it_solves(dressed):
    class StopError(Exception):
        pass

    calls = []

    def stop(done, total):
        calls.append(done)
        if done >= 3:
            raise StopError

    with pytest.raises(StopError):
        reshape(*dressed, "exact", progress=stop)
    assert len(calls) > 20


def test_loose_triangles_are_no_reason_to_fail(dressed):
    avatar, user = dressed
    faces = avatar.mesh.faces[::7]
    loose = Mesh(avatar.mesh.vertices[faces].reshape(-1, 3), torch.arange(3 * len(faces)).view(-1, 3))
    skinning, labels = avatar.skinning[faces].reshape(-1, 55), avatar.labels[faces].reshape(-1)
    gaussians = sample_gaussians(replace(loose, colors=torch.ones_like(loose.vertices)), 500, 0)
    soup = Avatar(loose, gaussians, labels, skinning, avatar.body)
    reshaped, _ = reshape(soup, user, "exact")
    assert reshaped.mesh.vertices.isfinite().all()
