"""The sizes of SD1.5 itself, where they are not those of the tiny base."""

from __future__ import annotations

from typing import Any

from .architecture import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG

SD15_UNET: dict[str, Any] = UNET_CONFIG | {
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,  # diffusers counts heads under this name
    "norm_num_groups": 32,
    "sample_size": 64,
}
SD15_VAE: dict[str, Any] = VAE_CONFIG | {
    "latent_channels": 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "sample_size": 512,
}
SD15_TEXT: dict[str, Any] = TEXT_CONFIG | {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
}
