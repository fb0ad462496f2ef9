"""The base's benchmark: its rows and its failure, not its times."""

import pytest

from modiste.lab.bench import base


def test_rows_hold_the_batch_and_one_picture_against_their_limits(monkeypatch):
    answers = {
        8: {"imports": 5.0, "loading": 3.0, "making": 30.0, "memory": 2000.0},
        1: {"imports": 4.0, "loading": 1.0, "making": 6.0, "memory": 750.0},
    }
    monkeypatch.setattr(base, "probe", answers.__getitem__)
    assert [(row["what"], row["value"], row["unit"], row["against"], row["ratio"]) for row in base.rows()] == [
        ("batch_seconds", 30.0, "s", "limit of 60 s", 0.5),
        ("one_picture_seconds", 6.0, "s", None, None),
        ("loading_seconds", 1.0, "s", "limit of 2 s", 0.5),
        ("library_import_seconds", 4.0, "s", None, None),
        ("one_picture_peak_memory", 750.0, "MB", "limit of 1500 MB", 0.5),
    ]


def test_a_process_that_fails_is_quoted(monkeypatch):
    monkeypatch.setattr(base, "PROBE", "raise ValueError('no weights here')")
    with pytest.raises(ValueError, match="could not be run: ValueError: no weights here"):
        base.probe(1)
