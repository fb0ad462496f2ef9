"""Photos and masks as artists give them."""

import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modiste.models.restoration.photos import checked_masks, closer, fitted, limited, on_white, read_photo

from .conftest import one_sentence


def photos(count, height=64, width=48):
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(count))


def mask_of(top, left, bottom, right, height=64, width=48):
    mask = torch.zeros(height, width)
    mask[top:bottom, left:right] = 1
    return mask


LARGE, OTHER = mask_of(5, 5, 50, 40), mask_of(20, 0, 60, 48)


def test_one_mask_is_for_all_photos():
    for given_mask in (LARGE, LARGE[None]):
        masks = checked_masks(photos(3), given_mask)
        assert masks.shape == (3, 64, 48) and all(torch.equal(mask, LARGE) for mask in masks)


def test_several_people_keep_their_own_masks(caplog):
    assert torch.equal(checked_masks(photos(2), torch.stack([LARGE, OTHER])), torch.stack([LARGE, OTHER]))
    assert not caplog.records


@pytest.mark.parametrize(
    ("images", "masks", "told"),
    [
        (photos(1), torch.zeros(64, 48), "The mask is empty: paint the garment white in it, in the mask editor of Load Image."),
        (photos(1), torch.full((1, 64, 48), 0.5), "The mask is empty: paint the garment white in it."),
        (photos(2), torch.stack([LARGE, torch.zeros(64, 48)]), "Mask 2 is empty: paint the garment white in it."),
        (photos(1), torch.ones(1, 64, 64), "The mask is 64x64 and the image 48x64: give a mask of the image's size."),
        (photos(1), torch.ones(48, 64), "The mask is 64x48 and the image 48x64: give a mask of the image's size."),
        (photos(3), torch.ones(2, 64, 48), "There are 2 masks for 3 images: give one, or one for each image."),
        (photos(1), torch.ones(2, 64, 48), "There are 2 masks for 1 images: give one, or one for each image."),
    ],
    ids=["empty", "grey", "one of two empty", "square", "turned", "too few", "too many"],
)
def test_masks_that_cannot_be_used_are_one_sentence(images, masks, told):
    with pytest.raises(ValueError) as error:
        checked_masks(images, masks)
    assert one_sentence(error) == told


@pytest.mark.parametrize(("box", "told"), [((0, 0, 31, 9), 31), ((3, 3, 4, 4), 1), ((0, 0, 32, 9), None), ((0, 0, 5, 32), None)])
def test_a_tiny_garment_is_warned_of_and_goes_through(caplog, box, told):
    mask = mask_of(*box)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(checked_masks(photos(1), mask)[0], mask)
    said = [record.getMessage() for record in caplog.records]
    start = f"The mask shows a garment only {told} pixels large"
    assert not said if told is None else len(said) == 1 and said[0].startswith(start)


def test_a_warning_says_which_mask_is_meant(caplog):
    with caplog.at_level(logging.WARNING):
        checked_masks(photos(2), torch.stack([LARGE, mask_of(0, 0, 8, 8)]))
    assert [record.getMessage()[:36] for record in caplog.records] == ["Mask 2 shows a garment only 8 pixels"]


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(64, 1024))
def test_sizes_are_whole_places_no_side_longer_and_about_of_the_photos_shape(height, width, longest):
    sides = limited(height, width, longest)
    assert all(side % 8 == 0 and side >= 8 for side in sides) and max(sides) <= max(8, longest + 4)
    scale = min(1, longest / max(height, width))
    assert [abs(side - scale * length) <= 4 or side == 8 for side, length in zip(sides, (height, width), strict=True)] == [
        True,
        True,
    ]


def test_what_a_mask_hides_becomes_white():
    images = photos(2)
    soft = torch.stack([LARGE, 0.25 * OTHER])
    expected = images * soft[..., None] + 1 - soft[..., None]
    torch.testing.assert_close(on_white(images, soft), expected, rtol=0, atol=1e-6)
    assert torch.equal(on_white(images, soft)[0][LARGE == 0], torch.ones(int((LARGE == 0).sum()), 3))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(8, 60), st.integers(8, 60), st.sampled_from([0.0, 1.0]))
def test_a_fitted_picture_is_whole_in_the_middle_and_not_stretched(height, width, to_width, to_height, ground):
    canvas = fitted(torch.full((height, width, 3), 0.5), to_width, to_height, ground)
    assert canvas.shape == (to_height, to_width, 3)
    inside = (canvas - 0.5).abs().amax(-1) < 1e-3
    assert ((canvas == ground).all(-1) | inside).all()
    rows, columns = (np.flatnonzero(inside.any(dim).numpy()) for dim in (1, 0))
    assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    scale = min(to_width / width, to_height / height)
    assert abs(len(rows) - max(1, height * scale)) <= 0.5 and abs(len(columns) - max(1, width * scale)) <= 0.5
    assert len(rows) == to_height or len(columns) == to_width
    for found, size in ((rows, to_height), (columns, to_width)):
        assert abs(found[0] - (size - 1 - found[-1])) <= 1


def test_a_fitted_picture_keeps_what_it_shows_in_its_place():
    y, x = torch.meshgrid(torch.arange(40) / 40, torch.arange(30) / 30, indexing="ij")
    canvas = fitted(torch.stack([x, y, 0 * x], -1), 100, 80)  # 60 x 80 in the middle
    v, u = torch.meshgrid(torch.arange(80), torch.arange(60), indexing="ij")
    shown = canvas[8:-8, 28:-28]
    torch.testing.assert_close(shown[..., 0], (((u + 0.5) / 2 - 0.5) / 30)[8:-8, 8:-8], rtol=0, atol=2e-3)
    torch.testing.assert_close(shown[..., 1], (((v + 0.5) / 2 - 0.5) / 40)[8:-8, 8:-8], rtol=0, atol=2e-3)
    assert torch.equal(canvas[:, :20], torch.ones(80, 20, 3)) and torch.equal(canvas[:, 80:], torch.ones(80, 20, 3))


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_a_photo_is_read_as_it_is(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    assert photo.dtype == torch.float32
    assert torch.equal((photo * 255).round(), torch.from_numpy(PIXELS).float())


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_a_photo_of_any_kind_has_three_channels(tmp_path, mode):
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    Image.fromarray(PIXELS).convert(mode).save(path)
    photo = read_photo(path)
    assert photo.shape == (5, 7, 3) and 0 <= photo.min() < photo.max() <= 1


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, PIXELS),
        (2, PIXELS[:, ::-1]),
        (3, PIXELS[::-1, ::-1]),
        (6, np.rot90(PIXELS, -1)),
        (8, np.rot90(PIXELS, 1)),
    ],
    ids=["upright", "mirrored", "upside down", "to be turned right", "to be turned left"],
)
def test_a_photo_is_turned_as_its_camera_says(tmp_path, orientation, shown):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(tmp_path / "photo.png", exif=exif)
    assert torch.equal((read_photo(tmp_path / "photo.png") * 255).round(), torch.from_numpy(shown.copy()).float())


def test_what_is_no_picture_is_one_sentence(tmp_path):
    (tmp_path / "notes.png").write_text("This is a list of clothes.")
    Image.fromarray(PIXELS.repeat(40, 0).repeat(40, 1)).save(tmp_path / "whole.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-200])
    (tmp_path / "chunks.png").write_bytes((tmp_path / "whole.png").read_bytes()[:8] + bytes(range(100, 200)))
    (tmp_path / "empty.jpg").touch()
    for name in ("notes.png", "broken.png", "chunks.png", "empty.jpg", "gone.png"):
        with pytest.raises(ValueError) as error:
            read_photo(tmp_path / name)
        assert one_sentence(error) == f"'{name}' is no picture that can be read: choose a PNG or JPEG."


boxes = st.tuples(st.integers(0, 52), st.integers(0, 36), st.integers(12, 60), st.integers(12, 44)).map(
    lambda box: (box[0], box[1], min(64, box[0] + box[2]), min(48, box[1] + box[3]))
)


@given(boxes)
def test_closer_the_garment_fills_a_fixed_share_and_nothing_beyond_the_photo_is_shown(box):
    mask = mask_of(*box)
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 48), indexing="ij")
    image = torch.stack([rows, columns, mask], -1)  # every pixel tells where it was
    near, near_mask = closer(image[None], mask[None])
    assert near.shape == (1, 64, 48, 3) and near_mask.shape == (1, 64, 48)
    height, width = (box[2] - box[0]) / 64, (box[3] - box[1]) / 48
    share = min(1.0, max(height, width) / 0.8)
    shown = [float(near[0, ..., axis].max() - near[0, ..., axis].min()) for axis in (0, 1)]
    assert shown == [pytest.approx(share, abs=0.06)] * 2  # of either side alike: of the photo's own shape
    filled = near_mask[0].mean().item()
    assert filled == pytest.approx(height * width / share**2, abs=0.12)  # all of the garment is there
    assert torch.allclose(near[0, ..., 2], near_mask[0], atol=1e-5)


def test_closer_photos_keep_their_own_garment_and_may_come_in_another_size():
    masks = torch.stack([mask_of(0, 0, 16, 12), mask_of(40, 30, 64, 48), LARGE])
    near, near_masks = closer(photos(3), masks, (32, 24))
    assert near.shape == (3, 32, 24, 3) and near_masks.shape == (3, 32, 24)
    assert near_masks[0, :24, :18].mean() > 0.95 and near_masks[1, 10:, 7:].mean() > 0.9
    assert near.min() >= 0 and near.max() <= 1


@given(st.integers(14, 26), st.integers(11, 19))
def test_from_closer_nothing_is_stretched_if_another_shape_is_asked_for(height, width):
    image = torch.zeros(1, 64, 48, 3)
    image[:, 20:40, 14:34] = 1  # a square
    (near,), _ = closer(image, image[..., 0], (8 * height, 8 * width))
    assert near.shape == (8 * height, 8 * width, 3)
    rows, columns = (near[..., 0] > 0.5).nonzero().T
    box = [int(side.max() - side.min()) + 1 for side in (rows, columns)]
    assert box[0] == pytest.approx(box[1], rel=0.1)


def test_where_a_garment_fills_the_photo_it_stays_as_it_is():
    image, mask = photos(1), mask_of(2, 2, 62, 40)[None]
    near, near_mask = closer(image, mask)
    assert torch.allclose(near, image, atol=1e-5) and torch.allclose(near_mask, mask, atol=1e-5)


def test_a_stroke_that_went_astray_moves_nothing():
    image, mask = photos(1), mask_of(20, 14, 50, 34)[None]
    stray = mask.clone()
    stray[0, 0, 0] = stray[0, 63, 47] = 1
    near, _ = closer(image, mask)
    assert torch.equal(closer(image, stray)[0], near)
    stray[0, :4, :4] = 1  # sixteen pixels of six hundred are meant
    assert not torch.equal(closer(image, stray)[0], near)
