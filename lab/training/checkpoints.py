"""Checkpoints: one safetensors file each, which stands whole under its name or not at all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .files import save_tensors

KEPT = 2


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    step:    optimizer steps done
    samples: samples seen, by all processes together
    seconds: time spent training, without breaks
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trained:
    """What a checkpoint holds, apart from the progress: the model, its average and the optimizer, all on one device."""

    model: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer


def save_checkpoint(folder: Path, trained: Trained, progress: Progress) -> Path:
    """Write `step_NNNNNNNN.safetensors` and remove all but the newest `KEPT`.

    Raises:
        ValueError: if the folder cannot be written or is full; the older checkpoints are all still there.
    """
    tensors = _tensors(trained)
    path = folder / f"step_{progress.step:08d}.safetensors"
    save_tensors(tensors, path, {"progress": json.dumps(asdict(progress)), "checksum": _checksum(tensors)})
    for old in checkpoints(folder)[KEPT:]:
        old.unlink()
    return path


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, newest first."""
    return sorted(folder.glob("step_*.safetensors"), reverse=True)


def load_newest(folder: Path, trained: Trained, tell: Callable[[str], None]) -> Progress:
    """Load the newest checkpoint that can be read; `tell` hears of those that cannot.

    Raises:
        ValueError: if there is none, or if it is of another model.
    """
    for path in checkpoints(folder):
        try:
            tensors, progress = _read(path)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            tell(f"The checkpoint '{path.name}' cannot be read ({error}): trying the one before it.")
            continue
        try:
            _restore(trained, tensors)
        except (RuntimeError, KeyError) as error:
            raise ValueError(f"'{path}' is a checkpoint of another model: resume it with the model and settings it had.") from error
        return progress
    raise ValueError(f"There is no checkpoint in '{folder}' to resume from: start without --resume.")


def _tensors(trained: Trained) -> dict[str, Tensor]:
    """Flatten everything into tensors [any shape] on the CPU, contiguous and in memory of their own."""
    tensors = {f"model.{name}": tensor for name, tensor in trained.model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in trained.average.state_dict().items()}
    for index, values in trained.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in values.items()}
    return {name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format) for name, tensor in tensors.items()}


def _restore(trained: Trained, tensors: dict[str, Tensor]) -> None:
    trained.model.load_state_dict(_under("model.", tensors))
    trained.average.load_state_dict(_under("average.", tensors))
    parameters = [parameter for group in trained.optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        index, _, key = name.partition(".")
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape and tensor.ndim:  # fused AdamW walks both in memory's order
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(index), {})[key] = tensor
    trained.optimizer.load_state_dict({"state": state, "param_groups": trained.optimizer.state_dict()["param_groups"]})


def _read(path: Path) -> tuple[dict[str, Tensor], Progress]:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if metadata["checksum"] != _checksum(tensors):
        raise ValueError("its checksum is wrong")
    return tensors, Progress(**json.loads(metadata["progress"]))


def _checksum(tensors: dict[str, Tensor]) -> str:
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), zlib.crc32(name.encode(), checksum))
    return f"{checksum:08x}"


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
