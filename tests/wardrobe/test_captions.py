import pytest

from modiste.wardrobe import random_recipe
from modiste.wardrobe.captions import flat_caption, garment_words, person_caption, person_words, with_article
from modiste.wardrobe.prints import Print


def test_caption_reads_as_in_a_catalogue():
    worn = {"lower": "black jeans", "upper": "striped blue T-shirt"}
    caption = person_caption("woman", worn, "against a grey background", 10)
    assert caption == "a woman wearing a striped blue T-shirt and black jeans, against a grey background"


def test_dress_comes_first_and_shoes_last():
    worn = {"shoes": "white sneakers", "outer": "olive parka", "dress": "red slip dress"}
    caption = person_caption("woman", worn, "in a garden", 0)
    assert caption == "a woman wearing a red slip dress, an olive parka and white sneakers, in a garden"


@pytest.mark.parametrize(
    ("yaw", "ending"),
    [(0, "street"), (-59, "street"), (60, ", seen from the side"), (-119, ", seen from the side"), (150, ", seen from behind")],
)
def test_caption_says_from_where_a_person_is_seen(yaw, ending):
    assert person_caption("man", {"lower": "jeans"}, "on a street", yaw).endswith(ending)


def test_caption_of_somebody_whose_clothes_are_out_of_sight():
    assert person_caption("man", {}, "in a room", 0) == "a man, in a room"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("blue jeans", "blue jeans"),
        ("white sneakers", "white sneakers"),
        ("orange blouse", "an orange blouse"),
        ("red dress", "a red dress"),
        ("argyle pink sweater", "an argyle pink sweater"),
    ],
)
def test_pairs_go_without_article(words, expected):
    assert with_article(words) == expected


def test_flat_caption_stands_on_white():
    assert flat_caption("striped blue T-shirt") == "a striped blue T-shirt on a white background"


@pytest.mark.parametrize(
    ("cut", "pattern", "color", "expected"),
    [
        ("t-shirt", "stripes", "blue", "striped blue T-shirt"),
        ("t-shirt", "plain", "red", "red T-shirt"),
        ("jeans", "denim", "navy", "navy jeans"),
        ("denim jacket", "denim", "blue", "blue denim jacket"),
        ("skirt", "denim", "blue", "denim blue skirt"),
        ("tank", "dots", "pink", "polka-dot pink tank top"),
    ],
)
def test_garments_are_called_by_pattern_colour_and_cut(cut, pattern, color, expected):
    assert garment_words(cut, pattern, color) == expected


def test_prints_are_told_after_the_garment():
    word, logo = Print("text", "OCEAN", (1.0, 1.0, 1.0)), Print("logo", "anchor", (1.0, 1.0, 1.0))
    assert garment_words("hoodie", "plain", "navy", word) == 'navy hoodie with the word "OCEAN"'
    assert garment_words("t-shirt", "plain", "white", logo) == "white T-shirt with an anchor logo"
    assert with_article('red T-shirt with the word "STARS"') == 'a red T-shirt with the word "STARS"'


def test_woman_and_man_are_told_by_the_recipe():
    assert person_words(random_recipe(1, woman=True)) == "woman"
    assert person_words(random_recipe(1, woman=False)) == "man"
