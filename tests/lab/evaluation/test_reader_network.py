"""The reader's way of looking: where a garment is, a close-up of it, and what is said of slots that are bare."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.lab.evaluation.attributes import UNKNOWN
from modiste.lab.evaluation.reader_network import CLOSE_UP, _close_ups, close_up_boxes
from modiste.wardrobe.slots import PART_INDEX, PARTS, SLOTS


def block(height, width, top, left, high, wide):
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    mask[0, top : top + high, left : left + wide] = True
    return mask


@given(st.integers(0, 20), st.integers(0, 10), st.integers(8, 40), st.integers(8, 30))
def test_a_close_up_shows_all_of_a_rectangle_and_little_more(top, left, high, wide):
    x, y, half = close_up_boxes(block(64, 48, top, left, high, wide), 192)[0].tolist()
    assert (x, y) == pytest.approx((4 * (left + wide / 2), 4 * (top + high / 2)), abs=0.05)
    assert 1 <= half / (2 * max(high, wide)) < 1.3  # of half its longer side, in pixels of the picture


def test_a_tiny_or_missing_garment_has_a_close_up_too():
    tiny, none = block(64, 48, 5, 7, 1, 1), torch.zeros(1, 64, 48, dtype=torch.bool)
    assert close_up_boxes(tiny, 192)[0].tolist() == pytest.approx(
        [30.0, 22.0, 10.0], abs=1.0
    )  # stray weight of nothing pulls a little
    assert close_up_boxes(none, 192).isfinite().all()


def test_where_a_garment_is_does_not_depend_on_the_precision_of_training():
    masks = torch.cat([block(64, 48, top, 5, 6, 9) for top in range(0, 58, 3)])
    exact = close_up_boxes(masks, 192)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(close_up_boxes(masks, 192), exact)


def test_a_close_up_is_the_picture_there():
    picture = torch.stack(torch.meshgrid(torch.arange(96.0), torch.arange(64.0), indexing="ij")).flip(0)[None]  # x, y
    box = torch.tensor([[30.0, 50.0, 8.0]])
    seen = _close_ups(picture, box, torch.tensor([0]))[0]
    steps = (2 * torch.arange(CLOSE_UP) + 1) / CLOSE_UP - 1
    assert torch.allclose(seen[0, 0], 30 + 8 * steps - 0.5, atol=1e-4)  # pixel 0 has its middle at 1/2
    assert torch.allclose(seen[1, :, 0], 50 + 8 * steps - 0.5, atol=1e-4)


def test_bare_slots_are_read_as_none_and_others_as_some_cut(reader, monkeypatch):
    logits = torch.zeros(2, len(PARTS), 24, 16)
    logits[:, 0] = 1.0
    logits[1, PART_INDEX["hat"], :6, :] = 9.0
    monkeypatch.setattr(type(reader), "parts", lambda self, pictures: logits)
    found = reader.readings(torch.rand(2, 3, 96, 64))
    names = list(reader.vocabulary)
    for slot in SLOTS:
        cut, color = (found[:, names.index(f"{slot} {quality}")] for quality in ("cut", "color"))
        worn = torch.tensor([False, slot == "hat"])
        assert (cut[~worn] == 0).all() and (color[~worn] == UNKNOWN).all() and (color[worn] >= 0).all()
