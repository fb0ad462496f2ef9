"""Changes of low rank to a frozen network (LoRA, Hu et al. 2021), trained in place and written as LoRA files are.

A changed weight is computed once a step, whatever the batch: cheaper than a second path beside every layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...models.base.keys import unet_to_ldm

CHANGED = (".attentions.", ".resnets.")  # what a U-Net is mostly made of
PREFIX = "diffusion_model."  # of LDM names in LoRA files


class LowRankChange(nn.Module):
    """Adds up @ down to a weight; it starts as nothing."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        inputs = weight[0].numel()
        self.down = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.up = nn.Parameter(torch.zeros(len(weight), rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def add_low_rank(unet: nn.Module, rank: int) -> None:
    """Freeze a diffusers UNet and give every layer of its attentions and residual blocks a change of a rank."""
    unet.requires_grad_(False)
    for name, module in list(unet.named_modules()):
        if isinstance(module, nn.Linear | nn.Conv2d) and any(part in f".{name}." for part in CHANGED):
            parametrize.register_parametrization(module, "weight", LowRankChange(module.weight, rank))


def low_rank_state(unet: nn.Module) -> dict[str, Tensor]:
    """Return the changes of a UNet as a LoRA file's tensors, by LDM names: `diffusion_model.<layer>.lora_up.weight`, ..."""
    state: dict[str, Tensor] = {}
    for name, module in unet.named_modules():
        if not parametrize.is_parametrized(module, "weight"):
            continue
        (layer,) = unet_to_ldm({f"{name}.weight": module.weight})
        layer, change = PREFIX + layer.removesuffix(".weight"), module.parametrizations["weight"][0]
        kernel = module.weight.shape[2:]
        state[f"{layer}.lora_down.weight"] = change.down.detach().view(len(change.down), -1, *kernel)
        state[f"{layer}.lora_up.weight"] = change.up.detach().view(*change.up.shape, *(1 for _ in kernel))
    return state


@torch.no_grad()
def load_low_rank(unet: nn.Module, state: dict[str, Tensor]) -> None:
    """Take back what `low_rank_state` gave."""
    own = low_rank_state(unet)
    if {name: tensor.shape for name, tensor in own.items()} != {name: tensor.shape for name, tensor in state.items()}:
        raise ValueError("These changes are of other layers, or of another rank: start from a file of the same model.")
    for name, tensor in own.items():  # views of the parameters themselves
        tensor.copy_(state[name])
