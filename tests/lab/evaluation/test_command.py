"""`modiste.py evaluate` as typed: what it prints and writes, and its exit status."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from modiste.lab.evaluation import base
from modiste.lab.evaluation.reports import Report, Row

MAIN = runpy.run_path(str(Path(__file__).resolve().parents[3] / "modiste.py"))["main"]


@pytest.fixture
def asked(monkeypatch):
    """Replace the measuring of the base; yield the requests it gets."""
    requests = []

    def evaluate(request):
        requests.append(request)
        rows = (Row("ours", "people", "psnr", 30.0, (29.0, 31.0), request.count),)
        return Report(request.system, request.seed, request.count, request.command, rows)

    monkeypatch.setattr(base, "evaluate", evaluate)
    return requests


def test_tables_are_printed_and_rows_written(asked, tmp_path, capsys):
    file, pictures = tmp_path / "new" / "base.json", tmp_path / "pictures"
    arguments = ["evaluate", "base", "--seed", "7", "--count", "4", "--json", str(file), "--pictures", str(pictures)]
    assert MAIN(arguments) == 0
    assert capsys.readouterr().out == "| people | psnr |\n| --- | --- |\n| ours | 30 (29 to 31, n=4) |\n"
    assert json.loads(file.read_text()) == {
        "system": "base",
        "seed": 7,
        "count": 4,
        "command": "python modiste.py evaluate base --seed 7 --count 4",
        "rows": [{"method": "ours", "split": "people", "metric": "psnr", "mean": 30.0, "ci95": [29.0, 31.0], "n": 4}],
    }
    assert (asked[0].seed, asked[0].count, asked[0].pictures) == (7, 4, pictures)
    assert pictures.is_dir()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["vase"], "There is no system 'vase' to evaluate: choose base, avatars, restoration.\n"),
        (["base", "--count", "0"], "--count is 0: measure at least 2 samples, since one has no interval.\n"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(asked, capsys, arguments, sentence):
    assert MAIN(["evaluate", *arguments]) == 1
    assert capsys.readouterr().err == sentence
    assert not asked


def test_a_missing_package_is_told_before_measuring_with_the_list_that_has_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image", None)
    for module in ("base", "metrics.pictures"):
        monkeypatch.delitem(sys.modules, f"modiste.lab.evaluation.{module}", raising=False)
    assert MAIN(["evaluate", "base", "--count", "2"]) == 1
    assert capsys.readouterr().err.endswith("-m pip install -r requirements-dev.txt'.\n")


def test_a_file_that_cannot_be_written_is_refused_before_measuring(asked, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert MAIN(["evaluate", "base", "--json", str(tmp_path / "file" / "base.json")]) == 1
    assert "Cannot make the folder" in capsys.readouterr().err
    assert not asked
