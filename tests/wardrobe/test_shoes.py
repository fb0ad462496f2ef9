"""Shoes enclose the foot, leave bare what they should, and stand on the ground."""

import pytest
import torch

from modiste.models.avatars.labels import LABEL_INDEX
from modiste.models.body import BodyParameters, BodyState, load_modiste_body
from modiste.models.body.skinning import apply_transforms, blend_transforms
from modiste.wardrobe.anatomy import measure
from modiste.wardrobe.pieces import Spots
from modiste.wardrobe.shoes import SHOE_CUTS, Shoes, make_shoes, on_heels, shoe_edge

RED, WHITE, GREEN = (0.7, 0.1, 0.1), (0.95, 0.95, 0.93), (0.1, 0.6, 0.2)


@pytest.fixture(scope="module")
def shape():
    return load_modiste_body().phenotype_shape(gender=0.9, age=0.7, muscle=0.45, weight=0.5, height=0.5, proportions=0.2)


@pytest.fixture(scope="module")
def figure(shape):
    return measure(load_modiste_body(), shape)


@pytest.fixture(scope="module")
def pairs(figure):
    return {cut: make_shoes(figure, Shoes(RED, WHITE, GREEN, cut), 0) for cut in SHOE_CUTS}


def paint_of(piece):
    corners = piece.sheet.faces
    values = {name: value[corners].mean(1) for name, value in piece.sheet.values.items() if name != "skinning"}
    return piece.paint(Spots(piece.corner_uv.mean(1), piece.panel, values))


@pytest.mark.parametrize("cut", SHOE_CUTS)
def test_a_pair_is_one_left_and_one_right_shoe(pairs, cut):
    left, right = pairs[cut]
    assert (left.sheet.position[:, 0] > 0).all() and (right.sheet.position[:, 0] < 0).all()
    for piece in (left, right):
        assert all(value.isfinite().all() for value in piece.sheet.values.values()) and piece.corner_uv.isfinite().all()
        assert (piece.labels == LABEL_INDEX["shoes"]).all()
        weights = piece.sheet.values["skinning"]
        torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("cut", SHOE_CUTS)
def test_soles_are_below_the_foot(figure, pairs, cut):
    lowest = float(pairs[cut][0].sheet.position[:, 1].min())
    assert lowest <= figure.floor - 0.9 * SHOE_CUTS[cut].sole


@pytest.mark.parametrize("cut", SHOE_CUTS)
def test_shoes_are_painted_in_their_colours(pairs, cut):
    color = paint_of(pairs[cut][0]).color
    assert color.isfinite().all() and color.min() >= -0.01 and color.max() < 1.1
    assert ((color - torch.tensor(RED)).abs().amax(1) < 0.08).float().mean() > 0.2
    has_sock = ((color - torch.tensor(GREEN)).abs().amax(1) < 0.08).any()
    assert bool(has_sock) == SHOE_CUTS[cut].sock


def test_how_much_of_the_leg_is_covered(figure, pairs):
    knee, ankle = float(figure.joint("left_knee")[1]), float(figure.joint("left_ankle")[1])
    top = {cut: float(pair[0].sheet.position[:, 1].max()) for cut, pair in pairs.items()}
    assert top["high boots"] > ankle + 0.75 * (knee - ankle)
    assert ankle + 0.05 < top["ankle boots"] < ankle + 0.5 * (knee - ankle)
    assert top["pumps"] < ankle and top["ballet flats"] < ankle
    assert top["high-tops"] > top["sneakers"] > ankle


def test_skin_is_bare_above_shoes_and_gone_inside_them(figure):
    foot = figure.on_parts("foot")
    toes = foot & (figure.sheet.position[:, 2] > float(figure.joint("left_foot")[2]) + 0.02)
    knees = (figure.sheet.position[:, 1] - float(figure.joint("left_knee")[1])).abs() < 0.02
    for cut, pattern in SHOE_CUTS.items():
        edge = shoe_edge(figure, figure.sheet, pattern)
        assert (edge[knees] < 0).all(), cut
        if cut == "sandals":
            assert (edge < 0).all()
        else:
            assert (edge[toes & (figure.sheet.position[:, 1] < figure.floor + 0.010)] > 0).all(), cut
    ahead = figure.sheet.position[:, 2] > float(figure.joint("left_ankle")[2]) + 0.02
    instep = foot & ahead & (figure.sheet.position[:, 1] > 0.06)
    assert (shoe_edge(figure, figure.sheet, SHOE_CUTS["pumps"])[instep] < 0).all()
    assert (shoe_edge(figure, figure.sheet, SHOE_CUTS["sneakers"])[instep] > 0).all()


def test_who_wears_heels_stands_on_heels_and_soles(figure, shape, pairs):
    pose = on_heels(torch.zeros(55, 3), figure.joints, SHOE_CUTS["pumps"])
    state = BodyState(figure.body, BodyParameters(shape, pose, torch.zeros(3)))
    sheet = pairs["pumps"][0].sheet
    stood = apply_transforms(blend_transforms(sheet.values["skinning"], state.posed().transforms), sheet.position)
    ankle = figure.joint("left_ankle")
    ground = float(stood[:, 1].min())
    behind, ahead = stood[:, 2] < float(ankle[2]), stood[:, 2] > float(figure.joint("left_foot")[2])
    assert float(stood[behind, 1].min()) - ground < 0.012
    assert float(stood[ahead, 1].min()) - ground < 0.012
    # The sole under the heel of the foot is as high as the heel.
    sole = (sheet.values["above"][:, 0] < 0.004) & behind
    assert abs(float(stood[sole, 1].mean()) - ground - SHOE_CUTS["pumps"].heel) < 0.02


def test_flat_shoes_leave_the_pose_alone(figure):
    pose = torch.rand(55, 3)
    for cut, pattern in SHOE_CUTS.items():
        assert torch.equal(on_heels(pose, figure.joints, pattern), pose) == (cut != "pumps")


def test_unknown_shoes_are_told_with_the_known_ones(figure):
    with pytest.raises(ValueError, match="no shoes 'clogs'; use one of sneakers"):
        make_shoes(figure, Shoes(RED, WHITE, GREEN, "clogs"), 0)
