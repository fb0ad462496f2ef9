"""The benchmark of GSReshape: a row for each figure, and a failed process as one sentence."""

import subprocess

import pytest

from modiste.lab.bench import reshape


def test_every_size_and_quality_has_its_rows(monkeypatch):
    monkeypatch.setattr(reshape, "probe", lambda size, quality: {"seconds": size / 1000, "memory": 700.0, "crossing": 0.002})
    rows = {row["what"]: row for row in reshape.rows()}
    assert len(rows) == 3 * len(reshape.SIZES) * len(reshape.QUALITIES)
    assert rows["exact_10k_seconds"]["ratio"] == pytest.approx(10 / 60) and rows["fast_10k_seconds"]["ratio"] == pytest.approx(2.0)
    assert rows["exact_50k_seconds"]["against"] is None and rows["fast_50k_crossing"]["value"] == pytest.approx(0.2)


def test_a_process_that_fails_says_why(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback\nMemoryError: no room\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ValueError, match="MemoryError: no room"):
        reshape.probe(10_000, "fast")
