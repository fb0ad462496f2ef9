"""What every lower garment promises, whatever its cut."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.closest import closest_points
from modiste.models.avatars.labels import LABEL_INDEX
from modiste.models.body import JOINT_INDEX
from modiste.models.geometry.mesh import face_normals
from modiste.wardrobe.fabrics import Fabric
from modiste.wardrobe.lowers import LOWER_CUTS, LowerGarment, lower_edge, make_lower
from modiste.wardrobe.pieces import Spots
from modiste.wardrobe.skirts import SKIRT_CUTS
from modiste.wardrobe.trousers import TROUSER_CUTS

from .conftest import CLOTH, HEAVY_MAN, WOMAN, Fitting


class LowerFitting(Fitting):
    """A figure, and the garments made for it so far."""

    def __call__(self, cut, looseness=0.5):
        if (cut, looseness) not in self.made:
            garment = LowerGarment(cut, CLOTH, looseness)
            self.made[cut, looseness] = make_lower(self.figure, garment, self.obstacle, 1)
        return self.made[cut, looseness]


@pytest.fixture(scope="module")
def woman():
    return LowerFitting(WOMAN)


@pytest.fixture(scope="module")
def heavy_man():
    return LowerFitting(HEAVY_MAN)


def on_show(piece):
    """Return the faces that are no folds of hems: those with area on their flat panel."""
    edge = piece.corner_uv[:, 1:] - piece.corner_uv[:, :1]
    return (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]).abs() > 1e-9


def middle_spots(piece, footprint=0.0):
    """Return the middles of all faces as spots to be painted."""
    corners = piece.sheet.faces
    values = {name: value[corners].mean(1) for name, value in piece.sheet.values.items() if name != "skinning"}
    return Spots(piece.corner_uv.mean(1), piece.panel, values, footprint)


@pytest.mark.parametrize("cut", LOWER_CUTS)
def test_a_garment_is_finite_cloth_with_joint_weights(woman, cut):
    piece = woman(cut)
    assert all(value.isfinite().all() for value in piece.sheet.values.values()) and piece.corner_uv.isfinite().all()
    assert (piece.labels == LABEL_INDEX["clothes"]).all()
    weights = piece.sheet.values["skinning"]
    torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)), atol=1e-4, rtol=0)
    assert (weights > -1e-6).all()


@pytest.mark.parametrize("cut", LOWER_CUTS)
def test_lengths_on_the_flat_panels_are_those_of_the_cloth(woman, cut):
    piece = woman(cut)
    shown = on_show(piece)
    flat = piece.corner_uv[shown]
    corners = piece.sheet.position[piece.sheet.faces[shown]]
    length_flat = (flat - flat.roll(-1, 1)).norm(dim=-1).sum(1)
    length = (corners - corners.roll(-1, 1)).norm(dim=-1).sum(1)
    ratio = length_flat / length
    assert abs(float(ratio.median()) - 1) < 0.03
    assert ratio.quantile(0.05) > 0.80 and ratio.quantile(0.95) < 1.20


@pytest.mark.parametrize("cut", LOWER_CUTS)
def test_cloth_is_outside_of_the_body(woman, cut):
    check_outside(woman, cut)


@pytest.mark.parametrize("cut", ["jeans", "leggings", "denim shorts", "pencil skirt", "pleated skirt"])
def test_cloth_is_outside_of_a_heavy_body(heavy_man, cut):
    check_outside(heavy_man, cut)


def check_outside(fitting, cut):
    piece, body = fitting(cut), fitting.figure.sheet
    points = piece.sheet.position[piece.sheet.faces[on_show(piece)]].mean(1)[::5]
    found = closest_points(points, body.position, body.faces)
    outside = ((points - found.point) * face_normals(body.position, body.faces)[found.face]).sum(1) > 0
    assert outside.float().mean() > 0.985


@pytest.mark.parametrize("cut", LOWER_CUTS)
def test_the_hem_is_where_the_cut_says(woman, cut):
    figure, pattern = woman.figure, LOWER_CUTS[cut]
    hip, ankle = float(figure.joint("left_hip")[1]), float(figure.joint("left_ankle")[1])
    expected = hip + pattern.length * (ankle - hip)
    assert abs(float(woman(cut).sheet.position[:, 1].min()) - expected) < 0.05
    top = figure.crotch + pattern.rise * (figure.waist - figure.crotch)
    assert abs(float(woman(cut).sheet.position[:, 1].max()) - top) < 0.04


@pytest.mark.parametrize("cut", LOWER_CUTS)
def test_the_edge_tells_what_is_covered(woman, cut):
    figure = woman.figure
    edge = lower_edge(figure, figure.sheet, LOWER_CUTS[cut])
    near = (figure.sheet.position[:, 1] - figure.crotch).abs() < 0.02
    assert (edge[near & figure.on_parts("torso")] > 0.01).all()
    assert (edge[figure.on_parts("head", "hand")] < 0).all()
    assert (edge[figure.on_parts("foot") & (figure.sheet.position[:, 1] < figure.floor + 0.03)] < 0).all()


@pytest.mark.parametrize("cut", ["trousers", "wide-leg trousers", "shorts", "flared skirt", "joggers"])
def test_loose_garments_take_more_cloth_than_fitted_ones(woman, cut):
    def area(piece):
        corners = piece.sheet.position[piece.sheet.faces[on_show(piece)]]
        return 0.5 * torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=1).norm(dim=1).sum()

    assert area(woman(cut, 1.0)) > 1.04 * area(woman(cut, 0.0))


def test_trousers_have_two_legs_and_skirts_one_tube(woman):
    figure = woman.figure
    knee = float(figure.joint("left_knee")[1])
    for cut in ("trousers", "leggings", "wide-leg trousers"):
        at_knee = woman(cut).sheet.position[(woman(cut).sheet.position[:, 1] - knee).abs() < 0.03]
        assert ((at_knee[:, 0] > 0.002) | (at_knee[:, 0] < -0.002)).all(), cut
    height = float(figure.joint("left_hip")[1]) - 0.25
    skirt = woman("skirt").sheet.position
    ring = skirt[(skirt[:, 1] - height).abs() < 0.03]
    assert (ring[:, 0].abs() < 0.02).any()


def test_garments_follow_the_legs(woman):
    for cut in LOWER_CUTS:
        sheet = woman(cut).sheet
        low = sheet.position[:, 1] < woman.figure.crotch - 0.05
        for side, sign in (("left", 1), ("right", -1)):
            outside = low & (sheet.position[:, 0] * sign > 0.12)
            other = JOINT_INDEX["right_hip" if side == "left" else "left_hip"]
            assert (sheet.values["skinning"][outside, other] < 0.1).all(), cut


@pytest.mark.parametrize("cut", LOWER_CUTS)
@pytest.mark.parametrize("pattern", ["stripes", "denim"])
def test_garments_are_painted_within_colours(woman, cut, pattern):
    fabric = Fabric(pattern, ((0.2, 0.3, 0.5), (0.9, 0.9, 0.8)))
    piece = make_lower(woman.figure, LowerGarment(cut, fabric), woman.obstacle, 1) if cut == "jeans" else woman(cut)
    for footprint in (0.0, 0.004):
        paint = piece.paint(middle_spots(piece, footprint))
        assert paint.color.isfinite().all() and paint.color.min() >= 0 and paint.color.max() < 1.25
        assert paint.relief is None or (paint.relief.isfinite().all() and paint.relief.abs().max() < 0.03)


def test_jeans_have_their_pockets_behind_and_their_fly_in_front(woman):
    figure = woman.figure
    piece = woman("jeans")
    spots = middle_spots(piece)
    tone = (piece.paint(spots).color - torch.tensor(CLOTH.colors[0])).abs().amax(1)
    sewn = tone > 0.12  # thread and seams stand out from plain cloth, washing does not
    start, front = spots.values["start"], spots.panel >= 2
    seat = (start[:, 1] > figure.crotch + 0.02) & (start[:, 1] < figure.waist)
    assert sewn[seat & ~front & (start[:, 0].abs() > 0.03)].any()
    assert sewn[seat & front & (start[:, 0].abs() < 0.02)].any()


def test_the_same_garment_twice_is_the_same(woman):
    for cut in ("jeans", "pleated skirt"):
        again = make_lower(woman.figure, LowerGarment(cut, CLOTH), woman.obstacle, 1)
        assert torch.equal(again.sheet.position, woman(cut).sheet.position)
        assert torch.equal(again.corner_uv, woman(cut).corner_uv)


def test_an_unknown_cut_is_told_with_the_known_ones(woman):
    garment = replace(LowerGarment("jeans", CLOTH), cut="toga")
    with pytest.raises(ValueError, match="no lower garment 'toga'; use one of trousers"):
        make_lower(woman.figure, garment, woman.obstacle, 0)


def test_cuts_are_trousers_and_skirts():
    assert {*LOWER_CUTS} == {*TROUSER_CUTS, *SKIRT_CUTS} and len(LOWER_CUTS) >= 12
