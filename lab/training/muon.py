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
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            steps = self._matrix_steps(parameters) if group["matrices"] else self._adam_steps(parameters, group["betas"])
            for parameter, step in zip(parameters, steps, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=group["lr"])
        return loss

    def _matrix_steps(self, parameters: list[Tensor]) -> list[Tensor]:
        """Return the steps of matrices; those of one shape are computed together, which is much faster where they are small."""
        alike: dict[torch.Size, list[int]] = {}
        ahead = []
        for index, parameter in enumerate(parameters):
            (momentum,) = self._memory(parameter, "momentum")
            momentum.lerp_(parameter.grad, 1 - MOMENTUM)
            ahead.append(parameter.grad.lerp(momentum, MOMENTUM).flatten(1))  # Nesterov's
            alike.setdefault(ahead[-1].shape, []).append(index)
        steps = list(parameters)
        for shape, indices in alike.items():
            found = orthogonalized(torch.stack([ahead[index] for index in indices])) * LIKE_ADAM * max(shape) ** 0.5
            for index, step in zip(indices, found, strict=True):
                steps[index] = step.view(parameters[index].shape)
        return steps

    def _adam_steps(self, parameters: list[Tensor], betas: tuple[float, float]) -> list[Tensor]:
        steps = []
        for parameter in parameters:
            mean, square = self._memory(parameter, "mean", "square")
            state = self.state[parameter]
            state["step"] = state.get("step", torch.zeros(())) + 1
            mean.lerp_(parameter.grad, 1 - betas[0])
            square.mul_(betas[1]).addcmul_(parameter.grad, parameter.grad, value=1 - betas[1])
            first, second = (1 - beta ** float(state["step"]) for beta in betas)
            steps.append(mean / square.sqrt().mul_(second**-0.5).add_(TINY).mul_(first))  # in place: tables of words are large
        return steps

    def _memory(self, parameter: Tensor, *names: str) -> list[Tensor]:
        state = self.state[parameter]
        return [state.setdefault(name, torch.zeros_like(parameter)) for name in names]


def orthogonalized(matrices: Tensor) -> Tensor:
    """Return U V^T, roughly, of matrices [..., M, N] = U S V^T: singular values between 0.7 and 1.2 or so.

    Every iteration multiplies by a polynomial of the matrix's square; these all commute, so they are gathered at the size of the
    shorter side and multiply the matrix once. That takes a third of the time for convolutions.
    """
    first, second, third = QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    wide = (matrices.mT if tall else matrices).float()
    wide = wide / (wide.norm(dim=(-2, -1), keepdim=True) + TINY)
    square = wide @ wide.mT
    identity = gathered = torch.eye(square.shape[-1], device=square.device)
    for _ in range(ITERATIONS):
        factor = first * identity + second * square + third * square @ square
        gathered = factor @ gathered
        square = factor @ square @ factor
    wide = gathered @ wide
    return (wide.mT if tall else wide).to(matrices.dtype)


def takes(parameter: Tensor) -> bool:
    """Whether a weight is a matrix, or a convolution, that Muon should move."""
    return parameter.ndim > 1 and min(len(parameter), parameter[0].numel()) >= NARROWEST
