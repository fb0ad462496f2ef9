"""Reading the files that `torch.save` writes, which other people's weights come in, without running what they may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..files import existing_file

SAFE = (2, 6)  # the first PyTorch whose `weights_only` holds what it promises (CVE-2025-32434)


def read_plain(path: Path, advice: str, device: str = "cpu") -> Any:
    """Return what a file holds, if that is nothing but tensors in lists and dictionaries.

    advice: ends the sentences about files that are not opened

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or holds more, or PyTorch is too old to tell.
    """
    existing_file(path)
    if torch.__version__ < SAFE:
        raise ValueError(f"'{path.name}' cannot be opened safely by a PyTorch before 2.6: update PyTorch, or {advice}.")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # the bytes of a damaged file may make it raise anything
        raise ValueError(
            f"'{path.name}' is damaged, or holds more than weights, which could run code, and is not opened: {advice}."
        ) from error
