"""Progress of the running node, and the interrupt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .session import current

if TYPE_CHECKING:
    from torch import Tensor


def check_interrupt() -> None:
    """Stop here if the run was cancelled.

    Raises:
        KeyboardInterrupt: if it was; library loops let it pass, so no file is left half written.
    """
    if current().cancelled.is_set():
        raise KeyboardInterrupt


class Progress:
    """A library function's progress callback: `progress(done, total)` reports and checks the interrupt."""

    def __init__(self, total: int) -> None:
        self.total = total

    def __call__(self, done: int, total: int | None = None) -> None:
        check_interrupt()
        reporter = current().reporter
        if reporter:
            reporter.advance(done, self.total if total is None else total)

    def show(self, picture: Tensor) -> None:
        """Take a picture [H, W, 3] in 0..1 that ComfyUI would show on the running node; there is no place for it here."""
        check_interrupt()
