"""Worker processes that make samples."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes, which know the pack whatever its folder is called.

    When the block fails or is interrupted, what has not begun yet is never done.
    """
    pool = ProcessPoolExecutor(workers, get_context("spawn"), runpy.run_path, (str(ROOT / "modiste.py"), None, "__mp_main__"))
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
