"""Progress for a person at a terminal and for a log."""

import io

import pytest
import torch

from modiste.host.headless import reporting
from modiste.host.headless.progress import Progress, check_interrupt
from modiste.host.headless.reporting import BarReporter, PlainReporter


def test_a_log_gets_a_line_for_every_node_and_few_in_between(monkeypatch):
    now = iter([0.0, 1.0, 6.0, 6.0])
    monkeypatch.setattr(reporting.time, "monotonic", lambda: next(now))
    stream = io.StringIO()
    reporter = PlainReporter(stream)
    reporter.start("Render Avatar (#4)", 2, 5)
    reporter.advance(1, 36)  # too soon after the last line
    reporter.advance(20, 36)
    assert stream.getvalue().splitlines() == ["[2/5] Render Avatar (#4)", "[2/5] Render Avatar (#4): 20 of 36"]


def test_a_terminal_gets_a_bar_for_every_node():
    from rich.console import Console
    from rich.progress import Progress as Bars

    bars = Bars(console=Console(file=io.StringIO()))
    reporter = BarReporter(bars)
    reporter.start("Load [1]", 1, 2)
    reporter.start("Render", 2, 2)
    reporter.advance(9, 36)
    first, second = bars.tasks
    assert first.finished
    assert (second.completed, second.total) == (9, 36)
    reporter.finish()
    assert second.finished


def test_a_librarys_progress_reaches_the_reporter_and_stops_when_cancelled(session):
    seen = []

    class Listener:
        def advance(self, done, total):
            seen.append((done, total))

    session.reporter = Listener()
    progress = Progress(10)
    progress(3)
    progress(4, 20)
    assert seen == [(3, 10), (4, 20)]
    session.cancelled.set()
    with pytest.raises(KeyboardInterrupt):
        progress(5)
    with pytest.raises(KeyboardInterrupt):
        check_interrupt()


def test_a_picture_of_work_under_way_is_taken_and_stops_when_cancelled(session):
    progress = Progress(10)
    progress.show(torch.zeros(4, 6, 3))
    session.cancelled.set()
    with pytest.raises(KeyboardInterrupt):
        progress.show(torch.zeros(4, 6, 3))
