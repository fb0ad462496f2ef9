"""The evaluation's reader: as the encoder, trained from other random weights in another order, so that the two err apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import encoder


@dataclass(frozen=True)
class Task(encoder.Task):
    kind: ClassVar[str] = "modiste-evaluation-reader"
