"""A run that is killed, or stopped, goes on as if it had not been: the same losses to the last digit."""

import signal
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from modiste.lab.training.log import LossLog

# Everything that could remember: dropout, running statistics, two shapes, accumulation, workers, rounding, memory layout.
HARD = ("accumulation=2", "workers=1", 'precision="bf16"', "channels_last=true", "checkpoint_minutes=0.005")


def finish(process):
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, toy):
    """The log and weights of 200 steps in one go, in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    toy.run(folder, 200, accumulation=2, precision="bf16", channels_last=True)
    torch.set_num_threads(threads)
    return (folder / "log.csv").read_text(), load_file(folder / "toy.safetensors")


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_goes_on_with_the_same_losses(tmp_path, toy_process, wait_until_checkpoint, uninterrupted, monkeypatch, blow):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    first = toy_process(tmp_path, 200, *HARD)
    wait_until_checkpoint(tmp_path, first)
    first.send_signal(blow)
    code, errors = finish(first)
    assert code != 0
    assert not (tmp_path / "toy.safetensors").exists()
    assert ("go on with --resume" in errors) == (blow == signal.SIGTERM)

    code, errors = finish(toy_process(tmp_path, 200, "--resume", *HARD))
    assert code == 0, errors
    assert "Going on after step" in errors and "after step 0 of" not in errors
    log, weights = uninterrupted
    assert (tmp_path / "log.csv").read_text() == log
    resumed = load_file(tmp_path / "toy.safetensors")
    assert resumed.keys() == weights.keys()
    assert all(resumed[name].equal(weights[name]) for name in weights)


def test_two_processes_do_what_two_accumulated_batches_do(tmp_path, toy_process, toy, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "1")
    launch = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    code, errors = finish(toy_process(tmp_path / "two", 8, launch=launch))
    assert code == 0, errors
    toy.run(tmp_path / "one", 8, accumulation=2)
    two, one = (LossLog(tmp_path / name / "log.csv").rows() for name in ("two", "one"))
    assert [row["step"] for row in two] == [str(step) for step in range(1, 9)]
    assert [float(row["loss"]) for row in two] == pytest.approx([float(row["loss"]) for row in one], rel=1e-4)
    with safe_open(tmp_path / "two" / "toy.safetensors", framework="pt") as file:
        assert file.metadata() | {"batch": "8", "samples": "64"} == file.metadata()
