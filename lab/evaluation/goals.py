"""What a system is meant to reach, told beside what it does reach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .reports import Row


@dataclass(frozen=True)
class Goal:
    """A bound on the mean of a row, or on its ratio to the row of another method.

    lowest, highest: the bound; one of them is None
    against: the method whose mean the row's is divided by, or None
    above:   the method whose mean is taken off both first, or None
    count:   samples that the row must at least be of
    apart:   whether the 95 % intervals of both rows must not overlap either
    """

    method: str
    split: str
    metric: str
    lowest: float | None = None
    highest: float | None = None
    against: str | None = None
    above: str | None = None
    count: int = 2
    apart: bool = False


def goal_table(goals: Iterable[Goal], rows: Sequence[Row]) -> str:
    """Return a Markdown table of goals and what the rows say of them; a goal without rows is not measured."""
    lines = ["| goal | measured | reached |", "| --- | --- | --- |"]
    for goal in goals:
        measured = _measured(goal, rows)
        if measured is None:
            lines.append(f"| {_wish(goal)} | not measured |  |")
            continue
        reached = measured >= goal.lowest if goal.lowest is not None else measured <= goal.highest
        reached = reached and (not goal.apart or _apart(goal, rows))
        lines.append(f"| {_wish(goal)} | {measured:.4g} | {'yes' if reached else 'no'} |")
    return "\n".join(lines)


def _measured(goal: Goal, rows: Sequence[Row]) -> float | None:
    means = {row.method: row.mean for row in rows if (row.split, row.metric) == (goal.split, goal.metric) and row.n >= goal.count}
    if not {goal.method, goal.against or goal.method, goal.above or goal.method} <= means.keys():
        return None
    floor = means[goal.above] if goal.above else 0.0
    measured, against = means[goal.method] - floor, means[goal.against] - floor if goal.against else 1.0
    if against == 0 and not goal.above:
        return math.inf if measured > 0 else 1.0
    return measured / against if against > 0 else None


def _apart(goal: Goal, rows: Sequence[Row]) -> bool:
    """Whether the intervals of a goal's two rows do not overlap."""
    found = {row.method: row.ci95 for row in rows if (row.split, row.metric) == (goal.split, goal.metric)}
    (low, high), (other_low, other_high) = found[goal.method], found[goal.against]
    return high < other_low or other_high < low


def _wish(goal: Goal) -> str:
    bound = f"at least {goal.lowest:g}" if goal.lowest is not None else f"at most {goal.highest:g}"
    times = f" times that of `{goal.against}`" if goal.against else ""
    above = f", both above `{goal.above}`" if goal.above else ""
    apart = ", intervals apart" if goal.apart else ""
    return f"{goal.metric} of `{goal.method}` on {goal.split}: {bound}{times}{above}{apart}"
