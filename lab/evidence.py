"""Writes docs/evidence.md from the figures and pictures in docs/evidence/, which the commands that it names have written.

From the repository root, after those commands:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab import evidence; evidence.main()"
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..models.files import atomic_write
from .evaluation.goals import goal_table
from .evaluation.reports import load_report, markdown
from .evaluation.systems import SYSTEMS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "evidence.md"
FOLDER = PAGE.with_suffix("")
INTRODUCTION = """# Evidence

How good the parts of this pack are, and how fast, measured by the commands below on samples of the wardrobe that no training
saw. Each cell is a mean with its 95 % interval and the number of samples. `lab/evidence.py` writes this page from what the
commands write."""


def main() -> None:
    """Write the page."""
    with atomic_write(PAGE) as temporary:
        temporary.write_text(page(FOLDER), encoding="utf-8")


def page(folder: Path) -> str:
    """Return the page about the reports, benchmarks and pictures in a folder; equal files give equal pages."""
    sections = [INTRODUCTION, *_evaluations(folder), *_benches(folder)]
    return "\n\n".join(sections) + "\n"


def _evaluations(folder: Path) -> Iterator[str]:
    for system, name in SYSTEMS.items():
        path = folder / f"{system}.json"
        if not path.is_file():
            continue
        report = load_report(path)
        module = importlib.import_module(f".evaluation.{name}", __package__)
        yield f"## {system.capitalize()}"
        yield module.ABOUT.strip()
        yield f"```\n{report.command} --json docs/evidence/{path.name} --pictures docs/evidence\n```"
        yield goal_table(module.GOALS, report.rows)
        yield markdown(report.rows)
        for picture, words in module.SHEETS.items():
            if (folder / picture).is_file():
                yield f"![{words}](evidence/{picture})\n\n{words}"


def _benches(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("bench_*.json")):
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        yield f"## Speed: {table['name']}"
        yield f"```\npython modiste.py bench {table['name']} --json docs/evidence/{path.name}\n```"
        yield f"On {table['machine']}."
        yield "\n".join(["| what | value | against | ratio |", "| --- | --- | --- | --- |", *map(_bench_line, table["rows"])])


def _bench_line(row: dict[str, Any]) -> str:
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}"
    return f"| {row['what']} | {row['value']:.4g} {row['unit']} | {row['against'] or ''} | {ratio} |"
