"""ComfyUI's attention hooks in a diffusers UNet, so that the headless host and the trainer run the very patches that ComfyUI runs.

Every attention gets a processor that knows its block. What belongs to one run (patches, noise levels, batch layout) travels with
the call, through `cross_attention_kwargs`, so a UNet may be shared and no run leaves anything behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .layers import LAYERS, Layer, sd15_layers
from .protocol import ExtraOptions, attend

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import Attention

HOOKS = {f"{kind}_{hook}" for kind in ("attn1", "attn2") for hook in ("patch", "output_patch")}


def run_unet(
    unet: UNet2DConditionModel,
    x: Tensor,
    timesteps: Tensor,
    context: Tensor,
    transformer_options: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Tensor:
    """Run a UNet once under attention patches, as ComfyUI would.

    Args:
        unet: any SD1.5-shaped UNet, or one wrapped by DistributedDataParallel and the like.
        x: [B, 4, h, w] latents as the UNet takes them.
        timesteps: [B], which need not be whole.
        context: [B, T, D] text.
        transformer_options: as in ComfyUI: `patches`, `patches_replace`, and what patches should find in `extra_options`, such as
            `cond_or_uncond` and `sigmas`. It is not changed.
        arguments: more of the UNet's own, such as a ControlNet's residuals.

    Returns:
        [B, 4, h, w], the UNet's prediction; exactly that of the bare UNet when there are no patches.

    Raises:
        ValueError: if the UNet is not SD1.5-shaped, or there are patches of a kind that exists in ComfyUI only.
    """
    options = dict(transformer_options or {})
    patches, replacements = options.pop("patches", {}), options.pop("patches_replace", {})
    unknown = sorted({name for name, value in patches.items() if value} - HOOKS | replacements.keys() - {"attn1", "attn2"})
    if unknown:
        raise ValueError(f"This model carries a patch of the kind '{unknown[0]}', which only ComfyUI runs: run the workflow there.")
    attach(getattr(unet, "module", unet))
    run = _Run(patches, replacements, options | {"original_shape": list(x.shape)})
    return unet(x, timesteps, context, cross_attention_kwargs={"run": run}, return_dict=False, **arguments)[0]


def attach(unet: UNet2DConditionModel) -> None:
    """Make a UNet patchable through `run_unet`, which calls this itself; otherwise the UNet works as before."""
    if all(isinstance(processor, PatchableAttention) for processor in unet.attn_processors.values()):
        return
    blocks = sd15_layers(unet)
    for index, layer in enumerate(LAYERS):
        blocks[layer.block].attn1.set_processor(PatchableAttention("attn1", layer, index))
        blocks[layer.block].attn2.set_processor(PatchableAttention("attn2", layer, index))


@dataclass
class _Run:
    """One call of a UNet; `extra` belongs to the block that runs, whose cross-attention follows its self-attention."""

    patches: Mapping[str, list[Any]]
    replacements: Mapping[str, Mapping[tuple, Any]]
    options: ExtraOptions
    extra: ExtraOptions = field(default_factory=dict)


@dataclass(frozen=True)
class PatchableAttention:
    """A diffusers attention processor that calls a run's patches; kind is attn1 or attn2, index the `transformer_index`."""

    kind: str
    layer: Layer
    index: int

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        run: _Run | None = None,
    ) -> Tensor:
        """Attend as diffusers' own processor does in such a UNet, where nothing is masked, with the run's patches around it."""
        n = hidden_states
        context = value = n if encoder_hidden_states is None else encoder_hidden_states
        run = run or _Run({}, {}, {"original_shape": [0, 0, 0, 0]})
        if self.kind == "attn1":
            run.extra = self._extra_options(attn, n, run.options)
        for patch in run.patches.get(f"{self.kind}_patch", ()):
            n, context, value = patch(n, context, value, run.extra)
        q, k, v = attn.to_q(n), attn.to_k(context), attn.to_v(value)
        replacement = self._replacement(run)
        out = replacement(q, k, v, run.extra) if replacement else attend(q, k, v, attn.heads)
        for layer in attn.to_out:
            out = layer(out)
        for patch in run.patches.get(f"{self.kind}_output_patch", ()):
            out = patch(out, run.extra)
        return out

    def _replacement(self, run: _Run) -> Any:
        table = run.replacements.get(self.kind, {})
        return table.get((*self.layer.block, 0)) or table.get(self.layer.block)

    def _extra_options(self, attn: Attention, n: Tensor, options: ExtraOptions) -> ExtraOptions:
        grid = self.layer.grid(*options["original_shape"][-2:])
        return options | {
            "block": self.layer.block,
            "block_index": 0,
            "transformer_index": self.index,
            "n_heads": attn.heads,
            "dim_head": n.shape[-1] // attn.heads,
            "attn_precision": torch.float32 if attn.upcast_attention else None,
            "activations_shape": [n.shape[0], n.shape[-1], *grid],
        }
