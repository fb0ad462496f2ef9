"""The loss log and what a run tells: whole rows only, no step twice, a line now and then."""

import sys

import pytest

from modiste.lab.training import console as consoles
from modiste.lab.training.console import Lines, console
from modiste.lab.training.log import LossLog, running_mean


@pytest.fixture
def log(tmp_path):
    log = LossLog(tmp_path / "log.csv")
    for step in range(1, 6):
        log.append({"step": step, "loss": 1 / step})
    return log


def test_rows_are_text_that_gives_the_numbers_back(log):
    assert log.path.read_text().splitlines()[:3] == ["step,loss", "1,1.0", "2,0.5"]
    assert float(log.rows()[2]["loss"]) == 1 / 3


def test_what_was_half_written_and_what_comes_after_the_step_is_cut(log):
    whole = log.path.read_text()
    log.path.write_text(whole + "6,0.1")
    again = LossLog(log.path)
    again.cut(5)
    assert log.path.read_text() == whole
    again.cut(2)
    again.append({"step": 3, "loss": 0.25})
    assert log.path.read_text().splitlines() == ["step,loss", "1,1.0", "2,0.5", "3,0.25"]


@pytest.mark.parametrize("text", ["", "ste", "step,loss"])
def test_a_log_cut_off_in_its_first_line_starts_anew(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    log = LossLog(path)
    log.cut(0)
    log.append({"step": 1, "loss": 2.0})
    assert path.read_text().splitlines() == ["step,loss", "1,2.0"]


def test_cutting_a_log_that_is_not_there_makes_none(tmp_path):
    LossLog(tmp_path / "log.csv").cut(0)
    assert not list(tmp_path.iterdir())


def test_other_columns_than_before_are_refused(log):
    with pytest.raises(ValueError, match="logs step, psnr where it logged step, loss"):
        log.append({"step": 6, "psnr": 1.0})


@pytest.mark.parametrize("losses", [[], [1.0], [0.5, -0.25, 0.0]])
def test_any_log_can_be_plotted(tmp_path, losses):
    log = LossLog(tmp_path / "log.csv")
    for step, loss in enumerate(losses, 1):
        log.append({"step": step, "loss": loss})
    log.plot(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_running_mean_looks_back_over_its_window():
    assert running_mean([4.0, 2.0, 0.0, 6.0], 2) == [4.0, 3.0, 1.0, 3.0]
    assert running_mean([4.0, 2.0], 1) == [4.0, 2.0]


def test_plain_lines_come_every_half_minute_and_at_the_end(monkeypatch, capsys):
    clock = iter([0, 10, 20, 31, 40, 70, 80])
    monkeypatch.setattr(consoles.time, "monotonic", lambda: next(clock))
    lines = Lines()
    for done, loss in enumerate([8, 6, 4, 2, 1, 3, 9], 1):
        lines.step(done, 7, float(loss))
    assert capsys.readouterr().err.splitlines() == [
        "step 4 of 7: loss 5, 10.3 s a step, 0.01 h to go",
        "step 6 of 7: loss 2, 14 s a step, 0.00 h to go",
        "step 7 of 7: loss 9, 13.3 s a step, 0.00 h to go",
    ]


def test_a_terminal_shows_a_bar_with_the_loss(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console() as told:
        told.say("Going on after step [3].")
        told.step(4, 10, 0.123456)
    shown = capsys.readouterr().err
    assert "Going on after step [3]." in shown and "loss 0.1235" in shown and "4/10" in shown
