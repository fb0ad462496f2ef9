"""Checkpoints: one safetensors file each, which stands whole under its name or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ...models.weights.tensors import fingerprint, save_tensors

KEPT = 2
_WEIGHTS = "weights"  # beside the states of AdamW


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    step:    optimizer steps done
    samples: samples seen, by all processes together
    seconds: time spent training, without breaks
    items:   of the data
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    items: int = 0


@dataclass(frozen=True)
class Split:
    """Which part of the optimizer's state this process has, under ZeRO-2.

    gather: joins what the processes have of a tensor [N] to [processes * N]; all must call it
    """

    process: int
    processes: int
    gather: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Trained:
    """What a checkpoint holds, apart from the progress: the model, its average and the optimizer, all on one device.

    split: None where every process has all of the optimizer's state
    """

    model: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    split: Split | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return everything by name, on the CPU, contiguous and in memory of its own; all processes must call this."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        for index, parameter in enumerate(self._parameters()):
            values = dict(self.optimizer.state.get(parameter, {}))
            if self.split:  # which leaves the exact weights in pieces, and in the model only where it has rounded them
                values = {name: self.split.gather(value) if value.ndim else value for name, value in values.items()}
                values[_WEIGHTS] = self.split.gather(parameter)
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in values.items()}
        return {name: _copy(tensor) for name, tensor in tensors.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned.

        Raises:
            RuntimeError, KeyError or IndexError: if they are of another model, or were split over another number of processes.
        """
        self.model.load_state_dict(_under("model.", tensors))
        self.average.load_state_dict(_under("average.", tensors))
        parameters = self._parameters()
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimizer.", tensors).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = self._piece(tensor, parameters[int(index)])
        with torch.no_grad():
            for index, values in state.items():
                if self.split:
                    parameters[index].copy_(values.pop(_WEIGHTS))
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def _piece(self, tensor: Tensor, parameter: Tensor) -> Tensor:
        """Return this process's part of a state, laid out in memory like its parameter: fused AdamW walks both in that order."""
        if not tensor.ndim:
            return tensor
        if self.split:
            tensor = tensor.chunk(self.split.processes)[self.split.process]
        if tensor.shape != parameter.shape:
            raise RuntimeError(f"a state {list(tensor.shape)} of a parameter {list(parameter.shape)}")
        return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def save_checkpoint(folder: Path, tensors: dict[str, Tensor], progress: Progress) -> Path:
    """Write `step_NNNNNNNN.safetensors` and remove all but the newest `KEPT`.

    Raises:
        ValueError: if the folder cannot be written or is full; the older checkpoints are all still there.
    """
    path = folder / f"step_{progress.step:08d}.safetensors"
    told = json.dumps(asdict(progress))
    save_tensors(tensors, path, {"progress": told, "checksum": fingerprint(tensors, told)})
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
            trained.restore(tensors)
        except (RuntimeError, KeyError, IndexError) as error:
            raise ValueError(f"'{path}' is of another model: resume it with the model, settings and processes it had.") from error
        return progress
    raise ValueError(f"None of the checkpoints in '{folder}' can be read: move the run's folder away and start anew.")


def _read(path: Path) -> tuple[dict[str, Tensor], Progress]:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if metadata["checksum"] != fingerprint(tensors, metadata["progress"]):
        raise ValueError("its checksum is wrong")
    return tensors, Progress(**json.loads(metadata["progress"]))


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
