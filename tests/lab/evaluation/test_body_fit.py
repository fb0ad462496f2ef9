"""Cases of Fit Body are pure functions of seed and index, and its figures are zero for the truth and right for known errors."""

from dataclasses import replace

import pytest
import torch

from modiste.lab.evaluation import body_fit
from modiste.models.body import BodyState


@pytest.fixture(scope="module")
def case():
    return body_fit.draw_case(3, 1, gaussians=1000)


def test_a_case_is_drawn_from_seed_and_index_and_hides_its_body(case):
    again = body_fit.draw_case(3, 1, gaussians=1000)
    assert torch.equal(again.avatar.mesh.vertices, case.avatar.mesh.vertices)
    assert torch.equal(again.keypoints.points, case.keypoints.points)
    assert case.avatar.body is None and case.avatar.skinning is None
    assert case.family in body_fit.POSE_FAMILIES


def test_the_true_body_has_no_error(case):
    figures = body_fit.measure(case, case.truth)
    assert figures["joint_mm"] == figures["joint_max_mm"] == figures["vertex_mm"] == 0
    assert figures["skin_mm"] < 2  # a face's features and shoes' straps are not the body's


def test_a_moved_body_is_off_by_the_move(case):
    parameters = case.truth.parameters
    moved = replace(parameters, translation=parameters.translation + torch.tensor([0.0, 0.03, 0.04]))
    figures = body_fit.measure(case, BodyState(case.truth.model, moved))
    for name in ("joint_mm", "joint_max_mm", "vertex_mm"):
        assert figures[name] == pytest.approx(50, abs=0.01)
    assert 5 < figures["skin_mm"] < 50


def test_keypoints_are_a_few_millimetres_off(case):
    off = case.keypoints.points - case.truth.posed().joints[: body_fit.MAIN_JOINTS]
    assert case.keypoints.joints.tolist() == list(range(body_fit.MAIN_JOINTS))
    assert 0.002 < float(off.std()) < 0.009


def test_methods_differ_in_what_they_are_told(case, monkeypatch):
    told, found = [], object()

    def fit(avatar, model, keypoints, progress):
        told.append((avatar.labels is not None, len(keypoints)))
        return found

    monkeypatch.setattr(body_fit, "fit_body", fit)
    assert all(body_fit.fitted(case, method) is found for method in body_fit.METHODS)
    assert told == [(True, 0), (False, 0), (True, 1)]
