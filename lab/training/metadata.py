"""What a file of weights says of how it was trained."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path

from .checkpoints import Progress
from .config import Config
from .shards import shard_seeds
from .task import Task

VERSION = "1"
LICENCE = "Apache-2.0"
OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon, and for what is no matrix AdamW"}


def training_metadata(
    task: Task, config: Config, progress: Progress, batch: int, data: str, hardware: str, commit: str
) -> dict[str, str]:
    """Return what an exported file says of itself: what it is, and exactly how it was trained.

    batch:    samples a step, of all processes together
    data:     what it learned from
    hardware: what it was trained on, e.g. "1 process(es), cpu"
    commit:   of the code that trained it, see `code_commit`; "" is left out
    """
    optimizer = OPTIMIZERS[config.optimizer]
    about = {
        "kind": task.kind,
        "version": VERSION,
        "architecture": task.architecture,
        "data": data,
        "seed": config.seed,
        "steps": progress.step,
        "samples": progress.samples,
        "batch": batch,
        "hours": f"{progress.seconds / 3600:.2f}",
        "optimizer": f"{optimizer} {config.betas}, weight decay {config.weight_decay}, gradients clipped at {config.clip}",
        "learning_rate": f"{config.learning_rate}, {config.schedule}, warm-up {config.warmup} of {config.steps} steps",
        "ema": config.ema,
        "precision": config.precision,
        "hardware": hardware,
        "task": ", ".join(f"{name}={value!r}" for name, value in asdict(task).items()),
        "commit": commit,
        "licence": LICENCE,
    }
    return {name: str(value) for name, value in about.items() if value != ""}


def describe_data(data: Path | None, seed: int, items: int) -> str:
    """Return in words what was learned from: the wardrobe on the way, rendered shards of it, or a folder by its name."""
    if data is None:
        return f"wardrobe, seed {seed}, {items} items"
    seeds = shard_seeds(data)
    return f"wardrobe, seed {' and '.join(map(str, seeds))}, {items} items in shards" if seeds else f"{data.name}, {items} items"


def code_commit() -> str:
    """Return the commit of the code, marked where files differ from it; "" where there is no git repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
