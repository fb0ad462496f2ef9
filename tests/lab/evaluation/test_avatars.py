"""The table of avatars: a row for each figure that two cases or more have, and the sheets."""

import pytest
import torch

from modiste.lab.evaluation import avatars as table
from modiste.lab.evaluation.systems import Request


def outcome(index):
    figures = {"reshape": {("exact", "texture_ssim"): 0.9 - index / 10, ("fast", "body_mm"): 1.0 + index}}
    pictures = {"avatars_reshaped.jpg": [torch.full((12, 8, 3), 20 * index, dtype=torch.uint8)] * 4}
    if index % table.EVERY == 0:
        figures["compose"] = {("ours", "warping_rmse"): 0.01 * index}
        pictures["avatars_composed.jpg"] = [torch.zeros(12, 8, 3, dtype=torch.uint8)] * 4
    return table.Outcome(figures, pictures)


def test_every_figure_is_averaged_over_the_cases_that_have_it():
    rows = {(row.split, row.method, row.metric): row for row in table.rows([outcome(index) for index in range(table.EVERY + 1)])}
    assert rows["reshape", "fast", "body_mm"].mean == pytest.approx(1 + table.EVERY / 2)
    assert rows["compose", "ours", "warping_rmse"].n == 2
    assert rows["compose", "ours", "warping_rmse"].mean == pytest.approx(0.005 * table.EVERY)


def test_a_figure_of_one_case_has_no_row():
    assert not [row for row in table.rows([outcome(0), outcome(1)]) if row.split == "compose"]


def test_the_table_and_its_sheets_are_written(monkeypatch, tmp_path):
    monkeypatch.setattr(table, "measured", lambda seed, index: outcome(index))
    monkeypatch.setattr(table, "worker_pool", lambda workers: Here())
    report = table.evaluate(Request("avatars", 7, 3, pictures=tmp_path))
    assert {(row.method, row.n) for row in report.rows} == {("exact", 3), ("fast", 3)}
    assert {path.name for path in tmp_path.iterdir()} == {"avatars_reshaped.jpg", "avatars_composed.jpg"}


class Here:
    """A pool of no processes."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def map(self, *arguments):
        return map(*arguments)


def test_weights_are_refused_since_there_are_none(tmp_path):
    with pytest.raises(ValueError, match="no weights to measure"):
        table.evaluate(Request("avatars", 7, 2, weights=tmp_path / "a.safetensors"))
