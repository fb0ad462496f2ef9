"""Votes: what masks say of vertices, against geometry that is known by hand."""

import pytest
import torch

from modiste.models.avatars.segmentation.votes import cast_votes
from modiste.models.geometry import Mesh
from modiste.models.render import look_at

SIZE = 64


def camera(eye, target=(0.0, 0.0, 0.0)):
    return look_at(torch.tensor(eye), torch.tensor(target), 40.0, SIZE, SIZE)


def full(count=1, classes=1):
    return torch.ones(count, classes, SIZE, SIZE)


def test_a_vertex_that_is_seen_head_on_gets_a_whole_vote(shapes):
    mesh = shapes.plane()
    votes = cast_votes(mesh, [camera((0.0, 0.0, 3.0))], full())
    middle = mesh.vertices.norm(dim=1).argmin()
    assert float(votes[middle]) == pytest.approx(1, abs=1e-4)


def test_a_view_counts_with_the_cosine_of_its_angle(shapes):
    mesh = shapes.plane(0.2)
    middle = mesh.vertices.norm(dim=1).argmin()
    votes = cast_votes(mesh, [camera((3.0, 0.0, 3.0))], full())
    assert float(votes[middle]) == pytest.approx(0.5**0.5, abs=1e-3)


def test_what_is_turned_away_or_outside_gets_none(shapes):
    mesh = shapes.plane()
    assert not cast_votes(mesh, [camera((0.0, 0.0, -3.0))], full()).any()
    assert not cast_votes(mesh, [camera((0.0, 0.0, 3.0), (0.0, 0.0, 6.0))], full()).any()


def test_what_is_hidden_gets_none(shapes):
    near, far = shapes.plane(0.4), shapes.plane(1.0)
    vertices = torch.cat([near.vertices + torch.tensor([0.0, 0.0, 0.5]), far.vertices])
    mesh = Mesh(vertices, torch.cat([near.faces, far.faces + len(near.vertices)]))
    votes = cast_votes(mesh, [camera((0.0, 0.0, 3.0))], full())[:, 0]
    shadow = 0.4 / 2 * 3.0 / 2.5  # half the width of the near plane as the camera throws it on the far one
    reach = mesh.vertices[len(near.vertices) :, :2].abs().max(1).values
    far_votes = votes[len(near.vertices) :]
    assert (votes[: len(near.vertices)] > 0.9).all()
    assert not far_votes[reach < shadow - 0.05].any() and (far_votes[reach > shadow + 0.05] > 0.9).all()


def test_each_class_gets_what_its_mask_shows(shapes):
    mesh = shapes.plane()
    masks = torch.zeros(1, 2, SIZE, SIZE)
    masks[:, 0, :, : SIZE // 2] = 1
    masks[:, 1, :, SIZE // 2 :] = 1
    votes = cast_votes(mesh, [camera((0.0, 0.0, 3.0))], masks)
    left, right = mesh.vertices[:, 0] < -0.05, mesh.vertices[:, 0] > 0.05
    assert (votes[left, 0] > 0.9).all() and not votes[left, 1].any()
    assert (votes[right, 1] > 0.9).all() and not votes[right, 0].any()


def test_a_curved_surface_does_not_hide_itself(shapes):
    mesh = shapes.cylinder()
    votes = cast_votes(mesh, [camera((0.0, 0.5, 2.0), (0.0, 0.5, 0.0))], full())[:, 0]
    front = mesh.vertices[:, 2] > 0.08
    assert (votes[front] > 0.1).float().mean() > 0.99
