"""A run from the outside: its folder, what it refuses, and what its file of weights says."""

import csv
import json
import os
import shutil

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from modiste.lab.training import metadata as about
from modiste.lab.training.checkpoints import Progress
from modiste.lab.training.config import read_config
from modiste.lab.training.files import check_writable
from modiste.lab.training.order import generator_of


class Quiet:
    """A console that keeps what it was told."""

    def __init__(self):
        self.sentences, self.steps = [], []

    def say(self, sentence):
        self.sentences.append(sentence)

    def step(self, done, total, loss):
        self.steps.append((done, total, loss))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, toy):
    """A finished run of 50 steps, and what it told."""
    folder, console = tmp_path_factory.mktemp("run"), Quiet()
    toy.run(folder, 50, console=console, seed=3, ema=0.9)
    return folder, console


def rows_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_settings_log_plot_sheets_and_checkpoints(finished, toy):
    folder, _ = finished
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == [
        *("checkpoints/step_00000000.safetensors", "checkpoints/step_00000050.safetensors", "config.toml", "log.csv", "loss.png"),
        *("sheets/step_000020.png", "sheets/step_000040.png", "sheets/step_000050.png", "toy.safetensors"),
    ]
    assert read_config(folder / "config.toml") == toy.settings(50, seed=3, ema=0.9, data="wardrobe")
    with Image.open(folder / "loss.png") as plot:
        assert min(plot.size) > 200 and len(plot.convert("RGB").getcolors(100_000)) > 10


def test_every_step_is_logged_and_told(finished):
    folder, console = finished
    rows = rows_of(folder)
    assert list(rows[0]) == ["step", "loss", "width", "first", "learning_rate", "gradient"]
    assert [int(row["step"]) for row in rows] == list(range(1, 51))
    assert [(done, loss) for done, _, loss in console.steps] == [(int(row["step"]), float(row["loss"])) for row in rows]
    assert float(rows[1]["learning_rate"]) == pytest.approx(1e-2 * 2 / 5)
    assert sum(float(row["loss"]) for row in rows[-10:]) < 0.8 * sum(float(row["loss"]) for row in rows[:10])
    assert console.sentences == [f"Wrote '{folder / 'toy.safetensors'}' after 50 steps."]


def test_each_batch_is_of_one_shape_and_both_come(finished):
    assert {row["width"] for row in rows_of(finished[0])} == {"8.0", "12.0"}


def test_sheets_start_from_the_same_noise(finished):
    color = int(torch.randint(1000, (1,), generator=generator_of("cpu", "sheet", 3)))
    for path in (finished[0] / "sheets").iterdir():
        with Image.open(path) as sheet:
            red, green, blue = sheet.getpixel((0, 0))
        assert red + 256 * green + 65536 * blue == color


def test_the_average_is_what_is_exported(finished):
    folder, _ = finished
    stored = load_file(folder / "checkpoints" / "step_00000050.safetensors")
    exported = load_file(folder / "toy.safetensors")
    assert all(exported[name].float().allclose(stored[f"average.{name}"].float(), atol=2e-3) for name in exported)
    assert not exported["0.weight"].equal(stored["model.0.weight"].half())


def test_the_file_says_how_it_was_trained(finished):
    with safe_open(finished[0] / "toy.safetensors", framework="pt") as file:
        told = file.metadata()
    assert {name: told[name] for name in ("kind", "architecture", "version", "licence")} == {
        "kind": "toy", "architecture": "two convolutions", "version": "1", "licence": "Apache-2.0",
    }  # fmt: skip
    assert {name: told[name] for name in ("steps", "samples", "batch", "seed", "ema", "precision")} == {
        "steps": "50", "samples": "200", "batch": "4", "seed": "3", "ema": "0.9", "precision": "no",
    }  # fmt: skip
    assert told["data"] == "wardrobe, seed 0, 50 items"
    assert told["task"] == "scale=1.0"
    assert told["learning_rate"] == "0.01, cosine, warm-up 5 of 50 steps"
    assert float(told["hours"]) >= 0 and told["hardware"].startswith("1 process(es), ")


def test_without_git_the_commit_is_left_out(monkeypatch, toy):
    arguments = (toy.Toy(), toy.settings(9), Progress(9, 36, 7200), 4, "a", "b")
    assert about.training_metadata(*arguments, "0123456789ab")["commit"] == "0123456789ab"
    monkeypatch.setenv("PATH", "")
    told = about.training_metadata(*arguments, about.code_commit())
    assert "commit" not in told and told["hours"] == "2.00"


def test_a_finished_run_resumed_with_more_steps_trains_only_those(finished, toy, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    before, console = rows_of(folder), Quiet()
    toy.run(folder, 53, resume=True, console=console, seed=3, ema=0.9)
    assert [done for done, _, _ in console.steps] == [51, 52, 53]
    assert rows_of(folder)[:50] == before


def test_rows_after_the_checkpoint_are_cut(finished, toy, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    (folder / "checkpoints" / "step_00000050.safetensors").unlink()
    leftover = folder / "checkpoints" / ".0123456789ab.tmp.safetensors"
    leftover.write_bytes(b"half")
    with (folder / "log.csv").open("a") as file:
        file.write("51,0.3,8.")  # as a killed process leaves it
    before = rows_of(folder)[:50]
    toy.run(folder, 50, resume=True, console=Quiet(), seed=3, ema=0.9)
    assert rows_of(folder) == before
    assert not leftover.exists()


def test_starting_anew_over_a_run_is_refused_and_changes_nothing(finished, toy):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(ValueError, match="holds a run already: go on with --resume"):
        toy.run(folder, 60)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"learning_rate": 0.5}, "has learning_rate 0.01, not 0.5"),
        ({"task": {"scale": 2.0}}, r"has task \{\}, not \{'scale': 2.0\}"),
        ({"model": "other"}, "has model '', not 'other'"),
        ({"data": "folder"}, "has data 'wardrobe', not '.*folder'"),
    ],
)
def test_a_run_goes_on_as_it_began_or_not_at_all(finished, toy, tmp_path, changed, told):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    config = toy.settings(60, **{"seed": 3, "ema": 0.9} | {name: value for name, value in changed.items() if name != "data"})
    data = tmp_path if "data" in changed else None
    told = told.replace("folder", tmp_path.name)
    with pytest.raises(ValueError, match=told):
        toy.train(toy.Run(toy.Toy(), config, data, folder, folder / "toy.safetensors"), True, Quiet())
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_run_does_not_go_on_with_more_data_than_it_began_with(finished, toy, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    monkeypatch.setattr(toy.Pictures, "__len__", lambda _: 60)
    monkeypatch.setattr(toy.Pictures, "buckets", torch.zeros(60, dtype=torch.int64))
    with pytest.raises(ValueError, match="The data has 60 items, and 50 when the run began"):
        toy.run(folder, 60, resume=True, console=Quiet(), seed=3, ema=0.9)


def test_a_resume_whose_checkpoint_does_not_load_changes_no_settings(finished, toy, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(b"half")
    with pytest.raises(ValueError, match="None of the checkpoints"):
        toy.run(folder, 60, resume=True, console=Quiet(), seed=3, ema=0.9)
    assert read_config(folder / "config.toml").steps == 50


def test_a_start_that_fails_at_once_leaves_no_folder(tmp_path, toy):
    class Task(toy.Toy):
        def dataset(self, data, seed):
            raise ValueError("There are no people.")

    with pytest.raises(ValueError, match="no people"):
        toy.run(tmp_path / "run", 5, task=Task(), output=tmp_path / "there" / "toy.safetensors")
    assert not list(tmp_path.iterdir())


def test_resuming_nothing_is_refused(tmp_path, toy):
    with pytest.raises(ValueError, match=r"no checkpoint in .* start without --resume"):
        toy.run(tmp_path, 5, resume=True)
    assert not list(tmp_path.iterdir())


def test_missing_data_is_named(tmp_path, toy):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        toy.run(tmp_path / "run", 5, data=tmp_path / "nowhere")


def test_an_output_that_cannot_be_written_fails_before_training(tmp_path, toy):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="Cannot make the folder"):
        toy.run(tmp_path / "run", 5, output=tmp_path / "file" / "toy.safetensors")
    assert not (tmp_path / "run" / "log.csv").exists()


def test_trying_to_write_touches_no_file_that_is_there(tmp_path):
    (tmp_path / "writable").write_text("mine")
    check_writable(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["writable"]
    assert (tmp_path / "writable").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_fails_before_training(tmp_path, toy):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="writable"):
        toy.run(tmp_path / "run", 5)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, toy):
    with pytest.raises(ValueError, match="loss of step 1 is nan: lower 'learning_rate'"):
        toy.run(tmp_path, 5, task=toy.Toy(scale=float("nan")), console=Quiet())
    assert [path.stem for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000000"]
    assert not (tmp_path / "toy.safetensors").exists()


def test_a_full_disk_midway_is_a_sentence_and_the_run_goes_on_later(tmp_path, toy, monkeypatch):
    from modiste.models.weights import tensors

    stored = tensors.save_file

    def full(tensors, path, metadata=None):
        if json.loads(metadata.get("progress", '{"step": 0}'))["step"]:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        stored(tensors, path, metadata)

    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(ValueError, match="No space left on device"):
        toy.run(tmp_path, 20, console=Quiet(), checkpoint_minutes=1e-6)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000000.safetensors"]
    toy.run(tmp_path, 20, resume=True, console=Quiet(), checkpoint_minutes=1e-6)
    assert len(rows_of(tmp_path)) == 20


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("in_memory", [False, True])
def test_an_unreadable_sample_stops_the_run_with_its_own_sentence(tmp_path, toy, workers, in_memory):
    class Broken(toy.Pictures):
        def __getitem__(self, index):
            raise ValueError("The picture 'a.jpg' cannot be read: replace it.")

    class Task(toy.Toy):
        def dataset(self, data, seed):
            return Broken()

    with pytest.raises(ValueError) as error:
        toy.run(tmp_path, 5, task=Task(), console=Quiet(), workers=workers, in_memory=in_memory)
    assert str(error.value) == "The picture 'a.jpg' cannot be read: replace it."


def test_accumulated_gradients_are_the_mean(tmp_path, toy, monkeypatch):
    """Without noise, dropout and running figures, two batches of 2 are one batch of 4 with the same items."""
    from modiste.lab.training import order

    class Plain(toy.Toy):
        def build(self):
            return torch.nn.Conv2d(3, 3, 1)

        def loss(self, model, batch, generator, step):
            return (model(batch["x"]) - batch["x"]).square().mean(), {}

    def fours(buckets, batch, seed, epoch):
        return torch.arange(24).view(-1, batch)

    monkeypatch.setattr(order, "epoch_batches", fours)
    toy.run(tmp_path / "a", 10, task=Plain(), console=Quiet(), batch=4)
    toy.run(tmp_path / "b", 10, task=Plain(), console=Quiet(), batch=2, accumulation=2)
    losses = [[float(row["loss"]) for row in rows_of(tmp_path / name)] for name in "ab"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0][-1] < losses[0][0]


def test_a_run_that_keeps_all_samples_in_memory_does_the_same(finished, toy, tmp_path):
    console = Quiet()
    toy.run(tmp_path, 50, console=console, seed=3, ema=0.9, in_memory=True)
    weights, kept = (load_file(folder / "toy.safetensors") for folder in (finished[0], tmp_path))
    assert all(torch.equal(kept[name], weights[name]) for name in weights)
    assert console.sentences[0] == "Making all 50 samples."
