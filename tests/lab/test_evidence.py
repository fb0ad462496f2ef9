"""The page of evidence is made of reports, benchmarks and pictures, and of nothing else."""

import json

from modiste.lab.evaluation.base import SHEETS
from modiste.lab.evaluation.reports import Report, Row
from modiste.lab.evidence import page

ROWS = (Row("ours", "people", "psnr", 29.5, (29.25, 29.75), 200), Row("ours", "people", "fd_own", 3.0, (2.0, 4.0), 200))
BENCH = {
    "name": "base",
    "machine": "some machine",
    "rows": [
        {"what": "loading", "value": 1.2345678, "unit": "s", "against": "limit of 2 s", "ratio": 0.6172839},
        {"what": "peak memory", "value": 900.0, "unit": "MB", "against": None, "ratio": None},
    ],
}


def filled(folder):
    Report("base", 1000, 200, "python modiste.py evaluate base --seed 1000 --count 200", ROWS).save(folder / "base.json")
    (folder / "bench_base.json").write_text(json.dumps(BENCH))
    (folder / "base_people.jpg").touch()
    return page(folder)


def test_the_page_names_its_commands_and_shows_what_they_found(tmp_path):
    text = filled(tmp_path)
    command = "python modiste.py evaluate base --seed 1000 --count 200 --json docs/evidence/base.json --pictures docs/evidence"
    assert command in text
    assert "python modiste.py bench base --json docs/evidence/bench_base.json" in text
    assert "| ours | 29.5 (29.25 to 29.75, n=200) | 3 (2 to 4, n=200) |" in text
    assert "| psnr of `ours` on people: at least 28 | 29.5 | yes |" in text
    assert "| loading | 1.235 s | limit of 2 s | 0.617 |" in text
    assert "| peak memory | 900 MB |  |  |" in text
    assert f"![{SHEETS['base_people.jpg']}](evidence/base_people.jpg)" in text


def test_pictures_that_no_evaluation_wrote_are_passed_over(tmp_path):
    (tmp_path / "base_holiday.jpg").touch()
    assert "holiday" not in filled(tmp_path)


def test_the_page_is_the_same_every_time(tmp_path):
    assert filled(tmp_path) == filled(tmp_path)


def test_without_figures_there_is_only_the_introduction(tmp_path):
    assert page(tmp_path).count("\n## ") == 0
