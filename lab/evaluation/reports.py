"""Tables of measurements: their rows, their JSON, which is an interface, and their Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...models.files import atomic_write


@dataclass(frozen=True)
class Row:
    """One measurement.

    method: what was measured; what ships is "ours"
    split:  on which samples
    metric: its id, such as "psnr"
    ci95:   95 % interval of the mean, low to high
    n:      how many samples the mean is of
    """

    method: str
    split: str
    metric: str
    mean: float
    ci95: tuple[float, float]
    n: int


@dataclass(frozen=True)
class Report:
    """What one evaluation found, and the command that finds it again."""

    system: str
    seed: int
    count: int
    command: str
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """Return the report in the format of `evaluate --json`."""
        table = asdict(self)
        table["rows"] = [{**row, "ci95": list(row["ci95"])} for row in table["rows"]]
        return json.dumps(table, indent=1, allow_nan=False) + "\n"

    def save(self, path: Path) -> None:
        """Write the JSON; a failure leaves an older file as it was."""
        with atomic_write(path) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")


def load_report(path: Path) -> Report:
    """Read what `Report.save` wrote.

    Raises:
        ValueError: if the file holds something else.
    """
    try:
        table: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = tuple(Row(**{**row, "ci95": tuple(row["ci95"])}) for row in table.pop("rows"))
        return Report(**table, rows=rows)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"'{path}' is no report of 'modiste.py evaluate --json': write it anew with that command.") from error


def markdown(rows: Iterable[Row]) -> str:
    """Return a table for each split: methods down, metrics across, each cell a mean with its interval and count."""
    rows = tuple(rows)
    return "\n\n".join(_table(split, [row for row in rows if row.split == split]) for split in _unique(row.split for row in rows))


def _table(split: str, rows: list[Row]) -> str:
    metrics = _unique(row.metric for row in rows)
    cells = {(row.method, row.metric): _cell(row) for row in rows}
    lines = [[split, *metrics], ["---"] * (len(metrics) + 1)]
    for method in _unique(row.method for row in rows):
        lines.append([method, *(cells.get((method, metric), "") for metric in metrics)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: Row) -> str:
    low, high = row.ci95
    return f"{row.mean:.4g} ({low:.4g} to {high:.4g}, n={row.n})"


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
