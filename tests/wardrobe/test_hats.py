"""Hats sit on the head, hold what is inside and go where the head goes."""

import pytest
import torch

from modiste.models.avatars.labels import HEAD, LABELS
from modiste.models.body import JOINT_INDEX, load_modiste_body
from modiste.wardrobe.anatomy import measure
from modiste.wardrobe.draping import Obstacle
from modiste.wardrobe.fabrics import Fabric
from modiste.wardrobe.hats import HAT_CUTS, HatGarment, hat_edge, make_hat, pressed_hair
from modiste.wardrobe.pieces import Spots
from modiste.wardrobe.prints import Print

CLOTH = Fabric("plain", ((0.3, 0.4, 0.6), (0.9, 0.8, 0.2)))
NOTHING = Obstacle(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 0.0]]))
PEOPLE = {
    "woman": {"gender": 0.95, "age": 0.7, "muscle": 0.45, "weight": 0.45, "height": 0.5, "proportions": 0.2},
    "heavy man": {"gender": 0.0, "age": 0.8, "muscle": 0.5, "weight": 1.0, "height": 0.6, "proportions": 0.0},
}


@pytest.fixture(scope="module", params=PEOPLE)
def figure(request):
    body = load_modiste_body()
    return measure(body, body.phenotype_shape(**PEOPLE[request.param]))


def hat(figure, cut):
    return make_hat(figure, HatGarment(cut, CLOTH), NOTHING, 0)


def points_of(pieces):
    return torch.cat([piece.sheet.position for piece in pieces])


def skull(figure):
    """Return the vertices of the head well above the eyes."""
    height = figure.sheet.position[:, 1] - figure.joint("left_eye")[1]
    return figure.sheet.position[figure.on_parts("head") & (height > 0.02)]


@pytest.mark.parametrize("cut", HAT_CUTS)
def test_a_hat_is_finite_and_goes_with_the_head(figure, cut):
    for piece in hat(figure, cut):
        assert all(value.isfinite().all() for value in piece.sheet.values.values()) and piece.corner_uv.isfinite().all()
        assert {LABELS[label] for label in piece.labels.tolist()} <= {*HEAD}
        assert (piece.sheet.values["skinning"][:, JOINT_INDEX["head"]] == 1).all()


@pytest.mark.parametrize("cut", [cut for cut in HAT_CUTS if cut != "headband"])
def test_the_skull_is_inside_the_hat(figure, cut):
    from scipy.spatial import cKDTree

    inside = skull(figure)
    inside = inside[hat_edge(figure, inside, HAT_CUTS[cut]) > 0.02]
    assert len(inside) > 100
    cloth = points_of(hat(figure, cut))
    middle = torch.stack([torch.zeros(()), inside[:, 1].min(), (inside[:, 2].min() + inside[:, 2].max()) / 2])
    directions = torch.nn.functional.normalize(cloth - middle, dim=1)
    _, nearest = cKDTree(directions.numpy()).query(torch.nn.functional.normalize(inside - middle, dim=1).numpy(), k=3)
    room = (cloth[torch.from_numpy(nearest)] - middle).norm(dim=-1).amin(1) - (inside - middle).norm(dim=1)
    assert (room > -0.002).float().mean() > 0.98


def test_the_face_is_free(figure):
    eyes = torch.stack([figure.joint("left_eye"), figure.joint("right_eye")])
    for cut in HAT_CUTS.values():
        assert (hat_edge(figure, eyes, cut) < -0.01).all()


def test_brims_are_as_wide_as_their_hats_are_known_for(figure):
    width = {cut: float(points_of(hat(figure, cut))[:, 0].max()) for cut in HAT_CUTS}
    ahead = {cut: float(points_of(hat(figure, cut))[:, 2].max()) for cut in HAT_CUTS}
    assert width["sun hat"] > width["bucket hat"] + 0.04 > width["beanie"] + 0.04
    assert ahead["baseball cap"] > ahead["beanie"] + 0.05 and width["baseball cap"] < width["beanie"] + 0.02
    assert len(hat(figure, "bobble hat")) == 2


def test_a_headband_leaves_the_top_of_the_head_open(figure):
    top = skull(figure)
    top = top[top[:, 1].argmax()][None]
    assert float(hat_edge(figure, top, HAT_CUTS["headband"])) < 0
    assert float(hat_edge(figure, top, HAT_CUTS["beanie"])) > 0.03
    assert float(points_of(hat(figure, "headband"))[:, 1].max()) < float(top[0, 1])


def test_hair_is_pressed_under_the_hat_and_hangs_free_below(figure):
    head = skull(figure)
    middle = head.mean(0)
    thick = middle + (head - middle) * 1.25
    hanging = figure.joint("neck") + torch.tensor([[0.0, 0.0, -0.12], [0.11, -0.1, 0.0]])
    for name in ("beanie", "fedora", "baseball cap"):
        cut = HAT_CUTS[name]
        pressed = pressed_hair(figure, thick, cut)
        deep = hat_edge(figure, thick, cut) > 0.03
        assert deep.any() and ((pressed - middle).norm(dim=1)[deep] < (thick - middle).norm(dim=1)[deep]).all()
        torch.testing.assert_close(pressed_hair(figure, hanging, cut), hanging, atol=1e-5, rtol=0)


@pytest.mark.parametrize("cut", HAT_CUTS)
def test_hats_are_painted_within_colours(figure, cut):
    fabric = Fabric("checks", CLOTH.colors, 1.0, Print("logo", "star", (1, 0, 0), 0.05))
    for piece in make_hat(figure, HatGarment(cut, fabric), NOTHING, 0):
        corners = piece.sheet.faces
        values = {name: value[corners].mean(1) for name, value in piece.sheet.values.items() if name != "skinning"}
        paint = piece.paint(Spots(piece.corner_uv.mean(1), piece.panel, values))
        assert paint.color.isfinite().all() and paint.color.min() >= 0 and paint.color.max() < 1.2


def test_an_unknown_hat_is_told_with_the_known_ones(figure):
    with pytest.raises(ValueError, match="no hat 'crown'; use one of beanie"):
        make_hat(figure, HatGarment("crown", CLOTH), NOTHING, 0)
