"""How a run tells its progress: bars on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from .session import Reporter

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 5.0


class PlainReporter:
    """One line for every node, and one every few seconds while a node is at work."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.label = ""
        self.last = 0.0

    def start(self, title: str, index: int, count: int) -> None:
        self.label = f"[{index}/{count}] {title}"
        self._line(self.label)

    def advance(self, done: int, total: int) -> None:
        if time.monotonic() - self.last >= SECONDS_BETWEEN_LINES:
            self._line(f"{self.label}: {done} of {total}")

    def _line(self, text: str) -> None:
        print(text, file=self.stream, flush=True)
        self.last = time.monotonic()


class BarReporter:
    """A bar for every node."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.task = None

    def start(self, title: str, index: int, count: int) -> None:
        self.finish()
        self.task = self.bars.add_task(f"[{index}/{count}] {title}".replace("[", "\\["), total=None)

    def advance(self, done: int, total: int) -> None:
        self.bars.update(self.task, completed=done, total=total)

    def finish(self) -> None:
        """Fill the bar of the last node."""
        if self.task is not None:
            self.bars.update(self.task, completed=1, total=1)


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Yield a reporter for standard error."""
    if not sys.stderr.isatty():
        yield PlainReporter(sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = BarReporter(bars)
        yield bar
        bar.finish()
