"""What can be evaluated, and what is asked of an evaluation."""

from __future__ import annotations

import importlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from ...host.headless.session import Reporter
from ..seeds import RESERVED
from ..training.files import check_writable
from .reports import Report

SYSTEMS = {
    "base": "base",
    "avatars": "avatars",
    "restoration": "restoration",
}  # name -> module here with `evaluate(request) -> Report`
LATER = ("dressing", "tryon", "stylized")


@dataclass(frozen=True)
class Request:
    """What is asked of an evaluation.

    seed:     of the wardrobe's samples; none that is reserved, or that what is measured learned from
    count:    samples of each kind
    weights:  a file to measure in place of the shipped one
    pictures: folder for contact sheets; None makes none
    reporter: where progress is told
    keep:     folder for what was drawn, so that an interrupted evaluation goes on there; of "restoration" alone
    """

    system: str
    seed: int
    count: int
    weights: Path | None = None
    pictures: Path | None = None
    reporter: Reporter | None = None
    keep: Path | None = None

    @property
    def command(self) -> str:
        """The command whose rows these are; paths in it start at the current folder, since it is published."""
        weights = f" --weights {shlex.quote(os.path.relpath(self.weights))}" if self.weights else ""
        return f"python modiste.py evaluate {self.system} --seed {self.seed} --count {self.count}{weights}"


def evaluate(request: Request) -> Report:
    """Measure one system.

    Raises:
        ValueError: if the request cannot be met; the sentence says why.
        FileNotFoundError: if weights are missing.
    """
    if request.system in LATER:
        raise ValueError(f"'{request.system}' cannot be evaluated in this version: choose {', '.join(SYSTEMS)}.")
    if request.system not in SYSTEMS:
        raise ValueError(f"There is no system '{request.system}' to evaluate: choose {', '.join(SYSTEMS)}.")
    if request.count < 2:
        raise ValueError(f"--count is {request.count}: measure at least 2 samples, since one has no interval.")
    if request.seed in RESERVED:
        raise ValueError(f"--seed {request.seed} gives the samples that {RESERVED[request.seed]}: choose another seed.")
    if request.keep and request.system != "restoration":
        raise ValueError("Only 'restoration' takes long enough to be interrupted: leave out --keep.")
    for folder in filter(None, (request.pictures, request.keep)):
        check_writable(folder)
    return importlib.import_module(f".{SYSTEMS[request.system]}", __package__).evaluate(request)
