"""Samples of garments on people: what is paired and what street, whose they are, and that the wardrobe really shows them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from modiste.lab.evaluation import worn
from modiste.lab.evaluation.worn import SPLITS, draw_flats, draw_worn, drawn_worn, is_paired
from modiste.wardrobe.samples import SHOTS, person_sample
from modiste.wardrobe.slots import PART_INDEX

HEIGHT, WIDTH = 40, 30
WALL, STREET, ROOM, GARDEN = "a man, against a grey wall", "a man, on a street", "a man, in a room", "a man, in a garden"
INNER = (8, 28, 6, 24)


def garment(slot="upper", box=INNER, occlusion=0.0, flat=None):
    """Return a garment that a box (top, bottom, left, right) of the picture shows."""
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[box[0] : box[1], box[2] : box[3]] = True
    about = {"cut": f"{slot} cut", "color": "red", "pattern": "plain"}
    return SimpleNamespace(slot=slot, mask=mask, occlusion=occlusion, flat=flat, flat_mask=None if flat is None else mask, **about)


def sample(yaw=0.0, caption=WALL):
    return SimpleNamespace(caption=caption, shot=SimpleNamespace(yaw=yaw))


@pytest.mark.parametrize(
    ("seen", "taken"),
    [
        (garment(), sample()),
        (garment(), sample(30)),
        (garment(), sample(-30, "a woman wearing a red T-shirt, against a light blue background")),
        (garment(occlusion=0.15), sample()),
        (garment(box=(1, 39, 1, 29)), sample()),
    ],
)
def test_a_garment_from_the_front_whole_and_hardly_hidden_before_a_plain_ground_is_paired(seen, taken):
    assert is_paired(seen, taken) is True


@pytest.mark.parametrize(
    ("seen", "taken"),
    [
        (garment(), sample(31)),
        (garment(), sample(-40)),
        (garment(), sample(180)),
        (garment(occlusion=0.16), sample()),
        *((garment(box=box), sample()) for box in ((0, 20, 6, 24), (8, 40, 6, 24), (8, 28, 0, 24), (8, 28, 6, 30))),
        *((garment(), sample(0, caption)) for caption in (STREET, ROOM, GARDEN, "a woman wearing blue jeans, in a garden")),
    ],
)
def test_a_garment_turned_hidden_cut_off_or_before_a_busy_ground_is_not(seen, taken):
    assert is_paired(seen, taken) is False


@pytest.fixture
def wardrobe(monkeypatch):
    """Replace the wardrobe's people by made-up ones: a function of outfit and shot gives (yaw, caption, garments)."""
    made = {}

    def person_sample(seed, index, flats=True):
        outfit, shot = divmod(index, SHOTS)
        yaw, caption, garments = made["taken"](outfit, shot)
        picture = torch.full((HEIGHT, WIDTH, 3), 0, dtype=torch.uint8)
        for place, number in enumerate((seed, outfit % 100, outfit // 100 % 256, shot)):
            picture[place] = number
        if flats:
            flats = [torch.full((HEIGHT, WIDTH, 3), outfit % 100, dtype=torch.uint8) for _ in garments]
            for one, flat in zip(garments, flats, strict=True):
                flat[0, 0] = PART_INDEX[one.slot]
                one.flat, one.flat_mask = flat, ~garment().mask
        return SimpleNamespace(image=picture, caption=caption, shot=SimpleNamespace(yaw=yaw), garments=garments)

    @contextmanager
    def worker_pool(count):
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(worn, "person_sample", person_sample)
    monkeypatch.setattr(worn, "worker_pool", worker_pool)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    return lambda taken: made.update(taken=taken)


def whose(one):
    """Return (seed, outfit, which hundred it is of, shot) of a sample of the made-up wardrobe."""
    return tuple(one.person[:4, 0, 0].tolist())


def turning(outfit, shot):
    """Three shots from behind, two from the side, two from the front before a street, and one as in a shop."""
    yaw = (180, 150, -121, 90, -100, 0, 10, 20)[shot]
    return yaw, STREET if shot in (5, 6) else WALL, [garment("upper"), garment("lower"), garment("shoes")]


def test_even_outfits_are_paired_and_odd_ones_street_and_never_from_behind(wardrobe):
    wardrobe(turning)
    assert [whose(drawn_worn(3, outfit)) for outfit in (0, 2, 4)] == [(3, outfit, 0, 7) for outfit in (0, 2, 4)]
    assert {whose(drawn_worn(3, outfit))[3] for outfit in (1, 3, 5)} <= {3, 4, 5, 6}


def test_slots_take_turns_and_shoes_and_hats_have_none(wardrobe):
    wardrobe(lambda outfit, shot: (0, WALL, [garment(slot) for slot in ("upper", "outer", "lower", "hat", "shoes")]))
    assert [drawn_worn(3, outfit).slot for outfit in range(0, 8, 2)] == ["upper", "outer", "lower", "upper"]


def test_each_sample_is_what_the_chosen_shot_shows_with_the_garment_alone(wardrobe):
    wardrobe(lambda outfit, shot: (0, WALL, [garment("upper", (5 + shot, 28, 6, 24)), garment("dress", INNER, 0.5)]))
    one = drawn_worn(3, 6)
    *who, shot = whose(one)
    assert who == [3, 6, 0] and one.slot == "upper" and one.category == "upper"
    assert torch.equal(one.mask, garment("upper", (5 + shot, 28, 6, 24)).mask)
    assert one.flat[1:].unique().tolist() == [6] and one.flat[0, 0, 0] == PART_INDEX["upper"]
    assert torch.equal(one.flat_mask, ~garment().mask)
    assert one.words["upper cut"] == "upper cut" and one.words["upper color"] == "red" and one.words["dress cut"] == "none"


def test_a_garment_that_hardly_shows_is_no_sample(wardrobe):
    """A hundredth of the picture is 12 of its pixels."""
    small, enough = garment("lower", (8, 19, 6, 7)), garment("upper", (8, 20, 6, 7))
    wardrobe(lambda outfit, shot: (0, WALL, [small, enough]))
    assert {drawn_worn(3, outfit).slot for outfit in range(0, 8, 2)} == {"upper"}


def test_where_no_shot_of_an_outfit_fits_another_outfits_is_taken(wardrobe):
    """One far away, so that it is nobody else's."""
    wardrobe(lambda outfit, shot: (0, STREET if outfit < 1000 else WALL, [garment("upper")]))
    first, second = (whose(drawn_worn(3, outfit)) for outfit in (0, 2))
    assert first != second and first[1:3] != (0, 0) and second[1:3] != (2, 0)
    assert whose(drawn_worn(3, 1))[:3] == (3, 1, 0)
    samples = draw_worn(3, range(30))
    assert len({whose(one)[:3] for some in samples.values() for one in some}) == 60


@pytest.mark.parametrize(("outfit", "place"), [(0, STREET), (1, WALL)])
def test_a_seed_without_such_samples_is_one_sentence(wardrobe, outfit, place):
    wardrobe(lambda *_: (0, place, [garment("upper")]))
    with pytest.raises(ValueError, match=rf"no {SPLITS[outfit]} sample") as error:
        drawn_worn(3, outfit)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_no_two_samples_are_of_one_person_and_indices_are_theirs_alone(wardrobe):
    wardrobe(turning)
    told = []
    found = draw_worn(3, range(2, 6), lambda done, total: told.append((done, total)))
    assert list(found) == list(SPLITS) and [len(some) for some in found.values()] == [4, 4]
    people = [whose(one)[:3] for some in found.values() for one in some]
    assert len(set(people)) == 8
    assert told == [(number, 8) for number in range(1, 9)]
    later = draw_worn(3, range(6, 8))
    assert not {whose(one)[:3] for some in later.values() for one in some} & set(people)
    again = draw_worn(3, range(3, 4))  # whatever is drawn beside it
    assert [whose(again[split][0]) for split in SPLITS] == [whose(found[split][1]) for split in SPLITS]
    assert {whose(one)[3] for one in found["paired"]} == {7} and 7 not in {whose(one)[3] for one in found["street"]}


def test_garments_to_compare_with_are_of_other_people_one_of_each_and_their_slots_take_turns(wardrobe):
    slots = ("upper", "lower", "hat", "shoes")
    wardrobe(lambda outfit, shot: (180, STREET, [garment(slot) for slot in slots]))
    told = []
    flats = draw_flats(3, range(10, 14), lambda done, total: told.append((done, total)))
    assert [flat[1:].unique().tolist() for flat in flats] == [[outfit] for outfit in range(20, 28)]
    assert [int(flat[0, 0, 0]) for flat in flats] == [PART_INDEX[slot] for slot in ("upper", "upper", "lower", "lower") * 2]
    assert told == [(number, 8) for number in range(1, 9)]


@pytest.fixture(scope="module")
def drawn():
    """The first sample of each split from the wardrobe itself."""
    return {split: drawn_worn(4242, outfit) for outfit, split in enumerate(SPLITS)}


def shot_of(one, outfit):
    """Return the wardrobe's sample that shows a picture."""
    return next(
        taken
        for taken in (person_sample(4242, SHOTS * outfit + shot, flats=False) for shot in range(SHOTS))
        if torch.equal(taken.image, one.person)
    )


@pytest.mark.parametrize(("outfit", "split"), [(0, "paired"), (1, "street")])
def test_the_wardrobe_shows_what_the_splits_promise(drawn, outfit, split):
    one = drawn[split]
    taken = shot_of(one, outfit)
    truth = next(truth for truth in taken.garments if truth.slot == one.slot)
    assert torch.equal(one.mask, truth.mask) and one.person.shape == one.flat.shape == (256, 192, 3)
    rows, columns = one.mask.nonzero().T
    inside = rows.min() > 0 and rows.max() < 255 and columns.min() > 0 and columns.max() < 191
    plain = "background" in taken.caption or "wall" in taken.caption
    from_the_front = abs(taken.shot.azimuth) <= 30
    assert (from_the_front and truth.occlusion <= 0.15 and bool(inside) and plain) == (split == "paired")
    assert abs(taken.shot.azimuth) < 120 and "seen from behind" not in taken.caption
    assert one.mask.sum() >= 0.01 * one.mask.numel()


def test_the_garment_alone_is_on_white_and_in_words(drawn):
    for outfit, one in enumerate(drawn.values()):
        whole = person_sample(4242, SHOTS * outfit)
        truth = next(truth for truth in whole.garments if truth.slot == one.slot)
        assert torch.equal(one.flat, truth.flat)
        assert one.words[f"{one.slot} cut"] == truth.cut and one.words[f"{one.slot} pattern"] == truth.pattern
        assert (one.flat[~one.flat_mask] > 250).float().mean() > 0.97  # but for its smooth outline
        assert (one.flat[one.flat_mask] < 250).any(1).float().mean() > 0.5


def test_a_sample_is_the_same_every_time(drawn):
    again = drawn_worn(4242, 0)
    assert all(torch.equal(getattr(again, name), getattr(drawn["paired"], name)) for name in ("person", "mask", "flat"))
    assert not torch.equal(drawn["paired"].person, drawn["street"].person)
