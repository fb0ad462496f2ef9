"""The command line as its user meets it: a process of its own, its exit status, and what it prints where."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modiste.lab.bench import BENCHES, measure
from modiste.lab.bench.import_time import heavy

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path):
    """A working folder with a picture to load and a workflow that halves it."""
    (tmp_path / "input").mkdir()
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(tmp_path / "input" / "a.png")
    Image.fromarray(np.full((8, 12, 3), 255, np.uint8)).save(tmp_path / "white.png")
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Photo"}},
        "2": {
            "class_type": "ImageScale",
            "inputs": {"image": ["1", 0], "upscale_method": "area", "width": 6, "height": 4, "crop": "disabled"},
            "_meta": {"title": "Half"},
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "half"}, "_meta": {"title": "Save"}},
    }
    (tmp_path / "half.json").write_text(json.dumps(workflow))
    return tmp_path


def modiste(folder, *arguments):
    command = [sys.executable, str(ROOT / "modiste.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_run_writes_the_picture_and_prints_its_path(folder):
    done = modiste(folder, "run", "half.json")
    path = folder / "output" / "half_00001_.png"
    assert done.returncode == 0
    assert done.stdout.splitlines() == [str(path)]
    assert "[1/3] Photo (#1)" in done.stderr
    with Image.open(path) as picture:
        assert picture.size == (6, 4)


def test_run_with_everything_set(folder):
    done = modiste(
        folder, "run", "half.json", "--input", "Photo=white.png", "--set", "Half.width=3", "--output", "there", "--seed", 5,
        "--device", "cpu", "--json",
    )  # fmt: skip
    summary = json.loads(done.stdout)
    path = folder / "there" / "half_00001_.png"
    assert summary.keys() == {"outputs", "seconds", "seed", "nodes_run"}
    assert summary["outputs"] == [str(path)]
    assert summary["seed"] == 5
    assert summary["nodes_run"] == 3
    assert summary["seconds"] > 0
    with Image.open(path) as picture:
        assert picture.size == (3, 4)
        assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert not (folder / "output").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.json"], "Cannot read the workflow file 'none.json'"),
        (["half.json", "--set", "Photos.image=b.png"], "There is no node 'Photos' here: the workflow has Photo (#1), Half (#2)"),
        (["half.json", "--set", "Half.depth=3"], "Half (#2) has no input 'depth': it has upscale_method, width, height, crop."),
        (["half.json", "--set", "Half.width=-1"], "Half (#2): 'width' is -1, and the least it can be is 0."),
        (["half.json", "--input", "Photo=none.png"], "Cannot read the input file 'none.png'"),
        (["half.json", "--set", "Photo.image=../white.png"], "Photo (#1): '../white.png' leads out of the input folder"),
        (["half.json", "--set", "Save.filename_prefix=../x"], "Save (#3): '../x' leads out of the output folder"),
        (["half.json", "--output", "half.json"], "The output folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_and_status_1(folder, arguments, sentence):
    done = modiste(folder, "run", *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(folder):
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    (folder / "locked").mkdir(mode=0o500)
    done = modiste(folder, "run", "half.json", "--output", "locked")
    assert done.returncode == 1
    assert "choose a folder that" in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["dance"], ["run", "half.json", "--device", "tpu"], ["run", "half.json", "--seed", "x"]]
)
def test_wrong_usage_is_status_2(folder, arguments):
    assert modiste(folder, *arguments).returncode == 2


def test_ctrl_c_says_cancelled_and_leaves_no_half_written_file(folder):
    frames = [Image.fromarray(pixels) for pixels in np.random.default_rng(0).integers(0, 256, (60, 50, 50, 3), dtype=np.uint8)]
    frames[0].save(folder / "long.gif", save_all=True, append_images=frames[1:])
    command = [sys.executable, str(ROOT / "modiste.py"), "run", "half.json", "--input", "Photo=long.gif"]
    command += ["--set", "Half.width=500", "--set", "Half.height=500", "--set", "Half.upscale_method=bicubic"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(folder.glob("output/half_*.png")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1] == "Cancelled."
    files = list((folder / "output").iterdir())
    assert 0 < len(files) < len(frames)
    for file in files:
        with Image.open(file) as picture:  # a name of ours and a whole picture
            assert picture.convert("RGB").size == (500, 500)


def test_nodes_lists_ours_and_cores(folder):
    known = json.loads(modiste(folder, "nodes", "--json").stdout)
    assert {"LoadImage", "SaveImage", "SplatToFile3D", "ModisteComposeAvatars"} <= known.keys()
    assert known["ImageScale"]["input_order"]["required"] == ["image", "upscale_method", "width", "height", "crop"]
    lines = modiste(folder, "nodes").stdout.splitlines()
    assert len(lines) == len(known)


def test_doctor_finds_what_is_installed_here(folder):
    done = modiste(folder, "doctor")
    assert done.returncode == 0
    for what in ("Python", "torch", "CUDA", "gsplat", "shipped files", "output folder"):
        assert f" {what}: " in done.stdout
    assert list(folder.glob("output")) == []  # it only looks


def test_every_benchmark_has_a_module():
    for module in BENCHES.values():
        assert (ROOT / "lab" / "bench" / f"{module}.py").is_file()


def test_an_unknown_benchmark_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose splat, import, compose"):
        measure("nothing")


def test_bench_import_writes_the_agreed_format(folder):
    done = modiste(folder, "bench", "import", "--json", "import.json")
    assert done.returncode == 0
    table = json.loads((folder / "import.json").read_text())
    assert table.keys() == {"name", "machine", "rows"}
    assert table["name"] == "import"
    assert all(row.keys() == {"what", "value", "unit", "against", "ratio"} for row in table["rows"])
    rows = {row["what"]: row for row in table["rows"]}
    assert rows["pack_import_seconds"]["unit"] == "s"
    assert rows["heavy_modules"]["value"] == 0
    assert "module modiste.nodes" in rows


def test_heavy_modules_are_told_by_their_package():
    assert heavy(["modiste.nodes", "trimesh.exchange", "cv2", "smplxy"]) == ["trimesh.exchange", "cv2"]
