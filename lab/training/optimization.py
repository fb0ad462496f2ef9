"""The optimizer, its learning rate and the average of the weights; the last two have no state but the step."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .config import Config
from .muon import Muon, takes


def make_optimizer(model: nn.Module, config: Config) -> torch.optim.Optimizer:
    """Return the optimizer of the parameters that need gradients; biases and the scales of norms do not decay."""
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1
            groups.setdefault((decays, takes(parameter) and id(parameter) not in tables), []).append(parameter)
    table = [
        {"params": parameters, "weight_decay": config.weight_decay if decays else 0.0, "matrices": matrices}
        for (decays, matrices), parameters in groups.items()
    ]
    if config.optimizer == "muon":
        return Muon(table, config.learning_rate, config.betas)
    return torch.optim.AdamW(table, config.learning_rate, config.betas, fused=True)


def learning_rate(config: Config, step: int) -> float:
    """Return the rate of the step after `step` others."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.learning_rate
    gone = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (1 + math.cos(math.pi * min(1.0, gone))) / 2


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards the model's after a step, the sooner the younger they are; buffers are copied.

    After `step` steps the decay is min(decay, (1 + step) / (10 + step)), so that the initial weights are soon forgotten.
    """
    decay = min(decay, (1 + step) / (10 + step))
    get_ema_multi_avg_fn(decay)(list(average.parameters()), list(model.parameters()), step)
    for kept, buffer in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(buffer)
