"""Random people are tasteful, valid and a pure function of the seed."""

from dataclasses import fields

import pytest

from modiste.models.body import load_modiste_body
from modiste.wardrobe import random_recipe
from modiste.wardrobe.fabrics import PATTERNS
from modiste.wardrobe.hair import STYLES
from modiste.wardrobe.lowers import LOWER_CUTS
from modiste.wardrobe.poses import POSES
from modiste.wardrobe.uppers import UPPER_CUTS


def test_the_same_seed_gives_the_same_recipe():
    assert [random_recipe(seed) for seed in range(30)] == [random_recipe(seed) for seed in range(30)]


def test_seeds_differ():
    assert len({random_recipe(seed) for seed in range(60)}) == 60


@pytest.mark.parametrize("seed", range(100))
def test_every_random_recipe_can_be_made(seed):
    recipe = random_recipe(seed)
    load_modiste_body().phenotype_shape(**recipe.phenotype())
    assert recipe.pose in POSES and recipe.hair.style in STYLES
    assert recipe.upper.cut in UPPER_CUTS and recipe.lower.cut in LOWER_CUTS
    for garment in (recipe.upper, recipe.lower):
        assert len(garment.fabric.colors) >= PATTERNS[garment.fabric.pattern][1]
        assert 0 <= garment.looseness <= 1
        assert all(0 <= channel <= 1 for color in garment.fabric.colors for channel in color)
    for name in ("complexion", "lips", "stubble"):
        assert 0 <= getattr(recipe, name) <= 1


def test_a_wish_for_a_woman_leaves_the_rest_to_the_seed():
    for seed in range(40):
        plain = random_recipe(seed)
        same = random_recipe(seed, woman=plain.gender > 0.5)
        assert all(getattr(plain, field.name) == getattr(same, field.name) for field in fields(plain))


def test_all_hundred_people_wear_many_things():
    recipes = [random_recipe(seed) for seed in range(100)]
    assert len({recipe.upper.cut for recipe in recipes}) >= 6
    assert len({recipe.lower.cut for recipe in recipes}) >= 5
    assert len({recipe.hair.style for recipe in recipes}) >= 10
    assert len({recipe.upper.fabric.pattern for recipe in recipes}) >= 9
