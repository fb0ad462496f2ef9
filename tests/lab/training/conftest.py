"""The toy task, here and in a process of its own."""

import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

TOY_RUN = Path(__file__).with_name("toy_run.py")


@pytest.fixture(scope="session")
def toy():
    return SimpleNamespace(**runpy.run_path(str(TOY_RUN), run_name="toy_run"))


@pytest.fixture
def toy_process():
    """Start `toy_run.py` with arguments; whatever still runs afterwards is killed."""
    started = []

    def start(*arguments, launch=(sys.executable,)):
        command = [*launch, str(TOY_RUN), *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def wait_until_checkpoint():
    """Wait until a run has gone on for some steps after a checkpoint that it wrote on its way."""

    def wait(folder, process):
        for _ in range(1200):
            steps = [int(path.stem.removeprefix("step_")) for path in folder.glob("checkpoints/step_*.safetensors")]
            if max(steps, default=0) and (folder / "log.csv").read_text().count("\n") > max(steps) + 3:
                return
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        raise AssertionError("The run wrote no checkpoint in a minute.")

    return wait
