"""The stages of an evaluation, told to whoever watches."""

from __future__ import annotations

from ...host.headless.session import Reporter
from .batches import Progress


class Stages:
    """Tells the reporter, if there is one, which of `count` stages begins, and gives what tells how far it is."""

    def __init__(self, reporter: Reporter | None, count: int) -> None:
        self.reporter, self.count = reporter, count
        self.index = 0

    def next(self, title: str) -> Progress | None:
        self.index += 1
        if self.reporter is None:
            return None
        self.reporter.start(title, self.index, self.count)
        return self.reporter.advance
