"""What a trainer knows of a model: the protocol of tasks, and where they are found."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from .config import Config, parse, read_config

if TYPE_CHECKING:
    from PIL.Image import Image

CONFIGS = Path(__file__).parent / "configs"


class Task(Protocol):
    """One kind of model and how it learns. A task is a frozen dataclass, whose fields are the settings of the table `[task]`.

    kind:         of the exported file, e.g. "modiste-base-vae"
    architecture: of the exported file, in words

    A task may have a method `prepared(batch) -> batch` that computes what is the same in every step. Samples that are kept in
    memory have gone through it; `loss` takes either kind.
    """

    kind: ClassVar[str]
    architecture: ClassVar[str]

    def build(self) -> nn.Module:
        """Return the module to train, with fresh weights from torch's global random state.

        Parameters that need no gradient are not trained, but are in every checkpoint; a frozen helper is better held by the task.
        """
        ...

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        """Return a map-style dataset: item i is a pure function of (data, seed, i), picklable, made of tensors and texts.

        Items are stacked by torch's default collate. A dataset whose items differ in shape has an attribute `buckets`, a Tensor [N]
        of integers: a batch takes its items from one bucket. Random augmentation belongs into `loss`.

        data: a folder, or None for the wardrobe itself
        """
        ...

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Return the scalar to minimise, and what else to log (the same names in every step).

        All randomness comes from `generator`, which lives on the model's device and is a function of (seed, step).
        """
        ...

    def sample_sheet(self, model: nn.Module, generator: torch.Generator) -> Image:
        """Return a picture that shows what the averaged model does; the generator starts the same every time."""
        ...

    def export(self, model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
        """Write the averaged weights for use, `models.weights.tensors.save_half` being the usual way."""
        ...


def task_names() -> list[str]:
    """Return the models that can be trained: the modules of `tasks/`, with '-' for '_'."""
    from . import tasks

    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(tasks.__path__))


def load_task(name: str, config: Path | None = None) -> tuple[Task, Config]:
    """Return the task of a model, and its settings from a file, by default `configs/NAME.toml`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if there is no such model, the file has the settings of another, or a setting is wrong.
    """
    if name not in task_names():
        raise ValueError(f"There is no model '{name}' to train: choose {', '.join(task_names())}.")
    path = config or CONFIGS / f"{name}.toml"
    settings = read_config(path)
    if settings.model not in ("", name):
        raise ValueError(f"'{path}' has the settings of the model '{settings.model}': '{name}' needs others, or another output.")
    module = importlib.import_module(f".tasks.{name.replace('-', '_')}", __package__)
    return parse(module.Task, settings.task, f"[task] of '{path}'"), replace(settings, model=name)
