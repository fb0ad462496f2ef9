"""Writing safetensors files, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ...models.files import atomic_write


def save_half(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write weights for use: floating-point ones as fp16, others as they are.

    Raises:
        ValueError: if a weight has no finite fp16 value, or the folder cannot be written or is full.
    """
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    for name, tensor in halves.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"The weight '{name}' is too large for fp16: the training has gone wrong, so nothing is written.")
    save_tensors(halves, path, metadata)


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file that lasts when the machine stops.

    Raises:
        ValueError: if the folder cannot be written or is full; what stood there before still does.
    """
    with atomic_write(path) as temporary:
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=metadata)
        except SafetensorError as error:  # how the library tells that the disk is full
            raise OSError(str(error)) from error
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())


def check_writable(folder: Path) -> None:
    """Make a folder, and try to write there, so that a run fails before its hours rather than after.

    Raises:
        ValueError: if the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"Cannot make the folder '{folder}' or write there ({error.strerror}): choose a writable one.") from error
