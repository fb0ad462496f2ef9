"""Pools of worker processes."""

import subprocess
import sys
import time

import pytest

from modiste.wardrobe.workers import ROOT, worker_pool

BUSY = """
import runpy, sys, time
runpy.run_path(sys.argv[1])["load_pack"]()
from modiste.wardrobe.workers import worker_pool
with worker_pool(1) as pool:
    pool.submit(int).result()
    pool.submit(time.sleep, 600)
    print("busy", flush=True)
    time.sleep(600)
"""


def test_what_has_not_begun_when_a_block_fails_is_never_done():
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
        futures = [pool.submit(time.sleep, 0.1) for _ in range(100)]
        futures[0].result()
        raise KeyboardInterrupt
    assert sum(future.cancelled() for future in futures) > 80
    assert all(future.done() for future in futures)


def test_workers_leave_with_a_parent_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", BUSY, str(ROOT / "modiste.py")], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"busy\n"
    parent.kill()
    assert parent.communicate(timeout=60)[0] == b""  # its output ends when no worker holds it any more
