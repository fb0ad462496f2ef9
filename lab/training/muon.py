"""Muon (Jordan et al. 2024): momentum whose every matrix is made orthogonal before it moves a weight.

Lists of tensors are worked on at once: a GPU needs longer to be told of a thousand small ones than to move them.
"""

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
            if not parameters:
                continue
            steps = self._matrix_steps(parameters) if group["matrices"] else self._adam_steps(parameters, group["betas"])
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(parameters, steps, alpha=-group["lr"])
        return loss

    def _matrix_steps(self, parameters: list[Tensor]) -> list[Tensor]:
        """Return the steps of matrices; those of one shape are computed together, which is much faster where they are small."""
        grads = [parameter.grad for parameter in parameters]
        (momenta,) = self._memories(parameters, "momentum")
        torch._foreach_lerp_(momenta, grads, 1 - MOMENTUM)
        ahead = [grad.flatten(1) for grad in torch._foreach_lerp(grads, momenta, MOMENTUM)]  # Nesterov's
        alike: dict[torch.Size, list[int]] = {}
        for index, grad in enumerate(ahead):
            alike.setdefault(grad.shape, []).append(index)
        steps = list(parameters)
        for shape, indices in alike.items():
            found = orthogonalized(torch.stack([ahead[index] for index in indices])) * LIKE_ADAM * max(shape) ** 0.5
            for index, step in zip(indices, found, strict=True):
                steps[index] = step.view(parameters[index].shape)
        return steps

    def _adam_steps(self, parameters: list[Tensor], betas: tuple[float, float]) -> list[Tensor]:
        grads = [parameter.grad for parameter in parameters]
        means, squares = self._memories(parameters, "mean", "square")
        torch._foreach_lerp_(means, grads, 1 - betas[0])
        torch._foreach_mul_(squares, betas[1])
        torch._foreach_addcmul_(squares, grads, grads, 1 - betas[1])
        states = [self.state[parameter] for parameter in parameters]
        for state in states:
            state["step"] = state.get("step", torch.zeros(())) + 1
        first, second = ([1 - beta ** float(state["step"]) for state in states] for beta in betas)
        scales = torch._foreach_sqrt(squares)
        torch._foreach_mul_(scales, [share**-0.5 for share in second])
        torch._foreach_add_(scales, TINY)
        torch._foreach_mul_(scales, first)
        return torch._foreach_div(means, scales)

    def _memories(self, parameters: list[Tensor], *names: str) -> list[list[Tensor]]:
        """Return what is remembered of parameters under each name."""
        return [[self.state[each].setdefault(name, torch.zeros_like(each)) for each in parameters] for name in names]


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
