"""Figures of reshaped avatars that are known, on bare people whose mesh is the body itself."""

import math
from dataclasses import replace

import pytest
import torch

from modiste.lab.evaluation import reshaping as table
from modiste.models.avatars import LABEL_INDEX, Avatar, repose, sample_gaussians
from modiste.models.avatars.reshape import target_body
from modiste.models.avatars.reshape.crossing import find_crossings
from modiste.models.body import PARTS, BodyParameters, BodyState, load_modiste_body
from modiste.models.geometry import Mesh
from modiste.models.geometry.mesh import vertex_normals
from modiste.models.geometry.rotation import axis_angle_to_matrix


def person(seed):
    """A person in a dress of paint."""
    body = load_modiste_body()
    shape = 0.4 * torch.randn(body.shape_size, generator=torch.Generator().manual_seed(seed))
    state = BodyState(body, BodyParameters(shape, torch.zeros(55, 3), torch.zeros(3)))
    names = ["hands" if "hand" in part else {"head": "face", "torso": "clothes"}.get(part, "torso_skin") for part in PARTS]
    labels = torch.tensor([LABEL_INDEX[name] for name in names])[body.parts]
    mesh = Mesh(state.posed().vertices, body.faces, colors=torch.full((len(body.template), 3), 0.6))
    return Avatar(mesh, sample_gaussians(mesh, 4000, seed), labels, body.weights, state)


def crossing_of(case):
    return find_crossings(case.avatar, target_body(case.avatar.body, case.user))


@pytest.fixture(scope="module")
def case():
    avatar, truth = person(1), person(5)
    return table.Case(avatar, truth.body, repose(truth, target_body(avatar.body, truth.body).parameters))


def test_the_truth_has_no_error_but_its_hands(case):
    figures = table.geometry(case, case.truth.mesh, crossing_of(case))
    assert figures["body_mm"] < 0.01 and figures["garment_mm"] < 0.01 < figures["hand_mm"]
    for kind in ("area", "edge"):
        assert figures[f"{kind}_distortion_p99"] > figures[f"{kind}_distortion_p50"] > 1


def test_faces_that_enter_the_body_are_counted(case):
    target = target_body(case.avatar.body, case.user).posed()
    crossing = crossing_of(case)
    vertices = target.vertices + 0.01 * vertex_normals(target.vertices, case.avatar.body.model.faces)
    outside = table.geometry(case, replace(case.avatar.mesh, vertices=vertices), crossing)
    torso = crossing.solid & (case.avatar.body.model.parts == PARTS.index("torso"))
    chosen = torso.nonzero()[::40, 0]
    vertices[chosen] = target.vertices[chosen] - 0.01 * vertex_normals(target.vertices, case.avatar.body.model.faces)[chosen]
    entered = table.geometry(case, replace(case.avatar.mesh, vertices=vertices), crossing)
    assert entered["intersections"] >= outside["intersections"] + 2 * len(chosen)
    assert entered["intersections_percent"] == pytest.approx(100 * entered["intersections"] / len(case.avatar.mesh.faces))


def test_a_reshape_is_nearer_than_none(case):
    outcome = table.measure(case, ("fast", "scales_behind", "no_hand_weights"))
    figures = outcome.figures
    assert figures["fast", "body_mm"] < 0.3 * figures["none", "body_mm"]
    assert figures["fast", "garment_mm"] < 0.3 * figures["none", "garment_mm"]
    assert figures["fast", "texture_ssim"] > figures["none", "texture_ssim"]
    assert figures["fast", "hand_mm"] < 1e-2 < figures["no_hand_weights", "hand_mm"]
    assert [picture.dtype for picture in outcome.pictures] == [torch.uint8] * 3  # none, fast and goal


def test_a_hand_that_moves_rigidly_has_no_error_and_one_that_swells_has(case):
    avatar = case.avatar
    vertices = avatar.mesh.vertices
    turned = vertices @ axis_angle_to_matrix(torch.tensor([0.3, 0.2, -0.4])).T + 1
    assert table.hand_error(avatar, turned) < 1e-3
    hands = avatar.labels == LABEL_INDEX["hands"]
    expected = []
    for left in (True, False):
        own = vertices[hands & ((vertices[:, 0] > 0) == left)]
        expected.append((0.1 * (own - own.mean(0))).norm(dim=1))
    swollen = table.hand_error(avatar, 1.1 * vertices)
    assert swollen == pytest.approx(1000 * float(torch.cat(expected).mean()), rel=1e-3)


def test_faces_that_grow_as_much_as_others_shrink_are_distorted_alike(case):
    stretched = replace(case.avatar.mesh, vertices=case.avatar.mesh.vertices * math.sqrt(1.5))
    shrunk = replace(case.avatar.mesh, vertices=case.avatar.mesh.vertices / math.sqrt(1.5))
    for mesh in (stretched, shrunk):
        assert table.geometry(case, mesh, crossing_of(case))["area_distortion_p50"] == pytest.approx(1.5, rel=1e-3)


def test_cases_are_pure_functions_of_seed_and_index(monkeypatch, case):
    drawn = []
    monkeypatch.setattr(table, "procedural_avatar", lambda recipe: drawn.append(recipe) or case.avatar)
    for seed, index in ((3, 4), (3, 4), (3, 5)):
        table.draw_case(seed, index)
    first, again, other = drawn[0:2], drawn[2:4], drawn[4:6]
    assert first == again != other
    assert first[0].upper == first[1].upper and first[0].weight != first[1].weight
