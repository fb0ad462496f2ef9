"""The surroundings of one headless run: its folders, extra input files, device, reporter and cancel flag."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

SHIPPED_WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "weights" / "shipped"


class Reporter(Protocol):
    """Where a run tells how far it is."""

    def start(self, title: str, index: int, count: int) -> None:
        """Node `index` (from 1) of `count` begins."""

    def advance(self, done: int, total: int) -> None:
        """The running node has done `done` of `total` steps."""


@dataclass
class Session:
    """One run's surroundings.

    base:       folder that holds input/, output/ and temp/
    output:     output folder, if it is not base/output
    extra_files: files outside the input folder that the user named, by the name nodes see
    device:     name of the torch device that nodes compute on
    written:    every path handed to a node for writing, in order
    cancelled:  set it to stop the run at its next interrupt check
    """

    base: Path = field(default_factory=Path.cwd)
    output: Path | None = None
    extra_files: dict[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    reporter: Reporter | None = None
    written: list[Path] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def input_folder(self) -> Path:
        return self.base / "input"

    @property
    def output_folder(self) -> Path:
        return self.output or self.base / "output"

    @property
    def temp_folder(self) -> Path:
        return self.base / "temp"

    @property
    def model_folders(self) -> list[Path]:
        """The user's model folder first, then what the pack ships."""
        return [self.base / "models" / "modiste", SHIPPED_WEIGHTS]

    def core_model_folder(self, kind: str) -> Path:
        """The user's folder of one of core's kinds of models, such as `checkpoints`."""
        return self.base / "models" / kind


_current: list[Session] = []


def current() -> Session:
    """Return the running session; outside a run, one for the working directory."""
    return _current[-1] if _current else Session()


@contextmanager
def use(session: Session) -> Iterator[Session]:
    """Make `session` the surroundings of every node until the block ends."""
    _current.append(session)
    try:
        yield session
    finally:
        _current.pop()


def device() -> torch.device:
    """Return the device that nodes compute on."""
    import torch

    return torch.device(current().device)
