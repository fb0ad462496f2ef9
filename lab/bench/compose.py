"""How long the main job takes from a cold start: two procedural avatars composed, saved and shown from all sides."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 60.0


def rows() -> list[dict[str, Any]]:
    """Run workflows/compose_avatars.json once in a fresh process and folder.

    Raises:
        ValueError: if the run failed.
    """
    command = [sys.executable, str(ROOT / "modiste.py"), "run", str(ROOT / "workflows" / "compose_avatars.json"), "--device", "cpu"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise ValueError(f"The run failed: {done.stderr.strip().splitlines()[-1]}")
    return [
        {
            "what": "compose_avatars_seconds",
            "value": seconds,
            "unit": "s",
            "against": f"limit of {LIMIT_SECONDS:g} s",
            "ratio": seconds / LIMIT_SECONDS,
        }
    ]
