"""Pairs of people and their garments, from made-up shards in which every colour tells whose it is."""

import copy
import pickle
from types import SimpleNamespace

import pytest
import torch

from modiste.lab.training import garment_pairs
from modiste.lab.training.garment_pairs import GROWTH, GarmentPairs, painted

from . import made_up_pairs
from .made_up_pairs import GROUND, HEIGHT, WIDTH, Garment, Person, color, write_shard

CATEGORY = {"upper": 0, "outer": 0, "lower": 1, "dress": 2}
UPPER, LOWER = Garment("upper", (4, 14, 6, 18)), Garment("lower", (16, 28, 6, 18))
SIDE, BEHIND = "a man, against a grey wall, seen from the side", "a man, on a street, seen from behind"


def mean_colors(part):
    """Return the mean colour [3, 1, 1], 0..255, of each picture, in the place of latents."""
    return [part[index][0].float().mean((0, 1)).view(3, 1, 1) for index in range(len(part))]


ENCODER = SimpleNamespace(of_shards=mean_colors, halve=False)


@pytest.fixture(autouse=True)
def exact_masks(monkeypatch):
    monkeypatch.setattr(garment_pairs, "GROWTH", (0.0,))


def pairs_of(folder, curated=False):
    return GarmentPairs(folder, ENCODER, curated)


def found(pairs):
    """Return (index of the person, slot) of each pair."""
    return [(pairs.people.records[pair.person]["index"], pair.slot) for pair in pairs.pairs]


def shown(picture):
    """Return the colour of a garment alone."""
    return tuple(round(value) for value in picture.flatten().tolist())


def one_sentence(error):
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text
    return text


def test_a_pair_is_a_person_and_the_flat_of_the_same_outfit_and_slot(tmp_path):
    clothes = (UPPER, LOWER)
    dressed = (Garment("dress", (4, 20, 6, 18)), Garment("outer", (20, 30, 4, 20)))
    people = [Person(0, clothes), Person(7, clothes), Person(8, clothes), Person(15, clothes), Person(17, dressed)]
    write_shard(tmp_path, 3, people, [(16, "outer"), (8, "lower"), (0, "lower"), (8, "upper"), (16, "dress"), (0, "upper")])
    pairs = pairs_of(tmp_path)
    assert found(pairs) == [
        *((index, slot) for index in (0, 7, 8, 15) for slot in ("upper", "lower")),
        *((17, "dress"), (17, "outer")),
    ]
    for item, (index, slot) in zip((pairs[n] for n in range(len(pairs))), found(pairs), strict=True):
        assert shown(item["garment"]) == color(3, index // 8, slot)
        assert item["category"] == CATEGORY[slot]
        assert item["person"].shape == (HEIGHT, WIDTH, 3)
        worn = item["person"][item["mask"] > 0.99].float().quantile(0.5, 0)
        assert (worn - torch.tensor(color(3, index // 8, slot))).abs().max() <= 1


def test_seeds_are_kept_apart_though_their_indices_are_the_same(tmp_path):
    for seed in (2, 10):
        write_shard(tmp_path, seed, [Person(0, (UPPER,)), Person(9, (UPPER,))], [(0, "upper"), (8, "upper")])
    write_shard(tmp_path, 10, [Person(16, (UPPER,)), Person(24, (UPPER,))], [(24, "upper")], first=96)
    pairs = pairs_of(tmp_path)
    told = [(index, shown(pairs[n]["garment"])) for n, (index, _) in enumerate(found(pairs))]
    there = [(2, 0), (2, 9), (10, 0), (10, 9), (10, 24)]
    assert sorted(told) == sorted((index, color(seed, index // 8, "upper")) for seed, index in there)
    for number in range(len(pairs)):  # the person is of the same seed too
        close_up = pairs[number]["crop"].amax((0, 1)) * 255
        assert shown(close_up.round()) == shown(pairs[number]["garment"])


def test_of_a_garment_that_hardly_shows_there_is_nothing_to_restore(tmp_path):
    boxes = [(2, 12, 2, 8), (2, 31, 3, 5), (5, 5, 5, 5)]  # of the parts' pixels 60, 58 and none
    people = [Person(number, (Garment("upper", box),)) for number, box in enumerate(boxes)]
    write_shard(tmp_path, 0, people, [(0, "upper")])
    assert found(pairs_of(tmp_path)) == [(0, "upper")]


@pytest.mark.parametrize("halve", [False, True])
def test_the_garment_fills_what_is_seen_of_the_person(tmp_path, halve):
    write_shard(tmp_path, 1, [Person(0, (UPPER, LOWER))], [(0, "upper"), (0, "lower")])
    pairs = GarmentPairs(tmp_path, SimpleNamespace(of_shards=mean_colors, halve=halve), curated=False)
    # They are 24 pixels wide: 0.8 of 30, the width of a part of 40 x 30, from row 0 and 24 and from column 9.
    for item, slot, rows in ((pairs[0], "upper", (8, 28)), (pairs[1], "lower", (8, 32))):
        large = 1.6 / (2 if halve else 1)
        height, width = item["mask"].shape
        assert (height, width) == item["person"].shape[:2] == ((32, 24) if halve else (64, 48))
        expected = torch.zeros(height, width)
        expected[round(large * rows[0]) : round(large * rows[1]), round(large * 3) : round(large * 27)] = 1
        assert ((item["mask"] > 0.5) != expected.bool()).float().mean() < 0.04
        inside = item["person"][item["mask"] > 0.99].float().quantile(0.5, 0)
        assert (inside - torch.tensor(color(1, 0, slot))).abs().max() <= 1


def test_the_close_up_shows_the_garment_black_around_it_and_not_stretched(tmp_path):
    write_shard(tmp_path, 1, [Person(0, (UPPER, LOWER))], [(0, "lower")])
    crop = pairs_of(tmp_path)[0]["crop"] * 255
    assert crop.shape == (128, 128, 3)
    garment = torch.tensor(color(1, 0, "lower")).float()
    seen = crop[..., 2] / garment[2]
    assert (crop - seen[..., None] * garment).abs().max() < 0.01  # neither ground nor shirt, only more or less of the trousers
    side = 26  # of the 24 pixels that they measure, a twentieth more on all sides
    rows, columns = ((seen > 0.5).any(dim).sum().item() for dim in (1, 0))
    assert (rows, columns) == (pytest.approx(128 * 24 / side, abs=2), pytest.approx(128 * 24 / side, abs=2))
    assert not crop[[0, -1]].any() and not crop[:, [0, -1]].any()
    assert seen[40:88, 40:88].min() == pytest.approx(1)


def test_shoes_and_hats_are_never_restored_nor_what_has_no_flat(tmp_path):
    box = (8, 24, 6, 18)
    people = [Person(8 * number, (Garment(slot, box),)) for number, slot in enumerate(("shoes", "hat", "upper", "lower"))]
    write_shard(tmp_path, 0, people, [(0, "shoes"), (8, "hat"), (16, "upper"), (24, "upper")])
    assert found(pairs_of(tmp_path)) == [(16, "upper")]


def test_a_flat_of_shoes_among_the_upright_ones_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(made_up_pairs, "WIDE_SLOTS", ())
    write_shard(tmp_path, 0, [Person(0, (Garment("shoes"), UPPER))], [(0, "shoes"), (0, "upper")])
    assert found(pairs_of(tmp_path)) == [(0, "upper")]


def curated_of(folder, *people):
    flats = sorted({(8 * (person.index // 8), garment.slot) for person in people for garment in person.garments})
    write_shard(folder, 0, people, flats)
    return found(pairs_of(folder, curated=True))


def test_curated_pairs_are_seen_from_the_front_whole_and_hardly_hidden(tmp_path):
    kept = [Person(0, (Garment("upper", UPPER.box, 0.15),)), Person(8, (LOWER,))]
    left_out = [
        Person(16, (UPPER,), SIDE),
        Person(24, (UPPER,), BEHIND),
        Person(32, (Garment("upper", UPPER.box, 0.16),)),
        *(Person(40 + n, (Garment("upper", box),)) for n, box in enumerate([(0, 10, 6, 18), (22, 32, 6, 18)])),
        *(Person(48 + n, (Garment("upper", box),)) for n, box in enumerate([(4, 14, 0, 12), (4, 14, 12, 24)])),
    ]
    filling = [Person(56 + number, (UPPER,), SIDE) for number in range(8)]
    assert sorted(curated_of(tmp_path, *kept, *left_out, *filling)) == [(0, "upper"), (8, "lower")]


def test_curated_pairs_are_a_fifth_at_most_and_the_least_hidden(tmp_path):
    hidden = [0.14, 0.0, 0.07, 0.01, 0.12, 0.1, 0.02, 0.13, 0.05, 0.15, 0.11, 0.08, 0.03, 0.09, 0.06]
    people = [Person(number, (Garment("upper", UPPER.box, share),)) for number, share in enumerate(hidden)]
    assert sorted(curated_of(tmp_path, *people)) == [(number, "upper") for number in (1, 3, 6)]


def test_curating_counts_garments_and_not_people(tmp_path):
    """Of a person whose trousers are cut off, the shirt may still be learned from."""
    people = [Person(number, (UPPER, Garment("lower", (20, 32, 6, 18)))) for number in range(5)]
    assert curated_of(tmp_path, *people) == [(0, "upper")]


def test_pairs_go_to_another_process_after_reading(tmp_path):
    write_shard(tmp_path, 0, [Person(0, (UPPER, LOWER))], [(0, "upper"), (0, "lower")])
    pairs = pairs_of(tmp_path)
    before = pairs[1]
    assert pickle.dumps(pairs)  # open files would not go
    after = copy.deepcopy(pairs)[1]  # made anew from the state that is sent
    assert all(torch.equal(torch.as_tensor(before[name]), torch.as_tensor(after[name])) for name in before)


def test_it_says_what_to_do_without_shards(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(ValueError, match="learns from rendered shards: name their folder with --data") as error:
            pairs_of(folder)
        one_sentence(error)


def test_shards_without_parts_are_one_sentence(tmp_path):
    write_shard(tmp_path, 0, [Person(0, (UPPER,))], [(0, "upper")], parts=False)
    with pytest.raises(ValueError, match=r"has no tensor 'people_parts': remove it, and render it again") as error:
        pairs_of(tmp_path)
    one_sentence(error)


def test_people_without_any_flat_are_one_sentence(tmp_path):
    write_shard(tmp_path, 0, [Person(0, (UPPER,))], [(0, "shoes")])
    with pytest.raises(ValueError, match="no portrait flats") as error:
        pairs_of(tmp_path)
    one_sentence(error)


def test_grounds_and_garments_are_told_apart_here():
    """What the tests above rest on."""
    colors = [color(seed, outfit, slot) for seed in (0, 2, 3, 10) for outfit in range(4) for slot in CATEGORY]
    assert len(set(colors)) == len(colors) and (GROUND,) * 3 not in colors


def dilated(mask, reach):
    """Return a mask [H, W] grown by a square that reaches some pixels."""
    found = torch.zeros_like(mask)
    for row, column in mask.nonzero().tolist():
        found[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = 1
    return found


def test_masks_are_painted_as_they_are_or_too_large_by_a_share_of_the_garment(monkeypatch):
    monkeypatch.setattr(garment_pairs, "GROWTH", GROWTH)
    mask = torch.zeros(120, 60)
    mask[10:90, 20:40] = 1  # 80 pixels long: grown by none, 2 or 5
    counts = dict.fromkeys((0, 2, 5), 0)
    for number in range(400):
        found = painted(mask, number)
        assert torch.equal(found, painted(mask, number))
        counts[next(reach for reach in counts if torch.equal(found, dilated(mask, reach)))] += 1
    assert [count / 400 for count in counts.values()] == pytest.approx([0.5, 0.25, 0.25], abs=0.07)
    assert not painted(torch.zeros(120, 60), 1).any()


def test_the_close_up_and_what_is_seen_are_framed_by_what_was_painted(tmp_path, monkeypatch):
    """Somebody who paints too much sees a smaller garment."""
    monkeypatch.setattr(garment_pairs, "GROWTH", GROWTH)
    box = Garment("upper", (4, 28, 4, 20))
    write_shard(tmp_path, 1, [Person(number, (box,)) for number in range(12)], [(0, "upper"), (8, "upper")])
    pairs = pairs_of(tmp_path)
    grounds = [(pair["crop"].sum(-1) > 0).float().mean().item() for pair in pairs]  # of the close-up, not black
    seen = [pair["mask"].mean().item() for pair in pairs]
    assert len({round(ground, 2) for ground in grounds}) > 1 and len({round(share, 2) for share in seen}) > 1


def test_each_slot_is_curated_by_itself(tmp_path):
    """Trousers are always a little hidden, and still they are learned."""
    people = [
        Person(number, (Garment("upper", (2, 14, 6, 18), 0.001 * number), Garment("lower", (16, 30, 6, 18), 0.1 + 0.001 * number)))
        for number in range(10)
    ]
    assert sorted(curated_of(tmp_path, *people)) == [(0, "lower"), (0, "upper"), (1, "lower"), (1, "upper")]
