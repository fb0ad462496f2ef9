"""What our patches have in common: when they act, on which rows of a batch and which pixels, and how a MODEL takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from .layers import Block, sd15_layers
from .protocol import ExtraOptions, PatchableModel, Replacement, attend

Model = TypeVar("Model", bound=PatchableModel)
LEAST_BYTES = 2  # of a number of a feature
Features = Mapping[Block, Tensor]  # something per transformer block; each patch says what


@dataclass(frozen=True)
class Window:
    """The noise levels at which a patch acts, both included."""

    start: float = math.inf
    end: float = 0.0

    @classmethod
    def of(cls, model: PatchableModel, start_percent: float, end_percent: float) -> Window:
        """Return the window between two shares of sampling, 0..1, as nodes are given them."""
        sampling = model.get_model_object("model_sampling")
        start = float(sampling.percent_to_sigma(start_percent)) if start_percent > 0 else math.inf
        return cls(start, float(sampling.percent_to_sigma(end_percent)))

    def open(self, extra_options: ExtraOptions) -> bool:
        """Whether the run that calls is in the window; one that names no noise level, as in training, is."""
        sigmas = extra_options.get("sigmas")
        if sigmas is None or self == ALWAYS:  # reading a noise level would make the CPU wait for the GPU
            return True
        return self.end <= float(sigmas[0]) <= self.start


ALWAYS = Window()


class AttentionPatch:
    """A patch that ComfyUI can copy and move; subclasses are callables of one of the protocols.

    Its tensors do not change once it is installed, so all clones of a MODEL share one patch: copying returns the patch itself.
    """

    hook: str  # where it goes: "attn1_patch", ...
    misfit = "encode it with the checkpoint that you generate with"  # what to do if it does not fit a model
    mask: Tensor | None = None  # [b, H, W] in 0..1

    def __init__(self, tensors: Features, strength: float, window: Window) -> None:
        self.tensors = dict(tensors)
        self.strength = strength
        self.window = window

    def __deepcopy__(self, memo: dict) -> AttentionPatch:
        return self

    def to(self, device_or_dtype: torch.device | torch.dtype) -> AttentionPatch:
        """Move the tensors, as ComfyUI asks when it loads and unloads the model.

        Of weights that are kept in 8 bits ComfyUI tells the type too, in which features would be lost: they stay as they are.
        """
        if isinstance(device_or_dtype, torch.dtype) and device_or_dtype.itemsize < LEAST_BYTES:
            return self
        self.tensors = {block: tensor.to(device_or_dtype) for block, tensor in self.tensors.items()}
        if self.mask is not None and not isinstance(device_or_dtype, torch.dtype):
            self.mask = self.mask.to(device_or_dtype)  # stays float32: CPUs resize no half precision
        return self

    def models(self) -> list[Any]:
        """Return what ComfyUI should load together with the model."""
        return []

    def install(self, model: Model) -> Model:
        """Return a clone of a MODEL that carries this patch.

        Raises:
            ValueError: if the model is not shaped like SD1.5, or not as wide as the patch.
        """
        for block, layer in sd15_layers(model.get_model_object("diffusion_model")).items():
            if block in self.tensors and self.width(block) != layer.attn1.to_q.in_features:
                raise ValueError(
                    f"The garment was encoded for a model that is {self.width(block)} channels wide where this one has "
                    f"{layer.attn1.to_q.in_features}: {self.misfit}."
                )
        clone = model.clone()
        clone.set_model_patch(self, self.hook)
        return clone

    def width(self, block: Block) -> int:
        """Return how many channels the tensor of a block has."""
        return self.tensors[block].shape[-1]

    def acts(self, extra_options: ExtraOptions) -> bool:
        """Whether there is anything to do in the block and at the noise level of a call."""
        return bool(self.strength) and extra_options["block"] in self.tensors and self.window.open(extra_options)


def patch_once(model: PatchableModel, function: Callable[..., Any], hook: str) -> None:
    """Put a function that patches share into a MODEL, a clone, which is changed; but not a second time."""
    if function not in model.model_options["transformer_options"].get("patches", {}).get(hook, []):
        model.set_model_patch(function, hook)


def cond_rows(count: int, extra_options: ExtraOptions) -> Tensor:
    """Return which of a batch's `count` rows belong to the positive prompt [R] int64; all, where the run does not tell."""
    parts = extra_options.get("cond_or_uncond") or [0]
    positive = torch.tensor([part == 0 for part in parts]).repeat_interleave(count // len(parts))
    return positive.nonzero()[:, 0]


def for_rows(tensor: Tensor, rows: Tensor, count: int, extra_options: ExtraOptions) -> Tensor:
    """Return, for some rows of a batch of `count`, what belongs to their pictures.

    Args:
        tensor: [1, ...] the same for all pictures, or [b, ...] one for each of the b pictures that are sampled together.
        rows: [R] from `cond_rows`.

    Returns:
        [R, ...]

    Raises:
        ValueError: if there are neither one nor as many as pictures.
    """
    pictures = count // len(extra_options.get("cond_or_uncond") or [0])
    if len(tensor) not in (1, pictures):
        raise ValueError(f"There are {len(tensor)} garments for a batch of {pictures} images: give one, or as many as images.")
    return tensor[(rows % len(tensor)).to(tensor.device)]


def mask_tokens(mask: Tensor, height: int, width: int) -> Tensor:
    """Return a MASK [B, H, W] in 0..1 as weights of the tokens of a feature map [B, h * w, 1], averaged over each one's pixels."""
    from torch.nn.functional import interpolate

    return interpolate(mask[:, None], (height, width), mode="area").flatten(2).transpose(1, 2)


class ChainedReplacement(Protocol):
    """A Replacement that is also given the attention it stands in for: `attention(q, k, v)`."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, extra_options: ExtraOptions, attention: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> Tensor: ...


def chain_replace(model: PatchableModel, kind: str, block: Block, replacement: ChainedReplacement) -> None:
    """Put a replacement of attention into a MODEL on top of one that is there, since a block has room for one alone.

    Args:
        model: a clone, which is changed.
        kind: "attn1" or "attn2".
    """
    installed = model.model_options["transformer_options"].get("patches_replace", {}).get(kind, {})
    # The UNet prefers the key with the place in the block, so it is where to look first and where to put ours.
    existing = installed.get((*block, 0)) or installed.get(block)
    model.set_model_patch_replace(_Chained(replacement, existing), kind, *block, 0)


@dataclass(frozen=True)
class _Chained:
    replacement: ChainedReplacement
    existing: Replacement | None

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, extra_options: ExtraOptions) -> Tensor:
        def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            if self.existing:
                return self.existing(q, k, v, extra_options)
            return attend(q, k, v, extra_options["n_heads"])

        return self.replacement(q, k, v, extra_options, attention)

    def __deepcopy__(self, memo: dict) -> _Chained:
        return self

    def to(self, device_or_dtype: torch.device | torch.dtype) -> _Chained:
        moved = [part.to(device_or_dtype) if hasattr(part, "to") else part for part in (self.replacement, self.existing)]
        return _Chained(*moved)

    def models(self) -> list[Any]:
        return [model for part in (self.replacement, self.existing) if hasattr(part, "models") for model in part.models()]
