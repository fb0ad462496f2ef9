"""`modiste.py train` as its user meets it."""

import json
import runpy
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from modiste.lab.training.tasks import base_vae

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """
steps = 2
batch = 2
learning_rate = 1e-3
sheet_every = 100
[task]
crop = [32, 24]
"""


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Run the command in an empty folder that has `shards` and `quick.toml`; return its exit status."""
    monkeypatch.chdir(tmp_path)
    Path("quick.toml").write_text(SETTINGS)
    Path("shards").mkdir()
    tensors, records = {}, {}
    for kind, size in (("people", (64, 48)), ("portrait_flats", (64, 48)), ("landscape_flats", (48, 64))):
        tensors[kind] = torch.randint(256, (3, *size, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
        records[kind] = json.dumps([{"caption": "a", "index": index} for index in range(3)])
    save_file(tensors, "shards/wardrobe_seed0_00000000.safetensors", records)
    main = runpy.run_path(str(ROOT / "modiste.py"))["main"]
    return lambda *arguments: main(["train", *arguments])


def test_a_model_is_trained_and_its_run_resumed(train, capsys, monkeypatch):
    monkeypatch.setattr(base_vae.Task, "sample_sheet", lambda *arguments: Image.new("RGB", (8, 8)))  # full-size pictures take long
    common = ("base-vae", "--data", "shards", "--output", "here/vae.safetensors")
    assert train(*common, "--config", "quick.toml") == 0
    out, err = capsys.readouterr()
    assert out == "here/vae.safetensors\n" and "step 2 of 2" in err
    assert train(*common, "--resume", "--steps", "3") == 0  # with the run's own settings
    assert Path("runs/vae/log.csv").read_text().count("\n") == 4
    assert Path("runs/vae/sheets/step_000003.png").is_file()
    with safe_open("here/vae.safetensors", framework="pt") as file:
        told = file.metadata()
    assert (told["kind"], told["steps"], told["samples"]) == ("base-vae", "3", "6")
    capsys.readouterr()
    assert train("base", *common[1:], "--resume") == 1
    assert "has the settings of the model 'base-vae': 'base' needs others" in capsys.readouterr().err
    assert told["data"] == "wardrobe, seed 0, 9 items in shards" and "crop=(32, 24), structure=" in told["task"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("vase", "--data", "shards"), "There is no model 'vase' to train"),
        (("base-vae", "--data", "nowhere"), "There is no folder 'nowhere' to learn from"),
        (("base-vae", "--data", "shards", "--resume"), "There is no checkpoint in 'runs/vae/checkpoints' to resume from"),
        (("base-vae", "--data", "shards", "--steps", "0"), "'steps' should be at least 1"),
        (("base-vae", "--data", "shards", "--config", "no.toml"), "There is no file 'no.toml'"),
    ],
)
def test_what_cannot_be_is_one_sentence(train, capsys, arguments, told):
    assert train(*arguments, "--output", "vae.safetensors") == 1
    out, err = capsys.readouterr()
    assert out == "" and told in err and err.count("\n") == 1
    assert not Path("runs").exists() and not Path("vae.safetensors").exists()


@pytest.mark.parametrize("output", ["", "..", "shards", "vae.pt", ".safetensors", "...safetensors", "taken.safetensors"])
def test_an_output_that_is_no_file_of_weights_is_refused_at_once(train, capsys, output):
    Path("taken.safetensors").mkdir()
    before = sorted(Path().rglob("*"))
    assert train("base-vae", "--data", "shards", "--config", "quick.toml", "--output", output) == 1
    err = capsys.readouterr().err
    assert "is no file to write: give a name that ends in .safetensors" in err and err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("crop", ["[8, 32]", "[32, 20]", "[0, 32]", "[-16, 32]"])
def test_a_crop_that_the_autoencoder_cannot_take_is_refused(train, capsys, crop):
    Path("quick.toml").write_text(SETTINGS.replace("[32, 24]", crop))
    assert train("base-vae", "--data", "shards", "--config", "quick.toml", "--output", "vae.safetensors") == 1
    err = capsys.readouterr().err
    assert "[task] of 'quick.toml': 'crop' should be multiples of 8, at least 16." in err and err.count("\n") == 1
