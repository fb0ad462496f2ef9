"""Printed words can be read, logos are told apart, and a print stays where it belongs."""

import pytest
import torch

from modiste.wardrobe.details import Place
from modiste.wardrobe.pieces import Paint
from modiste.wardrobe.prints import LETTERS, LOGOS, Print, apply_print, print_ink, text_height

RED = (0.8, 0.1, 0.1)


def raster(printed, width, height, step):
    """Ink on a grid as a picture shows it to somebody in front: the wearer's left is on the right."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = (x + 0.5 - width / 2) * step, -(y + 0.5 - height / 2) * step
    return print_ink(printed, x.flatten(), y.flatten(), step).view(height, width)


def font_letter(letter, size):
    """The same letter from Pillow's own typeface, cropped and stretched to a square of `size` pixels."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=80)
    image = Image.new("L", (160, 160))
    ImageDraw.Draw(image).text((40, 30), letter, font=font, fill=255, stroke_width=3, stroke_fill=255)
    stretched = image.crop(image.getbbox()).resize((size, size))
    return torch.frombuffer(bytearray(stretched.tobytes()), dtype=torch.uint8).view(size, size) / 255


def own_letter(letter, size):
    ink = raster(Print("text", letter, RED, 0.3), 60, 80, 0.01)
    rows, columns = (ink > 0.5).any(1).nonzero()[:, 0], (ink > 0.5).any(0).nonzero()[:, 0]
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return torch.nn.functional.interpolate(cropped[None, None], (size, size), mode="area")[0, 0]


def test_letters_are_most_like_the_same_letters_of_another_typeface():
    letters = [letter for letter in LETTERS if letter.isalpha() and letter != "I"]  # an I fills any box
    others = torch.stack([font_letter(letter, 24) for letter in letters])
    right = 0
    for letter in letters:
        mine = own_letter(letter, 24)
        right += letters[int(((others - mine) ** 2).sum((1, 2)).argmin())] == letter
    assert right >= 23


def test_text_reads_from_left_to_right_for_who_stands_in_front():
    ink = raster(Print("text", "LT", RED, 0.2), 200, 200, 0.001) > 0.5
    rows = ink.any(1).nonzero()[:, 0]
    top, bottom = ink[rows[0] + 2], ink[rows[-1] - 2]
    # L comes first: ink at the left all the way; its foot is below, the bar of the T above.
    assert top[:60].any() and bottom[:60].any()
    assert bottom[20:80].sum() > 2 * top[20:80].sum()
    assert top[110:180].sum() > 2 * bottom[110:180].sum()


@pytest.mark.parametrize("word", ["HI", "LOVE", "SURF 77"])
def test_a_word_is_as_wide_and_high_as_stated(word):
    ink = raster(Print("text", word, RED, 0.2), 300, 300, 0.001) > 0.5
    columns, rows = ink.any(0).nonzero()[:, 0], ink.any(1).nonzero()[:, 0]
    assert abs(int(columns[-1] - columns[0] + 1) - 200) <= 2
    assert abs(int(rows[-1] - rows[0] + 1) - 200 * text_height(word)) <= 2


@pytest.mark.parametrize("logo", LOGOS)
def test_logos_fill_their_width_and_no_more(logo):
    ink = raster(Print("logo", logo, RED, 0.16), 200, 200, 0.001) > 0.5
    columns = ink.any(0).nonzero()[:, 0]
    assert 70 < int(columns[-1] - columns[0] + 1) <= 164
    assert 0.06 < float(ink[20:180, 20:180].float().mean()) < 0.85


def test_logos_differ_at_the_size_of_small_pictures():
    small = torch.stack([raster(Print("logo", logo, RED, 0.16), 24, 24, 0.0077).flatten() for logo in LOGOS])
    apart = torch.cdist(small, small) + 100 * torch.eye(len(small))
    assert apart.min() > 2.5


def test_a_print_colours_its_own_spots_only():
    x = torch.linspace(-0.3, 0.3, 61).repeat(61)
    y = torch.linspace(0.3, -0.3, 61).repeat_interleave(61)
    cloth = Paint(torch.full((len(x), 3), 0.5))
    left = apply_print(cloth, Print("logo", "badge", RED, 0.2), Place(x, y, (x > 0).float()))
    changed = (left.color != 0.5).any(1)
    assert changed.any() and (x[changed] > 0).all() and (torch.hypot(x, y)[changed] < 0.103).all()
    assert (left.color - torch.tensor(RED)).abs().amax(1).min() < 0.03
    assert apply_print(cloth, None, Place(x, y, torch.ones(len(x)))) is cloth


@pytest.mark.parametrize(
    "printed, message",
    [
        (Print("text", "Ä", RED), "letter 'Ä' cannot be printed"),
        (Print("text", "  ", RED), "has no letters"),
        (Print("logo", "dragon", RED), "no logo 'dragon'; use one of star"),
        (Print("photo", "X", RED), "no kind of print 'photo'"),
    ],
)
def test_what_cannot_be_printed_is_told(printed, message):
    with pytest.raises(ValueError, match=message):
        print_ink(printed, torch.zeros(1), torch.zeros(1))
