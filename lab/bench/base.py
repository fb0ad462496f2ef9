"""`bench base`: the tiny base on the CPU: loading it, a batch of pictures, and the memory of a process that makes one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BATCH = 8
BATCH_LIMIT, LOADING_LIMIT, MEMORY_LIMIT = 60.0, 2.0, 1500.0  # seconds, seconds, megabytes

# Runs in a fresh process with the number of pictures to make; prints its seconds and its peak memory in megabytes.
PROBE = """
import json, resource, runpy, sys, time
runpy.run_path(sys.argv[1], run_name="__mp_main__")
started = time.perf_counter()
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel
from modiste.lab.evaluation.base_model import load_base_model
imported = time.perf_counter()
model = load_base_model()
loaded = time.perf_counter()
captions = ["a woman wearing a striped blue T-shirt and black jeans, against a grey background"] * int(sys.argv[2])
model.generate(captions, 256, 192, 0)
made = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
print(json.dumps({"imports": imported - started, "loading": loaded - imported, "making": made - loaded, "memory": peak}))
"""


def rows() -> list[dict[str, Any]]:
    """Make a batch of 8 pictures of 192x256 in 20 guided steps in one process, and one picture in another.

    Raises:
        ValueError: if a process failed.
    """
    batch, one = probe(BATCH), probe(1)
    return [
        _row("batch_seconds", batch["making"], "s", BATCH_LIMIT),
        _row("one_picture_seconds", one["making"], "s"),
        _row("loading_seconds", one["loading"], "s", LOADING_LIMIT),
        _row("library_import_seconds", one["imports"], "s"),
        _row("one_picture_peak_memory", one["memory"], "MB", MEMORY_LIMIT),
    ]


def probe(pictures: int) -> dict[str, float]:
    """Load the base and make pictures in a fresh process.

    Raises:
        ValueError: if the process failed; its last words are in the sentence.
    """
    command = [sys.executable, "-c", PROBE, str(ROOT / "modiste.py"), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"The base could not be run: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def _row(what: str, value: float, unit: str, limit: float | None = None) -> dict[str, Any]:
    against, ratio = (f"limit of {limit:g} {unit}", value / limit) if limit else (None, None)
    return {"what": what, "value": value, "unit": unit, "against": against, "ratio": ratio}
