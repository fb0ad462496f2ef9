"""The close-up of a garment, against cropping by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.restoration.crop import STRAY, Placement, garment_crop, masked_pixels, placement


@st.composite
def masks(draw):
    """Masks [H, W] of a rectangle and a few single pixels."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    mask = torch.zeros(height, width)
    pixel = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    (top, left), (bottom, right) = draw(pixel), draw(pixel)
    mask[min(top, bottom) : max(top, bottom) + 1, min(left, right) : max(left, right) + 1] = 1
    for row, column in draw(st.lists(pixel, max_size=3)):
        mask[row, column] = 1
    return mask


def reach(counts):
    """Return the first of a side's lines that counts and the one after the last: strays are left off, up to the next gap."""
    least = STRAY * counts.sum()
    first, last = 0, len(counts) - 1
    while counts[: first + 1].sum() <= least:
        first += 1
    while counts[last + 1 :].sum() + counts[last] <= least:
        last -= 1
    while first > 0 and counts[first - 1]:
        first -= 1
    while last + 1 < len(counts) and counts[last + 1]:
        last += 1
    return first, last + 1


def extent(mask):
    """Return left, top, right and bottom of the garment that a mask shows, the latter two not included."""
    shown = mask.numpy() > 0.5
    (left, right), (top, bottom) = reach(shown.sum(0)), reach(shown.sum(1))
    return left, top, right, bottom


def by_hand(image, mask, place):
    crop, cut = torch.zeros(place.side, place.side, 3), torch.zeros(place.side, place.side)
    for row in range(place.side):
        for column in range(place.side):
            y, x = place.top + row, place.left + column
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]:
                crop[row, column], cut[row, column] = image[y, x] * mask[y, x], mask[y, x]
    return crop, cut


@given(masks(), st.floats(0, 1))
def test_the_square_holds_the_garment_in_its_middle(mask, margin):
    place = placement(mask, margin)
    left, top, right, bottom = extent(mask)
    assert place.left <= left and place.top <= top
    assert place.left + place.side >= right and place.top + place.side >= bottom
    assert abs(place.left + place.side / 2 - (left + right) / 2) <= 0.5
    assert abs(place.top + place.side / 2 - (top + bottom) / 2) <= 0.5
    assert abs(place.side - max(right - left, bottom - top) * (1 + 2 * margin)) <= 0.5


@given(masks(), st.floats(0, 1), st.integers(0, 9))
def test_at_its_own_size_it_is_the_picture_cut_by_hand(mask, margin, seed):
    image = torch.rand(*mask.shape, 3, generator=torch.Generator().manual_seed(seed))
    soft = mask * (0.6 + 0.4 * image[..., 0])
    place = placement(mask, margin)
    crop, cut = garment_crop(image, soft, place, place.side)
    expected, expected_mask = by_hand(image, soft, place)
    torch.testing.assert_close(crop, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(cut, expected_mask, rtol=0, atol=1e-6)


@given(masks(), st.floats(0, 1), st.integers(1, 60))
def test_at_any_size_it_is_square_and_black_outside_the_mask(mask, margin, size):
    crop, cut = garment_crop(torch.ones(*mask.shape, 3), mask, placement(mask, margin), size)
    assert crop.shape == (size, size, 3) and cut.shape == (size, size)
    torch.testing.assert_close(crop, cut[..., None].expand(-1, -1, 3), rtol=0, atol=1e-6)  # of a white picture
    assert 0 <= crop.min() <= crop.max() <= 1
    assert crop.max() > 0


@pytest.mark.parametrize("size", [45, 60, 120, 240], ids=lambda size: f"{size} of 60")
def test_a_place_in_the_crop_is_the_place_that_the_placement_tells(size):
    """Colours that tell where in the picture they are still do so, in both directions alike."""
    height, width = 70, 100
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    image = torch.stack([x, y, torch.zeros_like(x)], -1)
    place = Placement(left=30, top=5, side=60)
    crop, _ = garment_crop(image, torch.ones(height, width), place, size)
    in_picture = (torch.arange(size) + 0.5) * place.side / size - 0.5
    inner = slice(size // 6, size - size // 6)  # away from the edges, over which nothing is known
    expected_y, expected_x = torch.meshgrid((place.top + in_picture)[inner], (place.left + in_picture)[inner], indexing="ij")
    torch.testing.assert_close(crop[inner, inner, 0] * width, expected_x, rtol=0, atol=0.05)
    torch.testing.assert_close(crop[inner, inner, 1] * height, expected_y, rtol=0, atol=0.05)


@pytest.mark.parametrize("center", [(20, 100), (21, 45), (25, 180)], ids=["at the top", "in a corner", "inside"])
def test_a_circle_in_a_wide_picture_stays_one(center):
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(210.0), indexing="ij")
    mask = ((y - center[0]) ** 2 + (x - center[1]) ** 2 < 20.2**2).float()
    _, cut = garment_crop(torch.ones(60, 210, 3), mask, placement(mask, 0.1), 96)
    left, top, right, bottom = extent(cut)
    assert abs((right - left) - (bottom - top)) <= 1
    v, u = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    radius = ((v - 47.5) ** 2 + (u - 47.5) ** 2).sqrt()
    assert cut[radius < 37].min() > 0.99 and cut[radius > 43].max() < 0.01  # 96 pixels are 49 here


def test_a_long_garment_is_padded_and_not_stretched():
    mask = torch.zeros(50, 40)
    mask[5:45, 20:30] = 1  # four times as high as wide
    place = placement(mask, 0.0)
    assert place == Placement(left=5, top=5, side=40)
    _, cut = garment_crop(torch.ones(50, 40, 3), mask, place, 80)
    assert extent(cut) == (30, 0, 50, 80)


@pytest.mark.parametrize("grey", [0.0, 0.5])
def test_an_empty_mask_is_one_sentence(grey):
    with pytest.raises(ValueError, match=r"^The mask is empty: paint the garment white in it\.$"):
        placement(torch.full((20, 20), grey))


@given(masks())
def test_a_garment_is_as_large_as_the_longer_side_of_its_box(mask):
    left, top, right, bottom = extent(mask)
    assert masked_pixels(mask) == max(right - left, bottom - top)
    assert masked_pixels(mask * 0.4) == 0


def test_a_stroke_that_went_astray_moves_nothing():
    mask = torch.zeros(64, 48)
    mask[20:50, 14:34] = 1
    stray = mask.clone()
    stray[0, 0] = stray[63, 47] = 1
    assert placement(stray) == placement(mask) and masked_pixels(stray) == 30
    stray[:4, :4] = 1  # sixteen pixels of six hundred are meant
    assert placement(stray).side > placement(mask).side


def test_a_thin_end_of_the_garment_itself_is_kept():
    mask = torch.zeros(64, 48)
    mask[20:50, 4:34] = 1
    mask[50, 20:23] = mask[51, 21] = 1  # less than would be astray, but for where it is
    assert masked_pixels(mask) == 32
