"""Contact sheets: every picture in its place, unchanged."""

import numpy as np
import pytest
import torch

from modiste.lab.training.sheets import GAP, as_bytes, contact_sheet

GENERATOR = torch.Generator().manual_seed(0)


def picture(height, width):
    return torch.randint(256, (height, width, 3), generator=GENERATOR, dtype=torch.uint8)


def test_pictures_stand_in_rows_without_captions():
    images = [picture(10, 8) for _ in range(5)]
    sheet = np.asarray(contact_sheet(images, None, 2))
    assert sheet.shape == (3 * (10 + GAP) + GAP, 2 * (8 + GAP) + GAP, 3)
    for index, image in enumerate(images):
        top, left = GAP + index // 2 * (10 + GAP), GAP + index % 2 * (8 + GAP)
        assert (sheet[top : top + 10, left : left + 8] == image.numpy()).all()
    assert (sheet[-GAP - 10 :, -GAP - 8 :] == 255).all()  # the sixth place is empty


def test_captions_stand_below_their_pictures_and_touch_none():
    images = [picture(12, 90) for _ in range(2)]
    plain = np.asarray(contact_sheet(images, None, 2))
    sheet = np.asarray(contact_sheet(images, ["a striped blue T-shirt on a white background", ""], 2))
    assert (sheet[: GAP + 12] == plain[: GAP + 12]).all()
    below = sheet[GAP + 12 :]
    assert (below[:, : GAP + 90] < 128).any() and (below[:, GAP + 90 + GAP :] == 255).all()


def test_portrait_and_landscape_share_a_sheet():
    images = [picture(12, 8), picture(8, 12)]
    sheet = np.asarray(contact_sheet(images, None, 2))
    assert sheet.shape == (12 + 2 * GAP, 2 * (12 + GAP) + GAP, 3)
    assert (sheet[GAP : GAP + 8, 2 * GAP + 12 : 2 * GAP + 24] == images[1].numpy()).all()


def test_floats_are_clipped_and_rounded():
    floats = torch.tensor([-0.5, 0.0, 0.5, 1.0, 7.0, 100.4 / 255])
    assert as_bytes(floats).tolist() == [0, 0, 128, 255, 255, 100]
    assert as_bytes(torch.tensor([1.0], dtype=torch.bfloat16)).dtype == torch.uint8


def test_nothing_to_show_or_captions_too_few_are_sentences():
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([], None, 3)
    with pytest.raises(ValueError, match="2 pictures got 1 captions"):
        contact_sheet([picture(4, 4)] * 2, ["a"], 2)
