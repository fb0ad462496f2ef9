"""Words of pictures, from captions and garments."""

import pytest
import torch

from modiste.lab.evaluation.attributes import UNKNOWN, flat_words, person_words, targets, wardrobe_vocabulary
from modiste.wardrobe.slots import SLOTS

from .conftest import CAPTION, JEANS, SHIRT, SHOES


def test_a_person_shows_what_the_caption_names_and_is_silent_on_the_rest():
    assert person_words(CAPTION, [SHIRT, JEANS, SHOES]) == {
        "upper cut": "t-shirt", "upper color": "red", "upper pattern": "stripes",
        "lower cut": "jeans", "lower color": "blue", "lower pattern": "denim",
        "dress cut": "none", "outer cut": "none", "hat cut": "none",
        "background": "olive", "view": "seen from behind", "gender": "woman",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caption", "gender", "background", "view"),
    [
        ("a man wearing blue jeans, against a light blue background", "man", "light blue", "seen from the front"),
        ("a man wearing blue jeans, on a street, seen from the side", "man", "on a street", "seen from the side"),
        ("a woman, in a garden", "woman", "in a garden", "seen from the front"),
    ],
)
def test_captions_tell_gender_place_and_view(caption, gender, background, view):
    words = person_words(caption, [])
    assert (words["gender"], words["background"], words["view"]) == (gender, background, view)


def test_a_flat_shows_one_garment_and_no_person():
    assert flat_words(SHOES) == {f"{slot} cut": "none" for slot in SLOTS} | {
        "shoes cut": "sneakers", "shoes color": "brown", "shoes pattern": "plain",
    }  # fmt: skip


def test_targets_are_places_in_the_vocabulary():
    vocabulary = {"upper cut": ("none", "t-shirt"), "upper color": ("blue", "red"), "gender": ("woman", "man")}
    assert torch.equal(targets({"upper cut": "t-shirt", "upper color": "blue"}, vocabulary), torch.tensor([1, 0, UNKNOWN]))


def test_the_vocabulary_has_a_head_for_each_quality_of_each_slot_and_no_word_twice():
    vocabulary = wardrobe_vocabulary()
    assert len(vocabulary) == 3 * len(SLOTS) + 3
    assert all(len(set(words)) == len(words) > 1 for words in vocabulary.values())
