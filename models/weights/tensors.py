"""Reading and writing safetensors files: whole or not at all, and errors in one sentence."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..files import atomic_write, existing_file


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or not of this format.
    """
    with _readable(path):
        return load_file(path)


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a file says of itself; raises as `read_tensors` does."""
    with _readable(path), safe_open(path, "pt") as file:
        return file.metadata() or {}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    existing_file(path)
    try:
        yield
    except SafetensorError as error:
        raise ValueError(f"'{path}' cannot be read ({error}): it is damaged or no safetensors file.") from error


def fingerprint(tensors: Mapping[str, Tensor], beside: str = "") -> str:
    """Return eight hex digits by which tensors, and a text `beside` them, are known: their CRC-32 with names, types and shapes."""
    checksum = zlib.crc32(beside.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        checksum = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), checksum)
        checksum = zlib.crc32(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy(), checksum)
    return f"{checksum:08x}"


def save_half(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write weights for use: floating-point ones as fp16, others as they are.

    Raises:
        ValueError: if a weight has no finite fp16 value, or the folder cannot be written or is full.
    """
    halves = {name: tensor.detach().half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    for name, tensor in halves.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"The weight '{name}' is too large for fp16: the training has gone wrong, so nothing is written.")
    save_tensors(halves, path, metadata)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file that lasts when the machine stops.

    Raises:
        ValueError: if the folder cannot be written or is full; what stood there before still does.
    """
    with atomic_write(path) as temporary:
        try:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary, metadata=metadata)
        except SafetensorError as error:  # how the library tells that the disk is full
            raise OSError(str(error)) from error
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
