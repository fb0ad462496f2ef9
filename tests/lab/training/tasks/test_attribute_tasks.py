"""Training of the evaluation's networks, on shards of pictures whose colour is their label."""

import json

import pytest
import torch
from safetensors import safe_open

from modiste.lab.evaluation.attributes import UNKNOWN, garment_vocabulary, wardrobe_vocabulary
from modiste.lab.training.attribute_pictures import AttributePictures
from modiste.lab.training.order import buckets_of
from modiste.lab.training.task import load_task, task_names
from modiste.lab.training.tasks import reader as reader_task
from modiste.lab.training.tasks.encoder import Task, _loss
from modiste.lab.training.variations import Variations
from modiste.models.restoration import garment_finder
from modiste.models.weights.tensors import read_tensors, save_tensors
from modiste.wardrobe.slots import PART_INDEX, PARTS

GARMENT = {"slot": "upper", "cut": "t-shirt", "pattern": "plain", "named": "T-shirt"}
SHOES = {"slot": "shoes", "cut": "sneakers", "pattern": "plain", "color": "black", "named": ""}
COLORS = {"red": (200, 30, 30), "blue": (30, 60, 200)}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Twelve people, six red ones and six blue, twenty-four shirts and eight pairs of shoes."""
    folder = tmp_path_factory.mktemp("shards")
    noise = torch.Generator().manual_seed(0)

    def picture(color, height, width):
        grain = torch.randint(0, 30, (height, width, 3), generator=noise)
        return (torch.tensor(color) + grain).to(torch.uint8)

    shirts = [{**GARMENT, "color": color, "named": f"{color} T-shirt"} for color in COLORS] * 12
    people = [
        {"caption": f"a man wearing a {one['named']}, on a street", "index": 0, "garments": [one, SHOES]} for one in shirts[:12]
    ]
    tensors = {
        "people": torch.stack([picture(COLORS[one["color"]], 64, 48) for one in shirts[:12]]),
        "portrait_flats": torch.stack([picture(COLORS[one["color"]], 64, 48) for one in shirts]),
        "landscape_flats": torch.stack([picture((20, 20, 20), 48, 64) for _ in range(8)]),
    }
    for name in list(tensors):
        slot = "shoes" if name == "landscape_flats" else "upper"
        parts = torch.zeros(len(tensors[name]), *(length // 2 for length in tensors[name].shape[1:3]), dtype=torch.uint8)
        parts[:, 6:-6, 6:-6] = PART_INDEX[slot]
        tensors[f"{name}_parts"] = parts
    records = {"people": people, "portrait_flats": shirts, "landscape_flats": [SHOES] * 8}
    save_tensors(
        tensors, folder / "wardrobe_seed0_00000000.safetensors", {name: json.dumps(some) for name, some in records.items()}
    )
    return folder


def test_items_are_pictures_with_targets_and_people_stand_as_often_as_flats(shards):
    dataset = AttributePictures(shards, wardrobe_vocabulary())
    vocabulary = wardrobe_vocabulary()
    names = list(vocabulary)
    assert len(dataset) == 3 * 12 + 24 + 8
    picture, aims = dataset[1]
    assert picture.shape == (64, 48, 3)
    assert vocabulary["upper color"][aims[names.index("upper color")]] == "blue"
    assert vocabulary["background"][aims[names.index("background")]] == "on a street"
    assert aims[names.index("shoes cut")] == UNKNOWN  # the caption passes over them
    assert vocabulary["dress cut"][aims[names.index("dress cut")]] == "none"
    picture, aims = dataset[len(dataset) - 1]
    assert picture.shape == (48, 64, 3)
    assert aims[names.index("gender")] == UNKNOWN
    assert buckets_of(dataset, 8).tolist() == [0] * 60 + [1] * 8


def test_flats_stand_as_often_as_people_where_they_are_fewer(shards, tmp_path):
    with safe_open(next(shards.glob("*.safetensors")), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        records = {name: json.loads(known) for name, known in file.metadata().items()}
    few = {"people": 12, "portrait_flats": 3, "landscape_flats": 1}
    save_tensors(
        {name: tensors[name][:count].contiguous() for name, count in few.items()},
        tmp_path / "wardrobe_seed0_00000000.safetensors",
        {name: json.dumps(records[name][:count]) for name, count in few.items()},
    )
    assert AttributePictures(tmp_path, wardrobe_vocabulary()).buckets.tolist() == [0] * 12 + [0, 0, 0, 1] * 3


def test_pictures_are_varied_by_the_generator_alone_and_keep_their_colours():
    pictures = torch.full((4, 3, 64, 48), 0.25)
    pictures[:, 0] = 0.75
    varied_by = Variations(hidden=0)
    varied = [
        varied_by.spoiled(varied_by.moved(pictures, torch.Generator().manual_seed(seed))[0], torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(varied[0], varied[1])
    assert not torch.equal(varied[0], varied[2])
    assert (varied[0].mean((2, 3)) - pictures.mean((2, 3))).abs().max() < 0.005


def test_pictures_are_varied_alike_in_every_precision():
    pictures = torch.rand(4, 3, 64, 48, generator=torch.Generator().manual_seed(0))

    def varied():
        generator = torch.Generator().manual_seed(1)
        return Variations().moved(Variations().recoloured(pictures, generator)[0], generator)[0]

    exact = varied()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(varied(), exact)


def test_a_turned_picture_is_not_sheared():
    """The cross of two bars keeps its right angle, though pictures are taller than wide."""
    pictures = torch.zeros(16, 3, 128, 96)
    pictures[:, 0, 62:66, 30:66] = 1.0
    pictures[:, 1, 46:82, 46:50] = 1.0
    varied_by = Variations(zoom=0, shift=0, noise=0, hidden=0, turn=20)
    varied, _ = varied_by.moved(pictures, torch.Generator().manual_seed(0))
    angles = [_direction(picture[0]) - _direction(picture[1]) for picture in varied]
    turned = [_direction(picture[0]) for picture in varied]
    assert max(turned) - min(turned) > 10
    assert all(abs(abs(angle) - 90) < 1.5 for angle in angles)


def _direction(bar):
    """Return the direction of a bar in degrees."""
    y, x = (bar > 0.5).nonzero().double().unbind(1)
    values, vectors = torch.linalg.eigh(torch.cov(torch.stack([x, y])))
    along = vectors[:, values.argmax()]
    return float(torch.rad2deg(torch.atan2(along[1], along[0]))) % 180


def test_a_patch_hides_no_more_than_it_may():
    pictures = torch.ones(32, 3, 64, 48)
    varied_by = Variations(zoom=0, shift=0, turn=0, noise=0, hidden=0.5)
    hidden = (varied_by.spoiled(pictures, torch.Generator().manual_seed(3)) != 1).all(1)
    assert hidden.any(2).float().mean(1).max() <= 0.52 and hidden.any(1).float().mean(1).max() <= 0.54
    assert hidden.flatten(1).any(1).float().mean() > 0.8


def test_parts_move_with_their_pictures():
    parts = torch.zeros(8, 32, 24, dtype=torch.uint8)
    parts[:, 4:14, 3:12] = 9
    pictures = (parts == 9).float()[:, None].expand(-1, 3, -1, -1)
    pictures, parts = Variations().moved(pictures, torch.Generator().manual_seed(0), parts)
    assert parts.dtype == torch.int64 and set(parts.unique().tolist()) <= {0, 9}
    assert ((pictures[:, 0] > 0.5) == (parts == 9)).float().mean() > 0.97
    assert parts.unique(dim=0).shape[0] == 8


def test_turned_hues_keep_greys_and_teach_no_colour(shards):
    pictures = torch.full((8, 3, 4, 4), 0.4)
    pictures[4:, 0] = 0.7
    found, tinted = Task(tinted=1.0).recoloured(pictures, torch.Generator().manual_seed(0))
    assert tinted.all()
    assert (found[:4].amax(1) - found[:4].amin(1)).max() < 1e-5
    assert (found[4:].argmax(1) != 0).any()
    same, tinted = Task(tinted=0.0).recoloured(pictures, torch.Generator().manual_seed(0))
    assert not tinted.any() and torch.allclose(same, pictures, atol=1e-6)
    torch.manual_seed(0)
    task = Task(tinted=1.0)
    picture, aims = AttributePictures(shards, wardrobe_vocabulary())[0]
    _, logs = task.loss(task.build(), [picture[None], aims[None]], torch.Generator().manual_seed(0), 0)
    assert logs["color"] == 0  # of none


def trained(task, shards, steps, rate):
    """Train a little on twelve items; return what the loss fell to, as a share of the first, and the last log."""
    torch.manual_seed(0)
    model, dataset = task.build(), task.dataset(shards, 0)
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    batch = [torch.stack(column) for column in zip(*(dataset[index] for index in range(12)), strict=True)]
    losses = []
    for step in range(steps):
        loss, logs = task.loss(model, batch, torch.Generator().manual_seed(step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[-1] / losses[0], logs


def test_a_few_steps_teach_red_from_blue(shards):
    left, logs = trained(Task(tinted=0, hidden=0), shards, 20, 1e-3)
    assert set(logs) == {"cut", "color", "pattern"}
    assert left < 0.6 and logs["color"] > 0.9


def test_a_head_that_no_picture_teaches_costs_nothing(shards):
    task = Task()
    torch.manual_seed(0)
    model, dataset = task.build(), task.dataset(shards, 0)
    picture, aims = dataset[0]
    loss, logs = task.loss(model, [picture[None], torch.full_like(aims, UNKNOWN)[None]], torch.Generator().manual_seed(0), 0)
    assert loss.item() == 0
    assert all(value == 0 for value in logs.values())


def test_which_cut_is_worn_counts_as_much_as_whether_one_is(shards):
    bare, worn = _cut_loss([0, 0, 0, 0, 0, 0, 0, 5]), _cut_loss([0, 0, 0, 0, 5, 5, 5, 5])
    assert torch.allclose(bare, worn)
    assert torch.allclose(_cut_loss([5, 5]) + _cut_loss([0, 0]), worn)


def _cut_loss(aims):
    logits = torch.arange(6.0).expand(len(aims), 6)
    return _loss(logits, torch.tensor(aims), of_cut=True)


def test_without_shards_it_says_what_to_do():
    with pytest.raises(ValueError, match="learns from rendered shards"):
        Task().dataset(None, 0)


def test_the_reader_learns_parts_and_red_from_blue(shards):
    left, logs = trained(reader_task.Task(tinted=0), shards, 25, 2e-3)
    assert set(logs) == {"parts", "cut", "color", "pattern"}
    assert left < 0.6 and logs["parts"] > 0.7 and logs["color"] > 0.9


def test_a_batch_without_any_garment_teaches_the_reader_parts_alone(shards):
    torch.manual_seed(0)
    task = reader_task.Task()
    model, dataset = task.build(), task.dataset(shards, 0)
    picture, aims, parts = dataset[0]
    loss, logs = task.loss(model, [picture[None], torch.zeros_like(aims)[None], parts[None]], torch.Generator().manual_seed(0), 0)
    loss.backward()
    assert loss.item() > 0 and logs["cut"] == 0


def test_shards_without_parts_are_no_lesson_for_the_reader(shards, tmp_path):
    with safe_open(next(shards.glob("*.safetensors")), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if "parts" not in name}  # noqa: SIM118 - no mapping
        save_tensors(tensors, tmp_path / "wardrobe_seed0_00000000.safetensors", file.metadata())
    with pytest.raises(ValueError, match=r"has no tensor 'people_parts': remove it, and render it again"):
        reader_task.Task().dataset(tmp_path, 0)[0]


def test_the_readers_part_that_finds_garments_is_written_too_and_the_pack_can_use_it(tmp_path, monkeypatch):
    model = reader_task.Task().build()
    reader_task.Task().export(model, tmp_path / "mine.safetensors", {"kind": "reader"})
    monkeypatch.setattr(garment_finder, "FINDER_FILE", tmp_path / "mine_finder.safetensors")
    assert garment_finder.part_names() == list(PARTS)
    written = read_tensors(garment_finder.FINDER_FILE)
    wanted = model.finder.state_dict()
    assert written.keys() == wanted.keys()
    assert all(torch.equal(written[name], weight.half()) for name, weight in wanted.items())
    assert garment_finder.found_garments(torch.rand(1, 64, 48, 3)).shape == (1, 64, 48)


def test_encoder_and_reader_are_trained_from_different_random_weights(tmp_path):
    assert {"encoder", "reader"} <= set(task_names())
    (encoder, first), (reader, second) = load_task("encoder"), load_task("reader")
    assert first.seed != second.seed and encoder.kind != reader.kind
    for task, vocabulary in ((encoder, wardrobe_vocabulary()), (reader, garment_vocabulary())):
        torch.manual_seed(0)
        task.export(task.build(), tmp_path / "a.safetensors", {"kind": task.kind})
        with safe_open(tmp_path / "a.safetensors", "pt") as file:
            assert json.loads(file.metadata()["vocabulary"]) == {name: list(words) for name, words in vocabulary.items()}
