"""Shards: what is rendered is what is read, whole or not at all, and a folder grows without doing anything twice."""

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import load_file, save_file

from modiste.lab.training import shards
from modiste.lab.training.order import seed_of
from modiste.lab.training.shards import ShardPictures, render_shards, shard_seeds
from modiste.models.weights import tensors
from modiste.wardrobe import samples, workers
from modiste.wardrobe.workers import worker_pool

FIELDS = ("slot", "cut", "pattern", "color", "words")


class Garment:
    """A garment of one colour; a hat's flat lies on its side."""

    def __init__(self, seed, index, slot, width, height, flats):
        self.slot, self.cut, self.pattern, self.color = slot, f"cut {index}", "plain", "red"
        self.words, self.flat_caption = f"{slot} {index}", f"a {slot} {index} on a white background"
        self.named, self.occlusion = "hat" if slot == "hat" else "", 0.25
        size = (width, height, 3) if slot == "hat" else (height, width, 3)
        self.flat = torch.full(size, shade(seed, index, slot), dtype=torch.uint8) if flats else None
        self.flat_mask = torch.ones(size[:2], dtype=torch.bool) if flats else None


class Sample:
    def __init__(self, seed, index, width, height, flats):
        self.image = torch.full((height, width, 3), shade(seed, index, "person"), dtype=torch.uint8)
        slots = ("upper", "hat") if index < 100 else ("upper",)
        self.garments = tuple(Garment(seed, index, slot, width, height, flats) for slot in slots)
        self.caption = f"person {index}"
        self.parts = torch.full((height, width), index % 15, dtype=torch.uint8)


def shade(seed, index, what):
    return (17 * seed + 3 * index + len(what)) % 256


@pytest.fixture
def rendered(monkeypatch):
    """Draw samples of one colour, in threads; return the list of those that were drawn."""
    drawn = []

    def person_sample(seed, index, width=192, height=256, flats=True):
        drawn.append(index)
        return Sample(seed, index, width, height, flats)

    monkeypatch.setattr(samples, "person_sample", person_sample)
    monkeypatch.setattr(samples, "SHOTS", 3)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda count, *_: ThreadPoolExecutor(count))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    return drawn


@pytest.fixture
def folder(tmp_path, rendered):
    render_shards(tmp_path / "shards", 5, 0, 192, (6, 8))
    return tmp_path / "shards"


def test_fewer_pictures_of_each_outfit_are_the_first_of_each(tmp_path, rendered):
    render_shards(tmp_path, 5, 0, 96, (6, 8), shots=2)
    assert rendered == [index for index in range(96) if index % 3 < 2]
    assert [ShardPictures(tmp_path, "people")[place][1]["index"] for place in (0, 1, 2, 63)] == [0, 1, 3, 94]
    assert [known["index"] for known in ShardPictures(tmp_path, "portrait_flats").records] == list(range(0, 96, 3))
    render_shards(tmp_path, 5, 0, 96, (6, 8), shots=2)
    assert len(rendered) == 64
    with pytest.raises(ValueError, match="has 64 people, not 96: render with other --shots into another folder"):
        render_shards(tmp_path, 5, 0, 96, (6, 8))


@pytest.mark.parametrize("shots", [0, 4])
def test_as_many_pictures_of_an_outfit_as_there_are(tmp_path, rendered, shots):
    with pytest.raises(ValueError, match=f"There are 3 pictures of each outfit: --shots is {shots}, and should be from 1 to 3"):
        render_shards(tmp_path, 5, 0, 96, (6, 8), shots=shots)
    assert not rendered


def test_people_are_read_at_random_with_what_they_wear(folder):
    people = ShardPictures(folder, "people")
    assert len(people) == 192
    for index in (191, 0, 95, 96, 100):
        picture, known = people[index]
        assert picture.shape == (8, 6, 3) and picture.dtype == torch.uint8
        assert picture.unique().tolist() == [shade(5, index, "person")]
        assert (known["caption"], known["index"]) == (f"person {index}", index)
    worn = people[3][1]["garments"]
    assert worn[1] == {
        "slot": "hat", "cut": "cut 3", "pattern": "plain", "color": "red", "words": "hat 3", "named": "hat", "occlusion": 0.25,
    }  # fmt: skip


def test_a_flat_that_samples_share_is_there_once(folder):
    flats = ShardPictures(folder, "portrait_flats")
    assert [known["index"] for _, known in (flats[index] for index in range(len(flats)))] == list(range(0, 192, 3))
    picture, known = flats[40]
    assert picture.unique().tolist() == [shade(5, 120, "upper")]
    assert known == {
        "caption": "a upper 120 on a white background", "index": 120,
        "slot": "upper", "cut": "cut 120", "pattern": "plain", "color": "red", "words": "upper 120",
    }  # fmt: skip


def test_no_outfit_is_spread_over_two_shards():
    assert shards.SHARD % samples.SHOTS == 0


def test_flats_of_hats_lie_on_their_side_apart_from_the_others(folder):
    hats = ShardPictures(folder, "landscape_flats")
    assert {known["slot"] for _, known in (hats[index] for index in range(len(hats)))} == {"hat"}
    assert hats[0][0].shape == (6, 8, 3)
    assert len(hats) == len(range(0, 100, 3))  # the others wear none


@pytest.mark.parametrize("index", [-1, 192])
def test_a_number_out_of_range_is_an_index_error(folder, index):
    with pytest.raises(IndexError):
        ShardPictures(folder, "people")[index]


def test_pictures_go_to_another_process_after_reading(folder):
    people = ShardPictures(folder, "people")
    people[0]
    sent = copy.copy(people)  # by the state that goes to another process
    assert people.open and not sent.open
    assert sent[150][0].equal(people[150][0])


def test_a_folder_grows_without_rendering_anything_twice(folder, rendered):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    rendered.clear()
    told = []
    render_shards(folder, 5, 0, 288, (6, 8), progress=lambda done, total: told.append((done, total)))
    assert sorted(rendered) == list(range(192, 288)) and told == [(288, 288)]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(ShardPictures(folder, "people")) == 288


def test_seeds_are_known_from_the_folder(folder, tmp_path):
    render_shards(folder, 11, 0, 96, (6, 8))
    assert shard_seeds(folder) == [5, 11]
    assert shard_seeds(tmp_path) == []


@pytest.mark.parametrize(("start", "count"), [(0, 0), (0, -96), (0, 100), (5, 96), (-96, 96)])
def test_other_than_whole_shards_are_refused(tmp_path, start, count):
    with pytest.raises(ValueError, match="Shards hold 96 samples each"):
        render_shards(tmp_path, 0, start, count)
    assert not list(tmp_path.iterdir())


def test_a_failure_midway_leaves_whole_shards_which_are_kept(tmp_path, rendered, monkeypatch):
    stored = tensors.save_file

    def full(tensors, path, metadata=None):
        if json.loads(metadata["people"])[0]["index"] == 96:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        stored(tensors, path, metadata)

    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(ValueError, match="No space left on device"):
        render_shards(tmp_path, 0, 0, 192, (6, 8), workers=1)
    monkeypatch.setattr(tensors, "save_file", stored)
    assert [path.name for path in tmp_path.iterdir()] == ["wardrobe_seed0_00000000.safetensors"]
    rendered.clear()
    render_shards(tmp_path, 0, 0, 192, (6, 8))
    assert sorted(rendered) == list(range(96, 192))


def test_rendering_can_be_cancelled_from_its_progress(tmp_path, rendered):
    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_shards(tmp_path, 0, 0, 96 * 20, (6, 8), workers=1, progress=cancel)
    assert len(rendered) < 96 * 20
    assert len(ShardPictures(tmp_path, "people")) % 96 == 0


def test_leftovers_of_a_killed_rendering_are_removed(tmp_path, rendered):
    leftover = tmp_path / ".0123456789ab.tmp.safetensors"
    leftover.write_bytes(b"half")
    render_shards(tmp_path, 0, 0, 96, (6, 8))
    assert not leftover.exists()


def test_shards_of_another_size_are_not_taken_for_finished(folder):
    with pytest.raises(ValueError, match="has pictures of 6x8: render those of 12x16 into another folder"):
        render_shards(folder, 5, 0, 96, (12, 16))


def test_an_empty_file_is_not_taken_for_a_finished_shard(folder):
    path = sorted(folder.iterdir())[0]
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{path.name}.*render it again"):
        render_shards(folder, 5, 0, 96, (6, 8))


@pytest.mark.parametrize("how", ["truncated", "records", "foreign"])
def test_a_damaged_shard_is_named(folder, how):
    path = sorted(folder.iterdir())[1]
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-9])
    elif how == "records":
        save_file(load_file(path), path, {"people": json.dumps([{"caption": "one"}])})
    else:
        save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=f"{path.name}.*render it again"):
        ShardPictures(folder, "people")


def test_pictures_of_several_sizes_are_refused(folder):
    render_shards(folder, 6, 0, 96, (12, 16))
    with pytest.raises(ValueError, match="several sizes"):
        ShardPictures(folder, "people")


def test_a_folder_without_shards_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="no landscape flats in the folder"):
        ShardPictures(tmp_path, "landscape_flats")


def test_workers_know_the_pack(tmp_path):
    with worker_pool(1) as pool:
        assert pool.submit(seed_of, "a", 1).result() == seed_of("a", 1)
