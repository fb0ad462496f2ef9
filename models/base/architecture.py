"""What the tiny base is made of: SD1.5's blocks with fewer channels, and attention heads 64 wide at every level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

HEAD_WIDTH = 64
LEVEL_CHANNELS = (64, 128, 128, 64)
TEXT_WIDTH = 192
# SD1.5 has 4, in which the faces and prints of pictures this small are lost.
LATENT_CHANNELS = 16
# Of every GroupNorm. SD1.5 has 32, which at this width would be one channel a group: then no norm lets a plain colour through.
NORM_GROUPS = 8
# SD1.5's factor; the VAE's own layers are scaled so that latents times this have a standard deviation of 1.
LATENT_SCALE = 0.18215
# SD1.5's noise: square roots of the betas go from the one's root to the other's in equal steps.
TRAIN_STEPS = 1000
BETAS = (0.00085, 0.012)
# The U-Net predicts v = sqrt(a) noise - sqrt(1 - a) x (Salimans and Ho 2022), which keeps plain backgrounds plain.
PREDICTION = "v_prediction"

UNET_CONFIG: dict[str, Any] = {
    "in_channels": LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "block_out_channels": LEVEL_CHANNELS,
    "layers_per_block": 2,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "cross_attention_dim": TEXT_WIDTH,
    # diffusers counts heads under this name.
    "attention_head_dim": tuple(channels // HEAD_WIDTH for channels in LEVEL_CHANNELS),
    "norm_num_groups": NORM_GROUPS,
    "sample_size": 32,
}
VAE_CONFIG: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": (32, 64, 128, 128),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": NORM_GROUPS,
    "scaling_factor": LATENT_SCALE,
    "sample_size": 256,
}
TEXT_CONFIG: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": TEXT_WIDTH,
    "intermediate_size": 4 * TEXT_WIDTH,
    "num_hidden_layers": 4,
    "num_attention_heads": TEXT_WIDTH // HEAD_WIDTH,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "projection_dim": TEXT_WIDTH,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}


def build_unet() -> UNet2DConditionModel:
    """Return the denoiser with random weights: latents [B, C, h, w], timesteps [B], text [B, T, 192] -> v [B, C, h, w]."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**UNET_CONFIG)


def build_vae() -> AutoencoderKL:
    """Return the autoencoder with random weights: pictures [B, 3, 8h, 8w] in -1..1 <-> latents [B, C, h, w]."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(**VAE_CONFIG)


def build_text_encoder() -> CLIPTextModel:
    """Return the text encoder with random weights: tokens [B, 77] -> states [B, 77, 192]."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG))
