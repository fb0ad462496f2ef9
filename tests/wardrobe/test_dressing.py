"""How the layers of an outfit lie over each other."""

import random
from dataclasses import replace

import pytest
import torch

from modiste.models.geometry.mesh import face_normals
from modiste.wardrobe import random_recipe
from modiste.wardrobe.backgrounds import Background
from modiste.wardrobe.dresses import DressGarment
from modiste.wardrobe.dressing import dressed_person, posed
from modiste.wardrobe.fabrics import Fabric
from modiste.wardrobe.framing import framed
from modiste.wardrobe.hats import HatGarment
from modiste.wardrobe.lighting import STUDIO
from modiste.wardrobe.outers import OuterGarment
from modiste.wardrobe.people import draw_person
from modiste.wardrobe.shading import picture

CLOTH = Fabric("plain", ((0.5, 0.2, 0.2),))


@pytest.fixture(scope="module")
def in_coat_and_hat():
    recipe = random_recipe(4, woman=True)
    hair = replace(recipe.hair, style="long")
    return dressed_person(
        replace(recipe, hair=hair, outer=OuterGarment("trench coat", CLOTH, 0.5, False), hat=HatGarment("beanie", CLOTH))
    )


def faces_of(person, name):
    index = [layer.name for layer in person.layers].index(name)
    return person.faces[person.face_layer == index]


def test_layers_come_in_the_order_of_the_mesh(in_coat_and_hat):
    person = in_coat_and_hat
    assert [layer.name for layer in person.layers] == ["skin", "upper", "lower", "outer", "hat", "shoes", "hair"]
    assert (person.face_layer.diff() >= 0).all()
    assert len(person.faces) == len(person.face_layer) == len(person.face_part) == len(person.face_uv)
    assert int(person.faces.max()) + 1 == len(person.rest) == len(person.skinning) == len(person.warmth)


def test_dress_replaces_upper_and_lower():
    recipe = replace(random_recipe(4, woman=True), dress=DressGarment("shift dress", CLOTH))
    assert list(recipe.garments()) == ["dress", "shoes"]


def test_what_is_well_under_a_closed_coat_is_not_in_the_mesh(in_coat_and_hat):
    """The whole shirt is kept for its flat picture."""
    for name in ("upper", "lower"):
        layer = next(layer for layer in in_coat_and_hat.layers if layer.name == name)
        whole, worn = (sum(len(piece.panel) for piece in pieces) for pieces in (layer.whole, layer.worn))
        assert worn < 0.8 * whole


def test_no_hair_stands_out_of_a_hat(in_coat_and_hat):
    """Above the beanie's edge no strand is farther from the middle of the head than the hat is in that direction."""
    person = in_coat_and_hat
    hat = person.rest[torch.unique(faces_of(person, "hat"))]
    hair = person.rest[torch.unique(faces_of(person, "hair"))]
    middle = hat.mean(0)
    directions = torch.nn.functional.normalize(hat - middle, dim=1)
    high = hair[hair[:, 1] > middle[1] + 0.02]
    if len(high):
        cosine = torch.nn.functional.normalize(high - middle, dim=1) @ directions.T
        nearest = (hat - middle).norm(dim=1)[cosine.argmax(1)]
        assert ((high - middle).norm(dim=1) < nearest + 0.004).float().mean() > 0.98


def test_posed_people_stand_on_the_floor(in_coat_and_hat):
    pose = torch.zeros(55, 3)
    pose[:, 0] = 0.05
    standing = posed(in_coat_and_hat, pose)
    assert abs(float(standing.vertices[:, 1].min())) < 1e-5
    body = standing.body.posed().vertices
    assert abs(float(body[:, 1].min())) < 0.06  # inside its shoes
    normal = face_normals(standing.vertices, in_coat_and_hat.faces)
    agree = (standing.normals[in_coat_and_hat.faces].mean(1) * normal).sum(1)
    assert (agree > 0).float().mean() > 0.95


def test_drawn_people_are_of_both_sexes_in_many_garments():
    recipes = [draw_person(random.Random(f"people {index}"), index) for index in range(300)]
    women = sum(recipe.gender > 0.5 for recipe in recipes)
    assert 110 < women < 190
    for slot, least in (("upper", 10), ("lower", 12), ("dress", 8), ("outer", 8), ("hat", 7), ("shoes", 8)):
        cuts = {recipe.garments()[slot].cut for recipe in recipes if slot in recipe.garments()}
        assert len(cuts) >= least, slot
    for recipe in recipes:
        garments = recipe.garments()
        assert "shoes" in garments
        assert ("dress" in garments) != ({"upper", "lower"} <= set(garments))
        assert recipe.gender > 0.5 or not any("skirt" in garment.cut for garment in garments.values())


def test_a_seat_stands_under_the_hips_and_is_no_part_of_the_person(in_coat_and_hat):
    person, pose = in_coat_and_hat, torch.zeros(55, 3)
    standing, seated = posed(person, pose), posed(person, pose, 0.45)
    assert standing.seat is None
    assert float(seated.seat.vertices[:, 1].max()) == pytest.approx(0.45) and float(seated.seat.vertices[:, 1].min()) == 0
    assert torch.equal(standing.vertices, seated.vertices)
    camera = framed(standing.vertices, 0.0, 5.0, 20.0, 0.05, (0.0, 0.0), 96, 128)
    paper = Background("paper", "red", (0.8, 0.1, 0.1), (0.5, 0.5, 0.5), 0)
    alone, with_seat = (picture(one, camera, STUDIO, paper, 0.0) for one in (standing, seated))
    assert not torch.equal(alone.image, with_seat.image)
    assert int(with_seat.face.max()) < len(person.faces)
    assert ((with_seat.face >= 0) <= (alone.face >= 0)).all()
    assert torch.equal(with_seat.depth > 0, with_seat.face >= 0)
    trousers = [layer.name for layer in person.layers].index("lower")
    assert with_seat.occlusion(trousers) >= alone.occlusion(trousers)
