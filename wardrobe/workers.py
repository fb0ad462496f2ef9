"""Worker processes that make samples."""

from __future__ import annotations

import runpy
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes, which know the pack whatever its folder is called."""
    return ProcessPoolExecutor(workers, get_context("spawn"), runpy.run_path, (str(ROOT / "modiste.py"), None, "__mp_main__"))
