"""Errors that a workflow or its user can cause; the message is what the user reads."""

from __future__ import annotations

import sys


class WorkflowError(ValueError):
    """A workflow that cannot run, with one sentence per problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def missing_package(error: ModuleNotFoundError) -> str:
    """Return what to do about a Python package that is not installed."""
    return f"the Python package '{error.name}' is missing: run '{sys.executable} -m pip install -r requirements-headless.txt'."


def listing(names: list[str], most: int = 12) -> str:
    """Return names as one readable list, cut after `most`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
