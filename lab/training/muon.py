"""Muon (Jordan et al. 2024): momentum whose every matrix is made orthogonal before it moves a weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
NARROWEST = 9  # of a matrix; what has fewer rows or columns, such as a layer that gives three colours, is Adam's
# Coefficients of an odd polynomial of the fifth degree that drives all singular values towards 1, if not exactly there.
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
# Makes the steps of a matrix as large as AdamW's usually are, so that one learning rate suits both (Liu et al. 2025).
LIKE_ADAM = 0.2
TINY = 1e-8


class Muon(torch.optim.Optimizer):
    """Muon for convolutions and matrices, AdamW for all else: embeddings, biases, scales of norms, and narrow layers.

    groups: each with `params`, `weight_decay`, and `matrices`: whether it is Muon that moves them
    betas:  of AdamW
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Move every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            move = self._matrix if group["matrices"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(move(parameter, group["betas"]), alpha=group["lr"])
        return loss

    def _matrix(self, parameter: Tensor, _: Any) -> Tensor:
        (momentum,) = self._memory(parameter, "momentum")
        momentum.lerp_(parameter.grad, 1 - MOMENTUM)
        ahead = parameter.grad.lerp(momentum, MOMENTUM)  # Nesterov's
        matrix = ahead.flatten(1)
        return orthogonalized(matrix).view(parameter.shape) * LIKE_ADAM * max(matrix.shape) ** 0.5

    def _adam(self, parameter: Tensor, betas: tuple[float, float]) -> Tensor:
        mean, square = self._memory(parameter, "mean", "square")
        state = self.state[parameter]
        state["step"] = state.get("step", torch.zeros(())) + 1
        mean.lerp_(parameter.grad, 1 - betas[0])
        square.lerp_(parameter.grad.square(), 1 - betas[1])
        first, second = (1 - beta ** float(state["step"]) for beta in betas)
        return mean / first / ((square / second).sqrt() + TINY)

    def _memory(self, parameter: Tensor, *names: str) -> list[Tensor]:
        state = self.state[parameter]
        return [state.setdefault(name, torch.zeros_like(parameter)) for name in names]


def orthogonalized(matrix: Tensor) -> Tensor:
    """Return U V^T, roughly, of a matrix [M, N] = U S V^T: singular values between 0.7 and 1.2 or so (in bfloat16)."""
    first, second, third = QUINTIC
    wide = matrix.bfloat16() if len(matrix) <= matrix.shape[1] else matrix.bfloat16().T
    wide = wide / (wide.norm() + TINY)
    for _ in range(ITERATIONS):
        square = wide @ wide.T
        wide = first * wide + (second * square + third * square @ square) @ wide
    return (wide if len(matrix) <= matrix.shape[1] else wide.T).to(matrix.dtype)


def takes(parameter: Tensor) -> bool:
    """Whether a weight is a matrix, or a convolution, that Muon should move."""
    return parameter.ndim > 1 and min(len(parameter), parameter[0].numel()) >= NARROWEST
