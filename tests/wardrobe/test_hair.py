"""Hair covers the scalp in every style, on every head, and grows in human colours."""

import random
from functools import cache

import pytest
import torch

from modiste.models.body import load_modiste_body
from modiste.models.render import look_at
from modiste.models.render.mesh_rasterizer import rasterize
from modiste.wardrobe.anatomy import measure
from modiste.wardrobe.face_shapes import FEATURES, face_moves
from modiste.wardrobe.faces import Face, above_hairline
from modiste.wardrobe.figures import random_figure
from modiste.wardrobe.hair import Hair, make_hair
from modiste.wardrobe.hair_styles import LONG_STYLES, STYLES, random_hair_color
from modiste.wardrobe.pieces import Spots
from modiste.wardrobe.skin import complexion_color, skin_piece
from modiste.wardrobe.tailoring import body_obstacle

_HAIRY = [name for name in STYLES if name != "bald"]


@cache
def _head(seed):
    body = load_modiste_body()
    figure = measure(body, body.phenotype_shape(**random_figure(random.Random(seed))))
    return figure, body_obstacle(figure)


@cache
def _grown(style, seed=0):
    figure, obstacle = _head(seed)
    return make_hair(figure, Hair(style, (0.3, 0.2, 0.1)), 0.3, obstacle, 5)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("style", _HAIRY)
def test_no_scalp_shows_through_from_any_side(style, seed):
    figure, _ = _head(seed)
    sheet = _grown(style, seed)[0].sheet
    canonical = figure.sheet.values["canonical"]
    ear = (canonical[:, 0].abs() > 0.06) & (canonical[:, 1] < 0.03)
    scalp = (above_hairline(canonical) > 0.015) & figure.on_parts("head") & ~ear
    skin = figure.sheet.faces[figure.on_parts("head")[figure.sheet.faces].all(1)]
    vertices = torch.cat([figure.sheet.position, sheet.position])
    faces = torch.cat([skin, sheet.faces + len(canonical)])
    on_scalp = torch.cat([scalp[skin].all(1), torch.zeros(len(sheet.faces), dtype=torch.bool)])
    middle = figure.sheet.position[scalp].mean(0)
    for direction in ((0, 0.2, 1), (1, 0.3, 0), (-1, 0.3, 0), (0, 0.2, -1), (0.1, 1, 0.1)):
        camera = look_at(middle + torch.tensor(direction, dtype=torch.float32), middle, 18, 96, 96)
        seen = rasterize(vertices, faces, camera).face
        assert int(on_scalp[seen[seen >= 0]].sum()) <= 0.006 * int((seen >= 0).sum())


@pytest.mark.parametrize("style", STYLES)
def test_hair_is_sound_geometry(style):
    for piece in _grown(style):
        sheet = piece.sheet
        assert sheet.position.isfinite().all() and sheet.values["normal"].isfinite().all()
        torch.testing.assert_close(sheet.values["skinning"].sum(1), torch.ones(len(sheet.position)))
        edges = (sheet.position[sheet.faces] - sheet.position[sheet.faces[:, [1, 2, 0]]]).norm(dim=-1)
        assert float(edges.max()) < 0.11  # no strand is torn


@pytest.mark.parametrize("style", ["long", "wavy", "long curls"])
def test_long_hair_stays_outside_of_the_body(style):
    _, obstacle = _head(0)
    height, _, distance = obstacle.height_over(_grown(style)[0].sheet.position)
    assert float(height[distance < 0.03].min()) > -0.002


def test_the_same_seed_is_the_same_hair():
    figure, obstacle = _head(0)
    again = make_hair(figure, Hair("wavy", (0.3, 0.2, 0.1)), 0.3, obstacle, 5)
    assert torch.equal(again[0].sheet.position, _grown("wavy")[0].sheet.position)


def test_a_bald_head_has_none_and_an_unknown_style_is_told():
    figure, obstacle = _head(0)
    assert make_hair(figure, Hair("bald", (0, 0, 0)), 0.3, obstacle, 5) == []
    with pytest.raises(ValueError, match="There is no hair style 'beehive'; use one of bald, buzz"):
        make_hair(figure, Hair("beehive", (0, 0, 0)), 0.3, obstacle, 5)


def test_long_styles_exist():
    assert set(LONG_STYLES) < set(STYLES)


def test_deep_complexions_have_dark_hair_and_the_old_grey():
    deep = [max(random_hair_color(random.Random(seed), 0.95, 0.67)) for seed in range(100)]
    fair = [random_hair_color(random.Random(seed), 0.05, 0.67) for seed in range(200)]
    old = [random_hair_color(random.Random(seed), 0.05, 0.95) for seed in range(100)]
    assert sum(value < 0.32 for value in deep) > 85
    assert any(max(color) > 0.75 for color in fair) and any(color[0] > 2 * color[2] for color in fair)
    assert sum(max(color) - min(color) < 0.09 for color in old) > 70


def test_features_and_smiles_move_the_face_only():
    body = load_modiste_body()
    still = face_moves(body, (0.0,) * len(FEATURES), 0.0)
    head = torch.isin(body.parts, torch.tensor([0, 1]))  # head and neck
    for index in range(len(FEATURES)):
        features = [0.0] * len(FEATURES)
        features[index] = 1.0
        moved = (face_moves(body, tuple(features), 0.0) - still).norm(dim=1)
        assert 0.0005 < float(moved.max()) < 0.006
        assert float(moved[~head].max()) < 1e-4
    smile = face_moves(body, (0.0,) * len(FEATURES), 1.0) - still
    assert float(smile[:, 1].max()) > 0.003


@pytest.mark.parametrize("complexion", [0.0, 0.5, 1.0])
def test_small_faces_are_painted_darker_at_the_eyes(complexion):
    figure, _ = _head(0)
    face = Face(complexion, (0.3, 0.2, 0.1), (0.1, 0.08, 0.06), 0.2, 0.5, 0.0)
    piece = skin_piece(figure, face, torch.full((len(figure.sheet.position),), -1.0), None, 1)
    values = {name: value for name, value in piece.sheet.values.items() if name != "skinning"}
    spots = [Spots(torch.zeros(len(piece.labels), 2), piece.labels * 0, values, footprint) for footprint in (0.0, 0.003)]
    near, far = (piece.paint(spot).color for spot in spots)
    x, y, z = values["canonical"].unbind(1)
    eyes = (x.abs() > 0.018) & (x.abs() < 0.045) & (y.abs() < 0.008) & (z > 0)
    cheeks = (x.abs() > 0.02) & (x.abs() < 0.05) & (y < -0.03) & (y > -0.05) & (z > -0.01)
    assert float(far[eyes].mean()) < float(near[eyes].mean()) - 0.01
    torch.testing.assert_close(far[cheeks].mean(0), near[cheeks].mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(near[cheeks].mean(0), complexion_color(complexion), atol=0.12, rtol=0)
