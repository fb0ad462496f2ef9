"""MODEL, CLIP and VAE on ComfyUI: core's own objects around the weights of our tiny base, and one run of a MODEL."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import comfy.latent_formats
import comfy.lora
import comfy.model_base
import comfy.model_detection
import comfy.model_management
import comfy.model_patcher
import comfy.samplers
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import comfy.supported_models_base
import torch
from torch import Tensor

from ..models.base import TEXT_CONFIG, VAE_CONFIG, BaseWeights, load_base
from ..models.base.architecture import HEAD_WIDTH, LATENT_CHANNELS, NORM_GROUPS
from ..models.base.files import latent_colors

COMPUTED = [torch.float16, torch.bfloat16, torch.float32]  # what our own modules may compute in
# The patcher that may move weights in parts; ComfyUI 0.16 and later have it under this name.
ModelPatcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)


def base_model() -> tuple[Any, Any, Any]:
    """Return the shipped tiny base as MODEL, CLIP and VAE.

    Raises:
        FileNotFoundError: if a shipped file is missing.
    """
    weights = load_base()
    return _model(weights), _clip(weights), _vae(weights)


def run_once(model: Any, latent: Tensor, conditioning: Any, sigma: float) -> Tensor:
    """Run a MODEL once on a latent to which no noise was added, so that its patches see it.

    Args:
        model: with its patches.
        latent: [B, C, h, w], as LATENT holds it.
        conditioning: CONDITIONING, applied without guidance.
        sigma: the noise level that the model is told.

    Returns:
        [B, C, h, w], what the model takes for the noiseless latent.
    """
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(conditioning, conditioning)
    guider.set_cfg(1.0)
    sigmas = torch.tensor([sigma, 0.0])
    return guider.sample(torch.zeros_like(latent), latent, _Once(), sigmas, disable_pbar=True)


def with_lora(model: Any, state: Mapping[str, Tensor], strength: float) -> Any:
    """Return a clone of a MODEL with the changes of a LoRA's tensors, named as in files.

    Raises:
        ValueError: if it changes nothing of such a model.
    """
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    changes = comfy.lora.load_lora(dict(state), keys)
    clone = model.clone()
    if not clone.add_patches(changes, strength):
        raise ValueError("The changes to the denoiser fit no layer of this model: use the base that they were trained on.")
    return clone


def managed(module: torch.nn.Module) -> Any:
    """Return a module of ours in the care of core's memory management, in the precision that its device computes in."""
    manage = comfy.model_management
    device, size = manage.get_torch_device(), sum(weight.numel() for weight in module.parameters())
    # Our modules compute in the precision of their weights, so what core would store only is no choice.
    stored = manage.unet_dtype(device, size, COMPUTED)
    computed = manage.unet_manual_cast(stored, device, COMPUTED) or stored
    dtype = computed if computed in COMPUTED else torch.float32
    return ModelPatcher(module.to(dtype), load_device=device, offload_device=manage.unet_offload_device())


def loaded(handle: Any) -> torch.nn.Module:
    """Return the module of `managed`, moved to the device that nodes compute on: whole, since plain modules cannot run in parts."""
    comfy.model_management.load_models_gpu([handle], force_full_load=True)
    return handle.model.to(handle.load_device)


class _Once(comfy.samplers.Sampler):
    """A sampler of one step, which leaves loading, casting and cleaning up to core."""

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict,
        callback: Any,
        noise: Tensor,
        latent_image: Tensor,
        *_: Any,
        **__: Any,
    ) -> Tensor:
        x = model_wrap.inner_model.model_sampling.noise_scaling(sigmas[0], noise, latent_image, False)
        return model_wrap(x, sigmas[:1].expand(len(x)), **extra_args)


class TinyLatent(comfy.latent_formats.SD15):
    """SD1.5's scale, but channels of our own: core's previews need our colours."""

    latent_channels = LATENT_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.latent_rgb_factors, self.latent_rgb_factors_bias = latent_colors() or (None, None)
        self.taesd_decoder_name = None


class TinyBase(comfy.supported_models.SD15):
    """SD1.5 at our width: heads of a fixed width instead of a fixed number, and v-prediction."""

    unet_extra_config = {"num_heads": -1, "num_head_channels": HEAD_WIDTH}  # noqa: RUF012
    latent_format = TinyLatent

    def inpaint_model(self) -> bool:
        """Core takes a model with more than four channels for one that is told a mask."""
        return False

    def model_type(self, state_dict: dict, prefix: str = "") -> comfy.model_base.ModelType:
        return comfy.model_base.ModelType.V_PREDICTION


def _model(weights: BaseWeights) -> Any:
    manage = comfy.model_management
    config = TinyBase(comfy.model_detection.detect_unet_config(weights.unet, ""))
    device = manage.get_torch_device()
    size = sum(weight.numel() for weight in weights.unet.values())
    dtype = manage.unet_dtype(model_params=size, supported_dtypes=config.supported_inference_dtypes, weight_dtype=torch.float16)
    config.set_inference_dtype(dtype, manage.unet_manual_cast(dtype, device, config.supported_inference_dtypes))
    offload = manage.unet_offload_device()
    model = config.get_model(weights.unet, "", device=offload)
    _set_norm_groups(model)
    patcher = ModelPatcher(model, load_device=device, offload_device=offload)
    dynamic = getattr(patcher, "is_dynamic", bool)()  # such a model has no memory of its own for weights
    model.load_model_weights(dict(weights.unet), "", **({"assign": True} if dynamic else {}))
    return patcher


def _clip(weights: BaseWeights) -> Any:
    target = comfy.supported_models_base.ClipTarget(comfy.sd1_clip.SD1Tokenizer, comfy.sd1_clip.SD1ClipModel)
    options = {"clip_l_model_config": TEXT_CONFIG}
    state = weights.text | {"text_projection.weight": torch.eye(TEXT_CONFIG["projection_dim"])}  # unused, but core misses it
    if "state_dict" in inspect.signature(comfy.sd.CLIP).parameters:
        return comfy.sd.CLIP(target, state_dict=[state], model_options=options)
    clip = comfy.sd.CLIP(target, model_options=options)
    clip.load_sd(state)
    return clip


def _vae(weights: BaseWeights) -> Any:
    first, *_ = channels = VAE_CONFIG["block_out_channels"]
    layout = {
        "double_z": True,
        "z_channels": VAE_CONFIG["latent_channels"],
        "resolution": VAE_CONFIG["sample_size"],
        "in_channels": VAE_CONFIG["in_channels"],
        "out_ch": VAE_CONFIG["out_channels"],
        "ch": first,
        "ch_mult": [width // first for width in channels],
        "num_res_blocks": VAE_CONFIG["layers_per_block"],
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    vae = comfy.sd.VAE(sd=dict(weights.vae), config={"params": {"ddconfig": layout, "embed_dim": layout["z_channels"]}})
    vae.latent_channels = layout["z_channels"]
    _set_norm_groups(vae.first_stage_model)
    return vae


def _set_norm_groups(model: torch.nn.Module) -> None:
    """Give core's norms our number of groups, which no setting of core's models tells."""
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.num_groups = NORM_GROUPS
