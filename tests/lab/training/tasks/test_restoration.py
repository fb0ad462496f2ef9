"""Training of garment restoration: what is minimised, what learns, what is written, and a whole small run."""

import copy
import csv
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from modiste.lab.training.bases import load_training_base
from modiste.lab.training.config import Config
from modiste.lab.training.garment_pairs import GarmentPairs
from modiste.lab.training.loop import Run, train
from modiste.lab.training.order import generator_of
from modiste.lab.training.restorer import METHODS, load_restorer, net_file, prompt_file
from modiste.lab.training.task import CONFIGS, load_task
from modiste.lab.training.tasks import restoration
from modiste.lab.training.tasks.restoration import Task
from modiste.models.base.architecture import LATENT_SCALE
from modiste.models.restoration.categories import CATEGORIES, PROMPTS, SLOT_CATEGORY
from modiste.models.weights.tensors import read_metadata
from modiste.wardrobe.slots import PART_INDEX

from ..made_up_pairs import Garment, Person, write_shard

RANK = 2


@pytest.fixture(scope="module", autouse=True)
def base():
    """The tiny base, read once; its UNet is copied, since it is changed in place."""
    base = load_training_base(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoration, "load_training_base", lambda checkpoint: replace(base, unet=copy.deepcopy(base.unet)))
        yield base


@pytest.fixture(scope="module")
def built(base):
    """Build a network of each method once; every weight that is trained has been moved a little."""
    networks = {}
    for method in METHODS:
        torch.manual_seed(0)
        networks[method] = Task(method=method, rank=RANK).build()
        with torch.no_grad():
            for weight in networks[method].parameters():
                if weight.requires_grad:
                    weight.add_(0.03 * torch.randn_like(weight))
    return networks


def batch(count=2, size=(16, 12)):
    generator = torch.Generator().manual_seed(0)
    person, garment = torch.randn(2, count, 16, *size, generator=generator)
    return {
        "person": person,
        "garment": garment,
        "mask": (torch.rand(count, 4 * size[0], 4 * size[1], generator=generator) > 0.9).float(),
        "crop": torch.rand(1, 128, 128, 3, generator=generator).expand(count, -1, -1, -1),
        "category": torch.arange(count) % len(CATEGORIES),
    }


class Stub:
    """Keeps what it is told; as an oracle it knows each person's garment."""

    prediction = "v_prediction"

    def __init__(self, garments=None):
        self.garments, self.seen, self.kept = garments, None, []

    def see(self, person, mask, crop, category):
        self.seen = SimpleNamespace(person=person, mask=mask, crop=crop, category=category)
        return self.seen

    def denoise(self, noisy, timestep, keep, seen):
        assert seen is self.seen
        self.kept += keep.tolist()
        self.rows = len(noisy)
        if self.garments is None:
            return torch.zeros_like(noisy)
        clean = self.garments.repeat(len(noisy) // len(self.garments), 1, 1, 1)
        share = torch.tensor([shares()[step] for step in timestep]).view(-1, 1, 1, 1)
        noise = (noisy - share.sqrt() * clean) / (1 - share).sqrt()
        return noise if self.prediction == "epsilon" else share.sqrt() * noise - (1 - share).sqrt() * clean


def shares():
    """Return the share of signal at each of SD1.5's timesteps."""
    betas = [(math.sqrt(0.00085) + (math.sqrt(0.012) - math.sqrt(0.00085)) * step / 999) ** 2 for step in range(1000)]
    found = [1.0]
    for beta in betas:
        found.append(found[-1] * (1 - beta))
    return found[1:]


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("draws", [1, 3])
def test_who_knows_each_persons_garment_has_no_loss(prediction, draws):
    oracle = Stub(batch(3)["garment"])
    oracle.prediction = prediction
    loss, _ = Task(draws=draws).loss(oracle, batch(3), generator_of("cpu", 0), 0)
    assert loss.item() < 1e-4
    assert oracle.rows == 3 * draws
    oracle.garments = oracle.garments.flip(0)
    assert Task(draws=draws).loss(oracle, batch(3), generator_of("cpu", 0), 0)[0].item() > 0.1


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_who_says_nothing_has_the_loss_of_the_target(shift):
    known = batch(256, (8, 6))
    even = torch.arange(1000) / 1000
    power, share = (
        4 * known["garment"].square().mean(),
        torch.tensor(shares())[(shift * even / (1 + (shift - 1) * even) * 1000).long()],
    )
    known["garment"] = 2 * known["garment"]
    loss, _ = Task(shift=shift).loss(Stub(), known, generator_of("cpu", 0), 0)
    assert loss.item() == pytest.approx((share + (1 - share) * power).mean().item(), rel=0.03)


def test_the_network_is_shown_what_is_in_the_batch():
    stub, shown = Stub(), batch(64)
    Task().loss(stub, shown, generator_of("cpu", 1), 0)
    for name in ("person", "mask", "crop", "category"):
        assert torch.equal(getattr(stub.seen, name), shown[name])


@pytest.mark.parametrize("dropped", [0.0, 0.3, 1.0])
def test_some_garments_are_told_nothing(dropped):
    stub = Stub()
    for step in range(20):
        Task(dropped=dropped, draws=4).loss(stub, batch(8, (2, 2)), generator_of("cpu", step), step)
    assert 1 - sum(stub.kept) / len(stub.kept) == pytest.approx(dropped, abs=0.06)
    assert len(stub.kept) == 20 * 4 * 8


def test_pictures_that_are_not_latents_yet_are_encoded(base):
    pictures = torch.randint(256, (2, 2, 64, 48, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        signed = pictures.permute(0, 1, 4, 2, 3) / 127.5 - 1
        latents = [base.vae.encode(many).latent_dist.mean * LATENT_SCALE for many in signed]
    oracle = Stub(latents[1])
    told = batch() | {"person": pictures[0], "garment": pictures[1]}
    assert Task().loss(oracle, told, generator_of("cpu", 0), 0)[0].item() < 1e-4
    assert torch.allclose(oracle.seen.person, latents[0], atol=1e-4)
    once = Task().prepared(told)
    for name in told:
        assert torch.equal(once[name], Task().prepared(once)[name])
        assert name in ("person", "garment") or once[name] is told[name]
    assert Task().loss(Stub(latents[1]), once, generator_of("cpu", 0), 0)[0].item() < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_every_weight_that_is_to_learn_is_taught_and_no_other(built, method):
    network = built[method]
    loss, _ = Task(method=method, dropped=0.0, draws=1).loss(network, batch(), generator_of("cpu", 0), 0)
    loss.backward()
    assert math.isfinite(loss.item())
    untaught = [name for name, weight in network.named_parameters() if weight.requires_grad and not weight.grad.any()]
    assert not untaught
    assert all(weight.grad is None for weight in network.parameters() if not weight.requires_grad)
    network.zero_grad(set_to_none=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_base_stays_as_it_is(built, base, method):
    """But for the first layer of "concat", which has a channel more."""
    weights, base = dict(built[method].unet.named_parameters()), base.unet.state_dict()
    changes = ("weight.0.up", "weight.0.down")
    plain = {name.replace("parametrizations.weight.original", "weight"): name for name in weights if not name.endswith(changes)}
    assert plain.keys() == base.keys()
    learning = {short for short, name in plain.items() if weights[name].requires_grad}
    assert learning == ({"conv_in.weight", "conv_in.bias"} if method == "concat" else set())
    assert all(torch.equal(weights[name], base[short]) for short, name in plain.items() if short not in learning)


def test_a_few_steps_on_one_pair_lower_its_loss():
    torch.manual_seed(0)
    task = Task(method="concat", rank=4, dropped=0.0)
    network, shown = task.build(), batch(1, (8, 6))
    optimizer = torch.optim.Adam([weight for weight in network.parameters() if weight.requires_grad], 5e-3)
    losses = []
    for _ in range(8):
        loss, _ = task.loss(network, shown, generator_of("cpu", 0), 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.fixture
def exported(built, tmp_path):
    """Files of a coarse stage, in a folder whose name nobody needs to know."""
    folder = tmp_path / "whose_folder"
    folder.mkdir()
    Task(method="no_garmnet").export(built["no_garmnet"], folder / "coarse.v1.safetensors", {"steps": "7", "data": "made up"})
    return folder / "coarse.v1"


def test_files_are_those_that_are_read_and_say_how_they_were_trained(exported):
    assert {path.name for path in exported.parent.iterdir()} == {"coarse.v1_net.safetensors", "coarse.v1_prompt.safetensors"}
    told = {"steps": "7", "data": "made up"}
    assert read_metadata(prompt_file(exported)) == told | {"kind": "garment-prompt"}
    assert read_metadata(net_file(exported)) == told | {"kind": "garm-net", "prompts": json.dumps(PROMPTS)}


def test_a_fine_stage_starts_from_a_coarse_one_and_tells_its_story_but_not_its_folder(exported, built, tmp_path):
    fine = Task(method="no_garmnet", rank=RANK, start=str(exported))
    network = fine.build()
    before = dict(built["no_garmnet"].named_parameters())
    learning = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    assert learning and all(torch.equal(weight, before[name].half().float()) for name, weight in learning.items())
    metadata = {"steps": "9", "task": f"method='no_garmnet', start={fine.start!r}, rank=2"}
    fine.export(network, tmp_path / "fine.safetensors", metadata)
    third = Task(method="no_garmnet", rank=RANK, start=str(tmp_path / "fine"))
    third.export(network, tmp_path / "third.safetensors", {"steps": "11", "task": f"start={third.start!r}"})
    for file in (net_file, prompt_file):
        told = read_metadata(file(tmp_path / "third"))
        assert (told["steps"], told["task"]) == ("11", "start='fine'")
        fine_told = json.loads(told["started_from"])
        assert (fine_told["steps"], fine_told["task"]) == ("9", "method='no_garmnet', start='coarse.v1', rank=2")
        assert json.loads(fine_told["started_from"])["steps"] == "7"
        assert not [text for text in told.values() if tmp_path.name in text or "whose_folder" in text]


def test_a_start_of_another_method_is_one_sentence(exported):
    with pytest.raises(ValueError, match=r"coarse\.v1_net\.safetensors' is of another method or size") as error:
        Task(method="concat", rank=RANK, start=str(exported)).build()
    assert "\n" not in str(error.value)


def settings(folder, text):
    (folder / "settings.toml").write_text(f"steps = 1\nbatch = 1\nlearning_rate = 1e-5\n[task]\n{text}\n")
    return folder / "settings.toml"


def test_a_method_that_there_is_not_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="no method 'magic' to train: choose ours, no_garmnet, concat") as error:
        load_task("restoration", settings(tmp_path, 'method = "magic"'))
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_the_half_stage_learns_from_all_pairs_at_half_size(tmp_path):
    task, config = load_task("restoration", CONFIGS / "restoration-half.toml")
    assert (task.method, task.halve, task.curated, task.start) == ("ours", True, False, "")
    assert (config.optimizer, config.batch) == ("muon", 16)
    write_pairs(tmp_path / "pairs")
    dataset = task.dataset(tmp_path / "pairs", 0)
    assert len(dataset) == 4
    assert dataset[0]["person"].shape == (32, 24, 3) and dataset[0]["garment"].shape == (16, 4, 3)


def write_pairs(folder):
    clothes = (Garment("upper", (4, 14, 6, 18)), Garment("lower", (16, 28, 6, 18)))
    write_shard(folder, 5, [Person(0, clothes), Person(8, clothes)], [(0, "upper"), (0, "lower"), (8, "upper"), (8, "lower")])


def test_the_fine_stage_is_curated(tmp_path):
    write_pairs(tmp_path / "pairs")
    assert len(Task(curated=True).dataset(tmp_path / "pairs", 0)) == 2  # of two pairs of each slot a fifth, at least one


def test_shards_are_told_from_folders_of_data_sets(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(restoration, "FolderPairs", lambda *arguments: opened.append(arguments))
    Task(size=(96, 128), curated=True).dataset(tmp_path, 0)
    sd15 = Task(base="a", ip_adapter="b", image_encoder="c")
    sd15.dataset(tmp_path, 0)
    assert opened == [(tmp_path, (96, 128), 128, True), (tmp_path, (192, 256), 224, False)]
    write_pairs(tmp_path)
    with pytest.raises(ValueError, match="Shards are small pictures for the tiny base"):
        sd15.dataset(tmp_path, 0)
    with pytest.raises(ValueError, match="name their folder with --data"):
        Task().dataset(None, 0)


class Quiet:
    def say(self, sentence):
        pass

    def step(self, done, total, loss):
        pass


def test_a_run_on_shards_trains_goes_on_and_writes_what_restores(built, tmp_path, monkeypatch):
    """Of "ours", whose three parts all learn, with the precision and the optimizer of its settings."""
    monkeypatch.setattr("os.fsync", lambda file: None)
    monkeypatch.setattr(Task, "sample_sheet", lambda *_: Image.new("RGB", (8, 8)))
    write_pairs(tmp_path / "pairs")
    task = Task(rank=RANK, draws=1)
    config = Config(steps=2, batch=2, learning_rate=1e-3, optimizer="muon", precision="auto", channels_last=True, ema=0.5)
    run = Run(task, config, tmp_path / "pairs", tmp_path / "run", tmp_path / "garment.safetensors")
    train(run, False, Quiet())
    first = load_file(net_file(tmp_path / "garment"))
    train(replace(run, config=replace(config, steps=3)), True, Quiet())
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert all(math.isfinite(float(row["loss"])) for row in rows)
    last = load_file(net_file(tmp_path / "garment"))
    assert first.keys() == last.keys() and not [name for name in last if not torch.isfinite(last[name]).all()]
    assert any(not torch.equal(first[name], last[name]) for name in last)
    assert all(tensor.any() for name, tensor in last.items() if name.endswith("lora_up.weight"))
    told = read_metadata(prompt_file(tmp_path / "garment"))
    assert (told["steps"], told["samples"], told["data"]) == ("3", "6", "wardrobe, seed 5, 4 items in shards")
    restorer = copy.deepcopy(built["ours"])
    load_restorer(restorer, tmp_path / "garment")
    encoder = SimpleNamespace(of_shards=lambda part: [torch.zeros(16, 8, 6)] * len(part), halve=False)
    dataset = GarmentPairs(tmp_path / "pairs", encoder, False)
    pair = {name: torch.as_tensor(value)[None] for name, value in dataset[0].items()}
    loss, _ = task.loss(restorer, pair, generator_of("cpu", 0), 0)
    assert math.isfinite(loss.item())


def shown(count):
    """Return what a sheet shows, made up."""
    people = torch.randint(256, (count, 64, 48, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    masks = torch.zeros(count, 64, 48, dtype=torch.bool)
    masks[:, 10:40, 8:30] = True
    return people, masks, torch.arange(count) % 3, torch.full((count, 64, 48, 3), 77, dtype=torch.uint8)


@pytest.mark.parametrize("halve", [True, False])
def test_a_sheet_shows_person_close_up_restoration_and_garment(built, monkeypatch, halve):
    monkeypatch.setattr(restoration, "_shown", lambda size: shown(2))
    monkeypatch.setattr(restoration, "ddim", lambda predict, noise: predict(noise, torch.tensor(999)))
    task = Task(method="concat", halve=halve)
    with torch.no_grad():
        sheets = [task.sample_sheet(built["concat"].eval(), generator_of("cpu", seed)) for seed in (1, 1, 2)]
    sheet = torch.frombuffer(bytearray(sheets[0].tobytes()), dtype=torch.uint8).view(sheets[0].height, sheets[0].width, 3)
    assert sheets[0].tobytes() == sheets[1].tobytes() != sheets[2].tobytes()
    assert sheets[0].width == 4 + 8 * (128 + 4)
    cells = [sheet[4 : 4 + 64, 4 + 132 * column : 4 + 132 * column + 48] for column in range(8)]
    people, _, _, flats = shown(2)
    for person in range(2):
        assert torch.equal(cells[4 * person], people[person])
        assert torch.equal(cells[4 * person + 3], flats[person])
        assert cells[4 * person + 2].float().std() > 0


def test_a_sheet_shows_unseen_people_and_garments_that_can_be_restored(monkeypatch):
    monkeypatch.setattr(restoration, "SHEET_PEOPLE", 1)
    people, masks, categories, flats = restoration._shown.__wrapped__((96, 128))
    assert people.shape == flats.shape == (1, 128, 96, 3) and masks.shape == (1, 128, 96)
    assert masks[0].any() and int(categories[0]) in range(len(CATEGORIES))
    assert flats[0, 0, 0].tolist() == [255, 255, 255]
    assert set(SLOT_CATEGORY) <= set(PART_INDEX) and set(SLOT_CATEGORY.values()) == set(CATEGORIES)
