"""A run's losses: a CSV file with a row for every step, and its plot."""

from __future__ import annotations

import csv
from pathlib import Path

from ...models.files import atomic_write


class LossLog:
    """The file `log.csv` of a run: `step`, then the columns that the first row had."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = "\n" in text
        self.columns = next(csv.reader(text.splitlines())) if whole else None
        if text and not whole:  # the process was killed in its first line
            path.unlink()

    def append(self, row: dict[str, float]) -> None:
        """Add a row; it is on disk when this returns, as far as a killed process is concerned.

        Raises:
            ValueError: if the row has other columns than the first.
        """
        if self.columns is None:
            self.columns = list(row)
            self._write_line(self.columns)
        if list(row) != self.columns:
            raise ValueError(
                f"The loss logs {', '.join(row)} where it logged {', '.join(self.columns)} before: log the same always."
            )
        self._write_line([repr(value) for value in row.values()])

    def cut(self, step: int) -> None:
        """Remove the rows after a step, and what a killed process left half written."""
        if self.columns is None:
            return
        rows = [row for row in self.rows() if int(row["step"]) <= step]
        with atomic_write(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows([row[name] for name in self.columns] for row in rows)

    def rows(self) -> list[dict[str, str]]:
        """Return the whole rows, as text."""
        if self.columns is None:
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            text = file.read()
        lines = text[: text.rfind("\n") + 1].splitlines()[1:]
        rows = list(csv.reader(lines))
        return [dict(zip(self.columns, row, strict=True)) for row in rows if len(row) == len(self.columns)]

    def plot(self, path: Path) -> None:
        """Draw loss against step, each value and their running mean, as a PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rows = self.rows()
        steps = [int(row["step"]) for row in rows]
        losses = [float(row["loss"]) for row in rows]
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot(xlabel="step", ylabel="loss", yscale="log" if losses and min(losses) > 0 else "linear")
        axes.plot(steps, losses, linewidth=0.5, alpha=0.35)
        axes.plot(steps, running_mean(losses, max(1, len(losses) // 50)))
        with atomic_write(path) as temporary:
            FigureCanvasAgg(figure).print_png(temporary)

    def _write_line(self, values: list[str]) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(values)


def running_mean(values: list[float], window: int) -> list[float]:
    """Return the mean of each value and up to `window` - 1 before it."""
    means, total = [], 0.0
    for index, value in enumerate(values):
        total += value - (values[index - window] if index >= window else 0.0)
        means.append(total / min(index + 1, window))
    return means
