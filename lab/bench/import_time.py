"""How long the pack takes to import where torch and numpy are loaded already, as they are in ComfyUI, and what it pulls in."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 0.3
RUNS = 3
HEAVY = ("diffusers", "gsplat", "trimesh", "cv2", "transformers", "smplx")

# Runs in a fresh process; prints the seconds and the modules that came with the pack.
PROBE = """
import asyncio, json, runpy, sys, time
import numpy, torch
load_pack = runpy.run_path(sys.argv[1])["load_pack"]
before = set(sys.modules)
print("import time: start", file=sys.stderr)
started = time.perf_counter()
async def node_list():
    return await (await load_pack().comfy_entrypoint()).get_node_list()
nodes = asyncio.run(node_list())
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "nodes": len(nodes), "modules": sorted(set(sys.modules) - before)}))
"""


def rows() -> list[dict[str, Any]]:
    """Measure in fresh processes: the median time, the number of heavy modules among what was imported, and each module's share."""
    seconds = statistics.median(probe()[0]["seconds"] for _ in range(RUNS))
    answer, log = probe("-X", "importtime")
    own = _own_seconds(log)
    total = sum(own.get(name, 0.0) for name in answer["modules"])
    return [
        _row("pack_import_seconds", seconds, "s", f"limit of {LIMIT_SECONDS} s", seconds / LIMIT_SECONDS),
        _row("heavy_modules", len(heavy(answer["modules"])), f"modules of {', '.join(HEAVY)}", None, None),
        *(_row(f"module {name}", own.get(name, 0.0), "s", "all modules", own.get(name, 0.0) / total) for name in answer["modules"]),
    ]


def probe(*flags: str) -> tuple[dict[str, Any], str]:
    """Import the pack and its node list in a fresh process; return its seconds and modules, and its standard error.

    Raises:
        ValueError: if the import failed.
    """
    command = [sys.executable, *flags, "-c", PROBE, str(ROOT / "modiste.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"The pack could not be imported: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout), done.stderr


def heavy(modules: list[str]) -> list[str]:
    """Return those of the modules that belong to a package too heavy to import at start."""
    return [name for name in modules if name.partition(".")[0] in HEAVY]


def _own_seconds(log: str) -> dict[str, float]:
    """Read the time that each module itself took from what `-X importtime` logged after the probe's mark."""
    lines = log.partition("import time: start")[2].splitlines()
    matches = (re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", line) for line in lines)
    return {match[2]: int(match[1]) / 1e6 for match in matches if match}


def _row(what: str, value: float, unit: str, against: str | None, ratio: float | None) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit, "against": against, "ratio": ratio}
