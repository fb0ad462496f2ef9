"""Projected Newton's method with a barrier: every step is free of contact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .contact import Contact
from .terms import Term

STIFFNESS = 1.6e8  # of the barrier, whose unit is m^4
LONGEST = 0.05  # metres that no vertex exceeds in one step
_ARMIJO, _HALVINGS = 1e-4, 12
_DAMPING = 1e-6  # of the typical entry of the Hessian's diagonal


@dataclass(frozen=True)
class Problem:
    """What is minimised: the sum of terms over free points, in contact with obstacles.

    terms:   over the points of `contact`, free ones first
    contact: whose barrier is added
    """

    terms: Sequence[Term]
    contact: Contact
    stiffness: float = STIFFNESS

    def energy(self, points: Tensor) -> float:
        return sum(term.energy(points) for term in self.terms) + self.stiffness * self.contact.energy(points.numpy())

    def derivatives(self, points: Tensor) -> tuple[float, np.ndarray, object]:
        """Return the energy, and its gradient [3 n] and positive semidefinite Hessian over the n free points."""
        from scipy.sparse import csr_matrix

        size = 3 * self.contact.free
        value, slope, curvature = self.contact.derivatives(points.numpy())
        value, slope, curvature = self.stiffness * value, self.stiffness * slope[:size], self.stiffness * curvature[:size, :size]
        for term in self.terms:
            residual, jacobian = term.linearized(points)
            value += 0.5 * float(residual.square().sum())
            count, height = residual.shape
            columns = (3 * term.groups[:, None, :, None] + torch.arange(3)).expand(-1, height, -1, -1)
            rows = torch.arange(count * height).view(count, height, 1, 1).expand_as(columns)
            inside = columns < size
            matrix = csr_matrix(
                (jacobian[inside].numpy(), (rows[inside].numpy(), columns[inside].numpy())), shape=(count * height, size)
            )
            slope = slope + matrix.T @ residual.reshape(-1).numpy()
            curvature = curvature + matrix.T @ matrix
        return value, slope, curvature


def newton(
    problem: Problem, points: Tensor, steps: int, tolerance: float, progress: Callable[[], None] | None = None
) -> tuple[Tensor, int]:
    """Minimise from points [N, 3] float64 that are free of contact, until a step gains less than moving a point by `tolerance`.

    Gain is measured, not length: where surfaces almost touch, even a step that the barrier drives with all force is short.

    tolerance: metres

    Returns:
        the points, and how many steps were taken.
    """
    size, tell = problem.contact.free, progress or (lambda: None)
    for step in range(steps):
        tell()
        value, slope, curvature = problem.derivatives(points)
        tell()
        typical = np.median(curvature.diagonal())
        way = torch.zeros_like(points)
        way[:size] = torch.from_numpy(_solved(curvature, -slope, _DAMPING * typical)).view(-1, 3)
        descent = float(slope @ way[:size].reshape(-1).numpy())
        if -descent < typical * tolerance**2:
            return points, step
        way *= min(1.0, LONGEST / float(way.norm(dim=1).max()))
        descent = float(slope @ way[:size].reshape(-1).numpy())
        tell()
        share = problem.contact.free_share(points.numpy(), (points + way).numpy())
        for _ in range(_HALVINGS):
            tell()
            ahead = points + share * way
            if problem.energy(ahead) <= value + _ARMIJO * share * descent:
                break
            share /= 2
        else:
            return points, step
        points = ahead
    return points, steps


def _solved(matrix: object, right: np.ndarray, damping: float) -> np.ndarray:
    """Solve a semidefinite system, made definite by `damping` on its diagonal."""
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    matrix = (matrix + damping * identity(matrix.shape[0])).tocsc()
    return splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0).solve(right)
