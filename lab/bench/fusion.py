"""`bench fusion`: what GarmFus costs a step of an SD1.5-sized denoiser, beside the work that it adds.

The UNet has SD1.5's shape and random weights. Plain and fused steps take turns, so that a busy machine slows both; the medians are
compared. The work is counted in multiplications of matrices, in the UNet as it runs, by torch's own counter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...models.attention import KeyValueConcat, run_unet, sd15_layers
from ...models.attention.layers import LAYERS
from ...models.base.sd15 import SD15_UNET
from ...models.restoration.features import GarmentFeatures
from ..training.precision import fastest_device

SIZE = (64, 48)  # of the latent: 512x384
LARGE = (128, 96)  # 1024x768, for the memory of the features
LIMIT = 1.10  # of the ratio of work
MEMORY_LIMIT = 70.0  # MiB
ROUNDS = 5


@torch.inference_mode()
def rows() -> list[dict[str, Any]]:
    """Time a step with and without GarmFus, and count its work and its features' memory."""
    from diffusers import UNet2DConditionModel

    device = fastest_device()
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**SD15_UNET).to(device, torch.bfloat16 if device.type == "cuda" else torch.float32).eval()
    steps = both_steps(unet)
    work = {name: flops(step) for name, step in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            seconds[name].append(_timed(step, device))
    medians = {name: sorted(found)[ROUNDS // 2] for name, found in seconds.items()}
    time_ratio, work_ratio = medians["fused"] / medians["plain"], work["fused"] / work["plain"]
    memory = GarmentFeatures(_features(unet, LARGE, torch.device("meta"), torch.float16)).bytes / 2**20
    return [
        _row("plain_step_seconds", medians["plain"], "s"),
        _row("fused_step_seconds", medians["fused"], "s", f"{medians['plain']:.4g} s plain", time_ratio),
        _row("work_ratio", work_ratio, "times"),
        _row("time_ratio_over_work_ratio", time_ratio / work_ratio, "times", f"at most {LIMIT}", time_ratio / work_ratio / LIMIT),
        _row("feature_memory_1024x768", memory, "MiB", f"at most {MEMORY_LIMIT:.0f} MiB", memory / MEMORY_LIMIT),
    ]


def both_steps(unet: torch.nn.Module) -> dict[str, Callable[[], Tensor]]:
    """Return a step of one guided picture, positive and negative prompt together, "plain" and "fused" with a garment."""
    weight = next(unet.parameters())
    x = weight.new_empty(2, SD15_UNET["in_channels"], *SIZE).normal_()
    text = weight.new_empty(2, 77, SD15_UNET["cross_attention_dim"]).normal_()
    times = torch.full((2,), 500, device=weight.device)
    patch = KeyValueConcat(_features(unet, SIZE, weight.device, weight.dtype))
    layout = {"cond_or_uncond": [0, 1]}
    return {
        "plain": lambda: run_unet(unet, x, times, text, layout),
        "fused": lambda: run_unet(unet, x, times, text, layout | {"patches": {patch.hook: [patch]}}),
    }


def flops(step: Callable[[], Tensor]) -> int:
    """Return the operations of a step's matrix products, two for a multiplication and its sum."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # it does not see into the fused kernels
        step()
    return counter.get_total_flops()


def _features(unet: torch.nn.Module, size: tuple[int, int], device: torch.device, dtype: torch.dtype) -> dict:
    blocks = sd15_layers(unet)
    return {
        layer.block: torch.empty(
            1, blocks[layer.block].attn1.to_q.in_features, *layer.grid(*size), device=device, dtype=dtype
        ).normal_()
        for layer in LAYERS
    }


def _timed(step: Callable[[], Tensor], device: torch.device) -> float:
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _row(what: str, value: float, unit: str, against: str | None = None, ratio: float | None = None) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit, "against": against, "ratio": ratio}
