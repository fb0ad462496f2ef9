"""Writing data sets: all of it or nothing that counts, and every refusal in a sentence."""

import errno
import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modiste.lab.training import shards
from modiste.lab.training.pictures import CaptionedPictures
from modiste.wardrobe import rendering
from modiste.wardrobe.layouts import DressCode, NativeSamples, VitonHD, files, native
from modiste.wardrobe.rendering import Request, picture_size, render

ROOT = Path(__file__).resolve().parents[2]
SIZE = (48, 64)
COMMAND = runpy.run_path(str(ROOT / "modiste.py"))


def request(folder, **changes):
    return replace(Request("people", 2, 3, "native", folder / "out", SIZE), **changes)


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["pairs", "avatars"])
def test_every_kind_is_written_and_read_back(tmp_path, kind):
    told = []
    render(request(tmp_path, kind=kind, count=1), lambda *progress: told.append(progress))
    assert len(NativeSamples(tmp_path / "out", strict=True)) == 1
    assert told == [(1, 1)]


@pytest.mark.parametrize(("layout", "reader"), [("viton-hd", VitonHD), ("dresscode", DressCode)])
def test_every_layout_is_written_and_read_back(tmp_path, layout, reader):
    render(request(tmp_path, layout=layout, count=1))
    assert len(reader(tmp_path / "out", strict=True)) >= 1


def test_the_command_with_workers_writes_what_one_process_writes(tmp_path):
    """Two runs of samples, so that both workers have something to do; nothing is left over but what is listed."""
    command = [sys.executable, str(ROOT / "modiste.py"), "wardrobe", "--kind", "people", "--count", "9", "--seed", "3"]
    command += ["--layout", "native", "--output", "there", "--size", "48x64", "--workers", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr
    render(request(tmp_path, count=9))
    assert content(tmp_path / "there") == content(tmp_path / "out")
    known = json.loads((tmp_path / "out" / "samples.json").read_text())
    assert [sample["name"] for sample in known["samples"]] == [f"{index:06d}" for index in range(9)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"count": 0}, "The count is 0"),
        ({"count": -3}, "The count is -3"),
        ({"kind": "portraits"}, "Portraits come with a later version: choose people, pairs or avatars."),
        ({"kind": "cats"}, "There is no kind 'cats'"),
        ({"layout": "zip"}, "There is no layout 'zip'"),
        ({"kind": "pairs", "layout": "viton-hd"}, "The layout viton-hd holds people, not pairs"),
        ({"workers": 0}, "The number of workers is 0"),
        ({"size": (64, 48)}, "The size is 64x48"),
        ({"size": (8, 8)}, "The size is 8x8"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, changes, sentence):
    with pytest.raises(ValueError) as caught:
        render(request(tmp_path, **changes))
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["192", "192x", "x256", "-1x5", "192X256", "1.5x2", "a sentence", ""])
def test_a_size_is_two_numbers(text):
    with pytest.raises(ValueError, match="such as 192x256"):
        picture_size(text)


def test_refusals_of_the_command_are_a_sentence_and_status_1(tmp_path):
    command = [sys.executable, str(ROOT / "modiste.py"), "wardrobe", "--kind", "portraits", "--count", "1", "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Portraits come with a later version: choose people, pairs or avatars."
    assert done.stdout == "" and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kind", "pairs", "--count", "96"], "The layout shards holds people, not pairs: write them in the layout native."),
        (["--count", "96", "--overwrite"], "Shards that are there are kept"),
        (["--count", "96", "--size", "64x48"], "The size is 64x48"),
        (["--count", "95"], "Shards hold 96 samples each"),
        (["--count", "96", "--shots", "9"], "There are 8 pictures of each outfit: --shots is 9"),
    ],
)
def test_shards_that_cannot_be_are_refused_before_anything_is_written(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert COMMAND["main"](["wardrobe", *arguments, "--layout", "shards", "--output", "out"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(sentence)
    assert not (tmp_path / "out").exists()


def test_the_command_renders_shards(tmp_path, monkeypatch, capsys):
    told = []
    monkeypatch.setattr(shards, "render_shards", lambda *arguments: told.append(arguments[:6] + arguments[7:]))
    command = ["wardrobe", "--count", "192", "--seed", "7", "--layout", "shards", "--output", str(tmp_path), "--size", "48x64"]
    assert COMMAND["main"]([*command, "--workers", "2", "--shots", "3"]) == 0
    assert told == [(tmp_path, 7, 0, 192, (48, 64), 2, 3)]
    assert capsys.readouterr().out == f"{tmp_path}\n"


def test_a_folder_without_shards_is_no_training_data(tmp_path):
    with pytest.raises(ValueError, match=r"holds no shards: write some with 'modiste\.py wardrobe --layout shards'"):
        CaptionedPictures(tmp_path, 0)


def test_a_folder_that_is_not_empty_is_left_alone_unless_told(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="is not empty"):
        render(request(tmp_path, count=1))
    assert content(tmp_path / "out") == {Path("mine.txt"): b"keep"}
    render(request(tmp_path, count=1, overwrite=True))
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"
    assert len(NativeSamples(tmp_path / "out", strict=True)) == 1


def test_overwriting_replaces_what_was_listed(tmp_path):
    render(request(tmp_path, count=2))
    render(request(tmp_path, count=1, seed=4, overwrite=True))
    (only,) = NativeSamples(tmp_path / "out", strict=True)
    render(request(tmp_path / "again", count=1, seed=4))
    (fresh,) = NativeSamples(tmp_path / "again" / "out", strict=True)
    assert torch.equal(only.image, fresh.image)


@pytest.mark.parametrize(
    ("layout", "there"), [("native", "viton-hd"), ("viton-hd", "native"), ("dresscode", "viton-hd"), ("viton-hd", "dresscode")]
)
def test_a_data_set_of_another_layout_is_never_overwritten(tmp_path, layout, there):
    """VITON-HD and DressCode share the name of a list."""
    render(request(tmp_path, layout=there, count=1))
    before = content(tmp_path / "out")
    with pytest.raises(ValueError, match=f"holds a data set of the layout {there}: choose another"):
        render(request(tmp_path, layout=layout, count=1, overwrite=True))
    assert content(tmp_path / "out") == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ValueError, match="cannot be written"):
        render(request(tmp_path, count=1))


@pytest.mark.parametrize("overwrite", [False, True])
def test_when_the_disk_is_full_midway_nothing_counts_as_done(tmp_path, monkeypatch, overwrite):
    if overwrite:
        render(request(tmp_path, count=2))
    whole = files.write_arrays
    written = []

    def full(path, **arrays):
        if written:
            raise_full(path)
        written.append(path)
        whole(path, **arrays)

    def raise_full(path):
        with files.atomic_write(path) as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(native, "write_arrays", full)
    with pytest.raises(ValueError, match=r"No space left.* choose a folder that is writable and has space"):
        render(request(tmp_path, count=2, overwrite=overwrite))
    with pytest.raises(ValueError, match=r"samples\.json"):
        NativeSamples(tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if ".tmp" in path.name]
    for path in (tmp_path / "out").rglob("*.npz"):
        files.read_arrays(path)


@pytest.mark.parametrize(("layout", "reader"), [("native", NativeSamples), ("viton-hd", VitonHD), ("dresscode", DressCode)])
def test_when_overwriting_is_cancelled_nothing_counts_as_done(tmp_path, layout, reader):
    def cancel(done, total):
        raise KeyboardInterrupt

    render(request(tmp_path, layout=layout, count=1))
    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path, layout=layout, count=1, overwrite=True), cancel)
    with pytest.raises(ValueError, match="cannot be read"):
        reader(tmp_path / "out")


def test_a_worker_that_dies_is_told(tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    def die(*_):
        raise BrokenProcessPool("killed")

    monkeypatch.setattr(rendering, "worker_pool", ThreadPoolExecutor)
    monkeypatch.setattr(rendering, "_write_run", die)
    with pytest.raises(ValueError, match="use fewer workers or a smaller size"):
        render(request(tmp_path, count=1, workers=2))
