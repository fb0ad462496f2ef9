"""The command `run`: a workflow file with what the command line changes in it, to files."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from .errors import WorkflowError
from .executor import Executor
from .folders import writing_problem
from .overrides import first_seed, set_file, set_seeds, set_value
from .reporting import reporter
from .session import Session, use
from .sockets import Int
from .validation import read_value
from .workflow import NodeClasses, load_workflow


@dataclass(frozen=True)
class RunRequest:
    """What the user asks of a run: `inputs` are NODE=FILE, `values` NODE.INPUT=VALUE; device None takes CUDA where it is."""

    workflow: Path
    inputs: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    output: Path | None = None
    seed: int | None = None
    device: str | None = None


def run(request: RunRequest, node_classes: NodeClasses) -> dict[str, Any]:
    """Run a workflow file and return `{"outputs": [paths], "seconds", "seed", "nodes_run"}`.

    Raises:
        WorkflowError: if anything about the request or the workflow is wrong, or a node fails.
        KeyboardInterrupt: if the user cancelled; no file is left half written.
    """
    started = time.perf_counter()
    session = Session(output=request.output and request.output.absolute(), device=_device(request.device))
    problem = writing_problem(session.output_folder)
    if problem:
        raise WorkflowError(
            f"The output folder '{session.output_folder}' cannot be written to ({problem}): choose another with --output."
        )
    with use(session), _cancels(session), redirect_stdout(sys.stderr), reporter() as session.reporter:
        targets = [assignment.partition("=")[0] for assignment in (*request.inputs, *request.values)]
        prompt = load_workflow(request.workflow, node_classes, targets)
        for assignment in request.inputs:
            set_file(prompt, node_classes, session, assignment)
        if request.seed is not None:
            set_seeds(prompt, node_classes, request.seed)
        for assignment in request.values:
            set_value(prompt, node_classes, assignment)
        result = Executor(node_classes, session).run(prompt)
        seed = first_seed(prompt, node_classes) if request.seed is None else request.seed
    return {
        "outputs": [str(path) for path in result.files],
        "seconds": round(time.perf_counter() - started, 3),
        "seed": None if seed is None else read_value(seed, Int.Input("seed")),
        "nodes_run": result.nodes_run,
    }


def _device(name: str | None) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise WorkflowError("There is no CUDA device that torch can use: run with --device cpu, or install a CUDA build of torch.")
    return name or ("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _cancels(session: Session) -> Iterator[None]:
    """Let Ctrl-C set the session's cancel flag too, should some code swallow the exception."""

    def cancel(number: int, frame: FrameType | None) -> None:
        session.cancelled.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
