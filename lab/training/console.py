"""How a run tells its progress: a bar on a terminal, a line every half minute elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS_BETWEEN_LINES = 30.0


class Console(Protocol):
    """What the loop tells of itself."""

    def say(self, sentence: str) -> None:
        """Tell what happened."""

    def step(self, done: int, total: int, loss: float) -> None:
        """Tell that a step was made."""


class Lines:
    """Plain lines: what happened, and now and then how far it is."""

    def __init__(self) -> None:
        self.start: tuple[float, int] | None = None
        self.last = 0.0
        self.losses: list[float] = []

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    def step(self, done: int, total: int, loss: float) -> None:
        now = time.monotonic()
        self.losses.append(loss)
        if self.start is None:  # the first step also warms up: it says nothing about the pace
            self.start, self.last = (now, done), now
        if done < total and now - self.last < SECONDS_BETWEEN_LINES:
            return
        pace = (now - self.start[0]) / max(1, done - self.start[1])
        mean = sum(self.losses) / len(self.losses)
        self.say(f"step {done} of {total}: loss {mean:.4g}, {pace:.3g} s a step, {(total - done) * pace / 3600:.2f} h to go")
        self.last, self.losses = now, []


@contextmanager
def console() -> Iterator[Console]:
    """Yield a console for standard error."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich import progress
    from rich.console import Console as Terminal

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(*columns, progress.TimeRemainingColumn(), console=Terminal(stderr=True)) as bars:
        yield _Bar(bars)


class _Bar:
    """A bar of steps with the loss beside it."""

    def __init__(self, bars: object) -> None:
        self.bars = bars
        self.bar = bars.add_task("training", total=None)

    def say(self, sentence: str) -> None:
        self.bars.console.print(sentence, markup=False, highlight=False)

    def step(self, done: int, total: int, loss: float) -> None:
        self.bars.update(self.bar, completed=done, total=total, description=f"loss {loss:.4g}")
