"""Figures of composed avatars that are known, on bare painted people whose mesh is the body itself."""

import pytest
import torch

from modiste.lab.evaluation import composition as table
from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians
from modiste.models.body import PARTS, BodyParameters, BodyState, load_modiste_body
from modiste.models.geometry import Mesh

JUDGES = {"own": lambda pictures: 1 - pictures.mean((2, 3))}  # the mean colour, white being nothing


def person(seed, color):
    body = load_modiste_body()
    shape = 0.4 * torch.randn(body.shape_size, generator=torch.Generator().manual_seed(seed))
    state = BodyState(body, BodyParameters(shape, torch.zeros(55, 3), torch.zeros(3)))
    names = ["hands" if "hand" in part else {"head": "face", "torso": "clothes"}.get(part, "torso_skin") for part in PARTS]
    labels = torch.tensor([LABEL_INDEX[name] for name in names])[body.parts]
    mesh = Mesh(state.posed().vertices, body.faces, colors=torch.tensor(color).expand(len(body.template), 3).contiguous())
    return Avatar(mesh, sample_gaussians(mesh, 20000, seed), labels, body.weights, state)


@pytest.fixture(scope="module")
def case():
    return table.Case(person(1, (0.7, 0.5, 0.3)), person(5, (0.3, 0.4, 0.7)))


@pytest.fixture(scope="module")
def outcome(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "VIEWS", 12)
        patch.setattr(table, "SIZE", (64, 96))
        patch.setattr(table, "HEAD_SIZE", 64)
        return table.measure(case, JUDGES)


def test_a_reshaped_body_has_the_users_shape_and_one_that_is_not_keeps_its_own(case):
    reshaped, left = table.composed(case), table.composed(case, with_reshape=False)
    torch.testing.assert_close(reshaped.body.parameters.shape, case.user.body.parameters.shape)
    torch.testing.assert_close(left.body.parameters.shape, case.model.body.parameters.shape)


def test_people_are_like_themselves(outcome):
    figures = outcome.figures
    assert figures["model", "own_target"] == pytest.approx(1) and figures["user", "own_head"] == pytest.approx(1)


def test_a_composed_avatar_has_the_users_head_on_the_models_clothes(outcome):
    figures = outcome.figures
    for method in ("ours", "no_reshape"):
        assert figures[method, "own_head"] > 0.999 > figures["model", "own_head"] + 0.02
        assert figures[method, "own_target"] > figures["user", "own_target"] + 0.02


def test_people_of_one_colour_look_alike_from_all_sides(outcome):
    assert {method for method, metric in outcome.figures if metric == "warping_rmse"} == {"ours", "no_reshape", "model", "user"}
    assert outcome.figures["model", "warping_rmse"] < 1e-3 and outcome.figures["user", "warping_rmse"] < 1e-3
    assert outcome.figures["ours", "warping_rmse"] > 1e-3  # its head is of another colour


def test_pictures_are_those_of_user_model_and_results(outcome):
    assert [(picture.shape, picture.dtype) for picture in outcome.pictures] == [((96, 64, 3), torch.uint8)] * 4
    user, model = outcome.pictures[0].float().mean((0, 1)), outcome.pictures[1].float().mean((0, 1))
    assert user[0] > user[2] and model[0] < model[2]


def test_cases_are_pure_functions_of_seed_and_index(monkeypatch):
    drawn = []
    monkeypatch.setattr(table, "procedural_avatar", lambda recipe: drawn.append(recipe) or recipe)
    for seed, index in ((3, 4), (3, 4), (3, 5), (4, 4)):
        table.draw_case(seed, index)
    cases = [tuple(drawn[start : start + 2]) for start in (0, 2, 4, 6)]
    assert cases[0] == cases[1] and len(set(map(repr, cases))) == 3
    assert all(user != model for user, model in cases)


def test_dino_judges_only_where_its_weights_are(monkeypatch, network):
    monkeypatch.setattr(table, "load_encoder", lambda: network)
    for dino, names in ((None, ["own"]), (lambda pictures: pictures.mean((2, 3)), ["own", "dino"])):
        monkeypatch.setattr(table, "load_dino", lambda dino=dino: dino)
        assert list(table.networks()) == names
