"""Benchmarks, one module each with `rows()`; they measure ratios within one run, since machines differ.

A row is `{"what", "value", "unit", "against", "ratio"}`: `ratio` is value over that of `against`, both None where there is nothing
to compare with.
"""

from __future__ import annotations

import importlib
import os
import platform
from typing import Any

BENCHES = {
    "splat": "splat", "import": "import_time", "compose": "compose", "base": "base", "wardrobe": "wardrobe", "reshape": "reshape",
    "fusion": "fusion",
}  # fmt: skip


def measure(name: str) -> dict[str, Any]:
    """Run a benchmark and return `{"name", "machine", "rows"}`.

    Raises:
        ValueError: if there is no benchmark of that name.
    """
    if name not in BENCHES:
        raise ValueError(f"There is no benchmark '{name}': choose {', '.join(BENCHES)}.")
    rows = importlib.import_module(f".{BENCHES[name]}", __name__).rows()
    return {"name": name, "machine": _machine(), "rows": rows}


def _machine() -> str:
    import torch

    processor = platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    )
