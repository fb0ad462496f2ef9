import random

import pytest
import torch

from modiste.models.geometry.color import srgb_to_lab
from modiste.wardrobe.colors import COLOR_WORDS, color_word, draw_color


@pytest.mark.parametrize(
    ("color", "word"),
    [
        ((0.0, 0.0, 0.0), "black"),
        ((1.0, 1.0, 1.0), "white"),
        ((0.5, 0.5, 0.5), "grey"),
        ((0.85, 0.05, 0.05), "red"),
        ((0.1, 0.12, 0.3), "navy"),
        ((1.0, 0.75, 0.8), "pink"),
        ((1.0, 0.55, 0.0), "orange"),
        ((0.5, 0.5, 0.0), "olive"),
        ((0.0, 0.5, 0.5), "teal"),
        ((0.5, 0.0, 0.5), "purple"),
    ],
)
def test_well_known_colours_are_called_by_their_names(color, word):
    """The colours that CSS gives these names, or nearly."""
    assert color_word(color) == word


@pytest.mark.parametrize("word", COLOR_WORDS)
def test_drawn_colours_clearly_deserve_their_word(word):
    draw = random.Random(3)
    centres = srgb_to_lab(torch.tensor(list(COLOR_WORDS.values())))
    drawn = [draw_color(draw, word) for _ in range(20)]
    for color in drawn:
        distance = (srgb_to_lab(torch.tensor(color)) - centres).norm(dim=1)
        nearest, second = distance.sort().values[:2]
        assert list(COLOR_WORDS)[int(distance.argmin())] == word
        assert nearest < 0.6 * second
    assert len(set(drawn)) > 12


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="no colour word 'mauve'"):
        draw_color(random.Random(0), "mauve")
