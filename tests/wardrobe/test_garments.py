"""What every garment that hangs from the shoulders promises, whatever its cut."""

import pytest
import torch

from modiste.models.avatars.closest import closest_points
from modiste.models.avatars.labels import LABEL_INDEX
from modiste.models.geometry.mesh import face_normals
from modiste.wardrobe.dresses import DRESS_CUTS, DressGarment, dress_edge, dress_hem, make_dress
from modiste.wardrobe.outers import OUTER_CUTS, OuterGarment, make_outer, outer_edge, outer_hem
from modiste.wardrobe.pieces import Spots, joined
from modiste.wardrobe.uppers import UPPER_CUTS, UpperGarment, make_upper, upper_edge, upper_hem

from .conftest import CLOTH, HEAVY_MAN, WOMAN, Fitting

KINDS = {
    "upper": (UPPER_CUTS, UpperGarment, make_upper, upper_edge, upper_hem),
    "dress": (DRESS_CUTS, DressGarment, make_dress, dress_edge, dress_hem),
    "outer": (OUTER_CUTS, OuterGarment, make_outer, outer_edge, outer_hem),
}
ALL = [(kind, cut) for kind, (cuts, *_) in KINDS.items() for cut in cuts]
THIN_TALL = {"gender": 0.6, "age": 0.6, "muscle": 0.2, "weight": 0.05, "height": 0.95, "proportions": 0.5}
CHILD = {"gender": 0.0, "age": 0.5, "muscle": 0.5, "weight": 0.45, "height": 0.0, "proportions": 0.1}


class GarmentFitting(Fitting):
    """A figure, and the garments made for it so far."""

    def __call__(self, kind, cut, **options):
        key = (kind, cut, *sorted(options.items()))
        if key not in self.made:
            _, garment, make, *_ = KINDS[kind]
            made = make(self.figure, garment(cut, CLOTH, **options), self.obstacle, 1)
            pieces = [made] if not isinstance(made, list) else made
            piece = pieces[0]
            for other in pieces[1:]:
                piece = joined(piece, other)
            self.made[key] = piece
        return self.made[key]


@pytest.fixture(scope="module")
def woman():
    return GarmentFitting(WOMAN)


def uv_area(piece):
    """Return the signed area [F] of each face on its flat panel; the folds of hems have none."""
    edge = piece.corner_uv[:, 1:] - piece.corner_uv[:, :1]
    return 0.5 * (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0])


def on_show(piece):
    return uv_area(piece).abs() > 1e-9


@pytest.mark.parametrize("kind, cut", ALL)
def test_a_garment_is_finite_cloth_with_joint_weights(woman, kind, cut):
    piece = woman(kind, cut)
    assert all(value.isfinite().all() for value in piece.sheet.values.values()) and piece.corner_uv.isfinite().all()
    assert (piece.labels == LABEL_INDEX["clothes"]).all() and len(piece.labels) == len(piece.sheet.position)
    assert piece.sheet.faces.max() < len(piece.labels) and len(piece.panel) == len(piece.sheet.faces) == len(piece.corner_uv)
    torch.testing.assert_close(piece.sheet.values["skinning"].sum(1), torch.ones(len(piece.labels)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind, cut", ALL)
def test_neighbouring_faces_turn_the_same_way(woman, kind, cut):
    faces = woman(kind, cut).sheet.faces
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(torch.unique(directed, dim=0)) == len(directed)


@pytest.mark.parametrize("kind, cut", ALL)
def test_flat_panels_keep_lengths_and_are_not_mirrored(woman, kind, cut):
    piece = woman(kind, cut)
    corners = piece.sheet.position[piece.sheet.faces]
    area = 0.5 * torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=1)
    shown = on_show(piece) & (area > 1e-7)
    stretch = (uv_area(piece)[shown] / area[shown]).abs().sqrt()
    # Filling stretches a quilted garment beyond its flat panels.
    assert (0.88 if cut == "puffer jacket" else 0.95) < stretch.median() < 1.05
    assert (uv_area(piece)[shown] > 0).float().mean() > 0.98


@pytest.mark.parametrize("kind, cut", ALL)
def test_cloth_stays_outside_the_body_and_has_no_spikes(woman, kind, cut):
    piece, figure = woman(kind, cut), woman.figure
    points = piece.sheet.position[piece.sheet.faces[on_show(piece)]].mean(1)[::11]
    found = closest_points(points, figure.sheet.position, figure.sheet.faces)
    outside = ((points - found.point) * face_normals(figure.sheet.position, figure.sheet.faces)[found.face]).sum(1) > 0
    assert outside.float().mean() > 0.99
    corners = piece.sheet.position[piece.sheet.faces]
    assert (corners - corners.roll(1, 1)).norm(dim=-1).max() < 0.12


@pytest.mark.parametrize("kind, cut", ALL)
def test_cloth_covers_what_its_edges_say(woman, kind, cut):
    cuts, _, _, edge, hem = KINDS[kind]
    piece, figure = woman(kind, cut), woman.figure
    inside = edge(figure, figure.sheet, cuts[cut])
    point = figure.sheet.position
    # Below the hips cloth hangs free of the body, wide skirts from the waist; head and hands are never covered.
    free = figure.waist if cuts[cut].flare[1] else figure.crotch + 0.08
    near_body = (point[:, 1] > max(free, hem(figure, cuts[cut]))) & ~figure.on_parts("head", "hand")
    covered = point[near_body & (inside > 0.03)]
    assert torch.cdist(covered[::3], piece.sheet.position).amin(1).max() < 0.08
    bare = point[(inside < -0.05) & figure.on_parts("lower_arm", "hand", "lower_leg", "foot")]
    if cuts[cut].flare[1] == 0 and len(bare):
        assert torch.cdist(bare[::3], piece.sheet.position).amin(1).min() > 0.004


@pytest.mark.parametrize("kind, cut", ALL)
def test_the_cloth_ends_at_the_hem(woman, kind, cut):
    cuts, *_, hem = KINDS[kind]
    piece = woman(kind, cut)
    trunk = piece.sheet.values["armness"][:, 0] < 0.02
    assert abs(float(piece.sheet.position[trunk, 1].min()) - hem(woman.figure, cuts[cut])) < 0.035


def test_hems_follow_one_another_from_crop_top_to_maxi_dress(woman):
    names = [("upper", "crop top"), ("upper", "t-shirt"), ("outer", "blazer"), ("outer", "parka"), ("dress", "shift dress")]
    names += [("outer", "long coat"), ("dress", "maxi dress")]
    heights = [float(woman(kind, cut).sheet.position[:, 1].min()) for kind, cut in names]
    assert heights == sorted(heights, reverse=True)
    knee, ankle = (float(woman.figure.joint(f"left_{name}")[1]) for name in ("knee", "ankle"))
    assert abs(heights[-3] - knee) < 0.12 and ankle < heights[-1] < ankle + 0.15


def test_an_open_front_shows_a_strip_of_what_is_beneath_and_a_closed_one_does_not(woman):
    chest, waist = woman.figure.armpit - 0.05, woman.figure.waist - 0.03
    for height, least in ((chest, 0.05), (waist, 0.06)):
        gaps = []
        for opened in (True, False):
            piece = woman("outer", "bomber jacket", opened=opened)
            point = piece.sheet.position
            front = (point[:, 1] - height).abs().lt(0.02) & (point[:, 2] > 0.05) & (piece.sheet.values["armness"][:, 0] < 0.05)
            gaps.append(2 * float(point[front, 0].abs().min()))
        assert gaps[0] > least and gaps[1] < 0.02


def test_looser_garments_are_wider(woman):
    def width(kind, cut, looseness):
        piece = woman(kind, cut, looseness=looseness)
        at_waist = (piece.sheet.position[:, 1] - woman.figure.waist).abs() < 0.03
        return float(piece.sheet.position[at_waist & (piece.sheet.values["armness"][:, 0] < 0.05), 0].max())

    for kind, cut in (("upper", "t-shirt"), ("dress", "shift dress"), ("outer", "parka")):
        assert width(kind, cut, 1.0) > width(kind, cut, 0.0) + 0.01


def test_a_coat_lies_over_the_shirt_beneath_it(woman):
    shirt = woman("upper", "shirt")
    obstacle = woman.obstacle.joined(shirt.sheet.position, shirt.sheet.values["normal"])
    coat = make_outer(woman.figure, OuterGarment("trench coat", CLOTH, 0.3, opened=False), obstacle, 1)[0]
    sheet = shirt.sheet
    points = coat.sheet.position[coat.sheet.faces[on_show(coat)]].mean(1)[::11]
    found = closest_points(points, sheet.position, sheet.faces[on_show(shirt)])
    beside = (points - found.point).norm(dim=1) < 0.03
    over = ((points - found.point) * face_normals(sheet.position, sheet.faces[on_show(shirt)])[found.face]).sum(1) > 0
    assert beside.sum() > 200 and over[beside].float().mean() > 0.97


@pytest.fixture(scope="module", params=[HEAVY_MAN, THIN_TALL, CHILD], ids=["heavy man", "thin and tall", "child"])
def extreme(request):
    return GarmentFitting(request.param)


@pytest.mark.parametrize("kind, cut", [("upper", "tank"), ("upper", "hoodie"), ("dress", "wrap dress"), ("outer", "trench coat")])
def test_garments_fit_extreme_bodies(extreme, kind, cut):
    test_neighbouring_faces_turn_the_same_way(extreme, kind, cut)
    test_cloth_stays_outside_the_body_and_has_no_spikes(extreme, kind, cut)
    test_flat_panels_keep_lengths_and_are_not_mirrored(extreme, kind, cut)


@pytest.mark.parametrize("kind, cut", ALL)
def test_paint_is_a_colour_everywhere_and_details_are_there_from_afar(woman, kind, cut):
    piece = woman(kind, cut)
    faces = piece.sheet.faces[on_show(piece)]
    values = {name: value[faces].mean(1) for name, value in piece.sheet.values.items() if name != "skinning"}
    spots = Spots(piece.corner_uv[on_show(piece)].mean(1), piece.panel[on_show(piece)], values, 0.008)
    color = piece.paint(spots).color
    assert color.shape == (len(faces), 3) and color.isfinite().all()
    assert ((color - color.median(0).values).abs().amax(1) > 0.06).sum() > 20  # hems, seams, pockets, buttons


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_cut_is_one_sentence_with_the_known_ones(woman, kind):
    _, garment, make, *_ = KINDS[kind]
    with pytest.raises(ValueError, match=r"^There is no .*'toga'; use one of [^.]*\.$"):
        make(woman.figure, garment("toga", CLOTH), woman.obstacle, 1)


def test_the_same_garment_twice_is_the_same(woman):
    first = make_dress(woman.figure, DressGarment("skater dress", CLOTH), woman.obstacle, 4)[0]
    second = make_dress(woman.figure, DressGarment("skater dress", CLOTH), woman.obstacle, 4)[0]
    assert torch.equal(first.sheet.position, second.sheet.position) and torch.equal(first.corner_uv, second.corner_uv)
    other = make_dress(woman.figure, DressGarment("skater dress", CLOTH), woman.obstacle, 5)[0]
    assert not torch.equal(first.sheet.position, other.sheet.position)
