"""MODEL: a diffusers UNet that nodes clone and patch as they do core's ModelPatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ....models.attention import run_unet
from ..session import device
from .noise import ModelSampling, Prediction
from .weights import LowRank, Weights

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

Options = dict[str, Any]
Patch = Callable[..., Any]


class HeadlessModel:
    """A UNet with patches; a clone shares the weights, and what is set on it stays on it.

    model_options: {"transformer_options": {"patches": {name: [patch]}, "patches_replace": {"attn1": {place: patch}}, ...}},
        with core's keys; a place is (block, number) or (block, number, transformer_index)
    """

    def __init__(self, unet: UNet2DConditionModel, prediction: Prediction) -> None:
        self.weights = Weights(unet)
        self.model_sampling = ModelSampling(prediction)
        self.model_options: Options = {"transformer_options": {}}

    @property
    def channels(self) -> int:
        """The number of channels of its latents."""
        return self.weights.module.config.in_channels

    def clone(self) -> HeadlessModel:
        """Return a model with the same weights and patches, to be changed without changing this one."""
        other = object.__new__(HeadlessModel)
        other.weights = self.weights
        other.model_sampling = self.model_sampling
        other.model_options = copied(self.model_options)
        return other

    def get_model_object(self, name: str) -> Any:
        """Return a part of the model by core's name for it.

        Raises:
            AttributeError: if it is not "model_sampling" or "diffusion_model".
        """
        parts = {"model_sampling": self.model_sampling, "diffusion_model": self.weights.module}
        if name not in parts:
            raise AttributeError(f"A model here has no '{name}', only {' and '.join(parts)}.")
        return parts[name]

    def set_model_patch(self, patch: Patch, name: str) -> None:
        """Add a patch to the list of that name."""
        self.model_options["transformer_options"].setdefault("patches", {}).setdefault(name, []).append(patch)

    def set_model_patch_replace(
        self, patch: Patch, name: str, block_name: str, number: int, transformer_index: int | None = None
    ) -> None:
        """Put a patch in the place of what one attention does; it takes the place of one that is there."""
        place = (block_name, number) if transformer_index is None else (block_name, number, transformer_index)
        self.model_options["transformer_options"].setdefault("patches_replace", {}).setdefault(name, {})[place] = patch

    def set_model_attn1_patch(self, patch: Patch) -> None:
        self.set_model_patch(patch, "attn1_patch")

    def set_model_attn2_patch(self, patch: Patch) -> None:
        self.set_model_patch(patch, "attn2_patch")

    def set_model_attn1_output_patch(self, patch: Patch) -> None:
        self.set_model_patch(patch, "attn1_output_patch")

    def set_model_attn2_output_patch(self, patch: Patch) -> None:
        self.set_model_patch(patch, "attn2_output_patch")

    def set_model_attn1_replace(self, patch: Patch, block_name: str, number: int, transformer_index: int | None = None) -> None:
        self.set_model_patch_replace(patch, "attn1", block_name, number, transformer_index)

    def set_model_attn2_replace(self, patch: Patch, block_name: str, number: int, transformer_index: int | None = None) -> None:
        self.set_model_patch_replace(patch, "attn2", block_name, number, transformer_index)

    def add_patches(self, patches: Mapping[str, LowRank], strength_patch: float = 1.0) -> None:
        """Change weights, named as diffusers names them."""
        self.weights = self.weights.changed_by(patches, strength_patch)

    @contextmanager
    def running(self) -> Iterator[Options]:
        """Have the changed weights and all patches on the session's device until the block ends; yield the transformer_options."""
        options = copied(self.model_options["transformer_options"])
        with self.weights.applied(device()) as unet:
            _move_patches(options, device(), unet.dtype)
            yield options

    def predict(self, noisy: Tensor, sigma: Tensor, context: Tensor, transformer_options: Options) -> Tensor:
        """Return x0 [B, C, h, w] for noisy latents at sigmas [B] and text states [B, T, C]; call inside `running`."""
        sampling = self.model_sampling
        scaled, timesteps = sampling.calculate_input(sigma, noisy), sampling.timestep(sigma).float()
        output = run_unet(self.weights.module, scaled, timesteps, context, transformer_options)
        return sampling.calculate_denoised(sigma, output, noisy)


def copied(options: Any) -> Any:
    """Return a copy of nested dicts and lists that shares what is in them."""
    if isinstance(options, dict):
        return {key: copied(value) for key, value in options.items()}
    return [copied(value) for value in options] if isinstance(options, list) else options


def _move_patches(options: Options, place: torch.device, dtype: torch.dtype) -> None:
    """Let each patch that can do so move, and the models it names with it, as core does before a run."""
    lists = list(options.get("patches", {}).values())
    places = list(options.get("patches_replace", {}).values())
    for patches in lists + places:
        for key, patch in enumerate(patches) if isinstance(patches, list) else patches.items():
            for part in patch.models() if hasattr(patch, "models") else ():
                part.model.to(place)
            if hasattr(patch, "to"):
                patches[key] = patch.to(place).to(dtype)
