"""Requests that cannot be met are refused in one sentence before anything is computed."""

import shlex
from pathlib import Path

import pytest

from modiste.lab.evaluation.systems import Request, evaluate


@pytest.mark.parametrize(
    ("system", "seed", "count", "sentence"),
    [
        ("vase", 1, 4, "There is no system 'vase' to evaluate: choose base, avatars, restoration."),
        ("tryon", 1, 4, "'tryon' cannot be evaluated in this version: choose base, avatars, restoration."),
        ("base", 7, 1, "--count is 1: measure at least 2 samples, since one has no interval."),
        ("base", 7, -3, "--count is -3: measure at least 2 samples, since one has no interval."),
        ("base", 0, 4, "--seed 0 gives the samples that the models learned from: choose another seed."),
        ("base", 1, 4, "--seed 1 gives the samples that the sheets of the encoder and the reader show: choose another seed."),
        ("base", 900, 4, "--seed 900 gives the samples that the base's sheets show: choose another seed."),
    ],
)
def test_refusals(system, seed, count, sentence):
    with pytest.raises(ValueError) as raised:
        evaluate(Request(system, seed, count))
    assert str(raised.value) == sentence


def test_a_folder_for_pictures_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="Cannot make the folder"):
        evaluate(Request("base", 7, 4, pictures=tmp_path / "file" / "pictures"))


def test_what_is_drawn_is_kept_for_restoration_alone(tmp_path):
    with pytest.raises(ValueError, match=r"Only 'restoration' takes long enough .*: leave out --keep"):
        evaluate(Request("base", 7, 4, keep=tmp_path))


def test_the_command_is_what_would_be_typed():
    assert Request("base", 7, 3).command == "python modiste.py evaluate base --seed 7 --count 3"
    assert Request("base", 7, 3, Path("a.safetensors")).command.endswith("--count 3 --weights a.safetensors")


def test_paths_in_the_command_are_quoted_and_start_at_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = Request("base", 7, 3, tmp_path / "my runs" / "a.safetensors").command
    assert shlex.split(command)[-2:] == ["--weights", "my runs/a.safetensors"]
    assert str(tmp_path) not in command
