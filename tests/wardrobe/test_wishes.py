import pytest

from modiste.wardrobe.wishes import Wishes, wished_recipe


def test_without_wishes_nothing_is_worn_over_the_rest():
    assert set(wished_recipe(3, Wishes(), 1000).garments()) == {"upper", "lower", "shoes"}


def test_a_dress_replaces_what_it_covers_and_is_of_the_upper_garments_cloth():
    recipe = wished_recipe(3, Wishes(dress="slip dress", upper_color=(0.1, 0.2, 0.3)), 1000)
    worn = recipe.garments()
    assert set(worn) == {"dress", "shoes"}
    assert worn["dress"].cut == "slip dress" and worn["dress"].fabric.colors[0] == (0.1, 0.2, 0.3)


def test_coat_and_hat_leave_the_rest_as_the_seed_has_it():
    plain, dressed = wished_recipe(5, Wishes(), 1000), wished_recipe(5, Wishes(outer="denim jacket", hat="beret"), 1000)
    assert dressed.upper == plain.upper and dressed.hair == plain.hair
    assert dressed.outer.cut == "denim jacket" and dressed.outer.fabric.pattern == "denim"
    assert dressed.hat.cut == "beret"


@pytest.mark.parametrize("wish", [{"dress": "toga"}, {"outer": "cape"}, {"hat": "crown"}])
def test_unknown_wishes_are_refused(wish):
    with pytest.raises(ValueError, match="cannot be had"):
        wished_recipe(0, Wishes(**wish), 1000)
