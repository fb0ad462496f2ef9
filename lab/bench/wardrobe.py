"""`bench wardrobe`: how many samples of dressed people two worker processes of one thread each make in a second, flats included."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

_WORKERS = 2
_SIZES = ((192, 256), (384, 512))
_GOAL = 8.0  # samples a second at the smaller size
_OUTFITS = 3  # that each worker walks through
_ROOT = Path(__file__).resolve().parents[2]

# A worker says when it is warm, waits for a line, makes its samples and says that it is done.
_WORKER = """
import runpy, sys
runpy.run_path(sys.argv[1])["load_pack"]()
import torch
torch.set_num_threads(1)
from modiste.wardrobe.samples import person_sample
first, count, width, height = map(int, sys.argv[2:])
person_sample(1, first - 1, width, height)
print("warm", flush=True)
sys.stdin.readline()
for index in range(first, first + count):
    person_sample(0, index, width, height)
print("done", flush=True)
"""


def rows() -> list[dict]:
    """Measure: one row per size, in samples a second of all workers together; the ratio is over the goal."""
    return [_row(width, height) for width, height in _SIZES]


def samples_per_second(width: int, height: int, outfits: int = _OUTFITS) -> float:
    """Return the samples of one size that the workers make in a second, each `outfits` people in all their shots."""
    from ...wardrobe.samples import SHOTS

    count = outfits * SHOTS
    # Each worker starts far from the other, with the first sample of a person.
    workers = [_started(width, height, SHOTS * (1000 * index + 1), count) for index in range(_WORKERS)]
    for worker in workers:
        worker.stdout.readline()
    start = time.perf_counter()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        if worker.stdout.readline().strip() != "done":
            raise ValueError("A worker of the wardrobe's benchmark failed; what it said stands above.")
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.communicate()
    return count * _WORKERS / seconds


def _started(width: int, height: int, first: int, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", _WORKER, str(_ROOT / "modiste.py"), *map(str, (first, count, width, height))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _row(width: int, height: int) -> dict:
    rate = samples_per_second(width, height)
    against = f"goal of {_GOAL:g} on {_WORKERS} cores" if (width, height) == _SIZES[0] else None
    return {
        "what": f"samples_{width}x{height}_{_WORKERS}_workers", "value": rate, "unit": "samples/s", "against": against,
        "ratio": rate / _GOAL if against else None,
    }  # fmt: skip
