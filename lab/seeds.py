"""Which of the wardrobe's seeds are taken, so that what is measured was never learned from nor looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from ..models.weights.tensors import read_metadata

TRAINING_SEED = 0
NETWORK_SHEET_SEED = 1
BASE_SHEET_SEED = 900
RESERVED = {
    TRAINING_SEED: "the models learned from",
    NETWORK_SHEET_SEED: "the sheets of the encoder and the reader show",
    BASE_SHEET_SEED: "the base's sheets show",
}
_DATA = re.compile(r"wardrobe, seed (\d+(?: and \d+)*),")  # as `training.metadata.describe_data` writes it


def learned_seeds(file: Path) -> set[int]:
    """Return the seeds of the wardrobe's samples that a file of weights says it learned from."""
    return _seeds_in(read_metadata(file))


def _seeds_in(metadata: dict[str, str]) -> set[int]:
    """Return the seeds that metadata tells of, those of earlier stages included."""
    data = _DATA.match(metadata.get("data", ""))
    seeds = {int(seed) for seed in data[1].split(" and ")} if data else set()
    return seeds | (_seeds_in(json.loads(metadata["started_from"])) if "started_from" in metadata else set())


def refuse_learned(seed: int, files: Iterable[Path]) -> None:
    """Check that no file of weights learned from a seed's samples.

    Raises:
        ValueError: if one did.
    """
    for file in files:
        if seed in learned_seeds(file):
            raise ValueError(f"--seed {seed} gives the samples that '{file.name}' learned from: choose another seed.")
