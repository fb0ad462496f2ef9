"""GarmNet: a network of the denoiser's structure that looks at the person once, and whose features the denoiser attends to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..attention import Block, FeatureRecorder, run_unet, sd15_layers

MASK_CHANNELS = 1
INPAINTING = 5  # channels more that SD1.5's inpainting models take


class GarmNet(nn.Module):
    """IGR's high-level extractor (section 3.2): person latent and mask in, what every self-attention is about to see out.

    unet: diffusers' UNet2DConditionModel with one more input channel than its base, the mask; `conv_out` is never used
    """

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, latent: Tensor, mask: Tensor, text: Tensor) -> dict[Block, Tensor]:
        """Return the features of all blocks, each [B, C, h, w].

        What is around the garment is shown too and the mask only points, so that one that is too large or too small by a little
        loses nothing. The time step is 0, as for a picture without noise.

        Args:
            latent: [B, C, h, w] of the person, with a standard deviation of about 1 (LATENT times LATENT_SCALE).
            mask: [B, H, W] in 0..1, of any size.
            text: [B, T, D], the category's prompt.
        """
        recorder = FeatureRecorder()
        x = torch.cat([latent, resized_mask(mask, latent.shape[-2], latent.shape[-1]).to(latent)], 1)
        run_unet(self.unet, x, x.new_zeros(len(x)), text, {"patches": {recorder.hook: [recorder]}})
        return recorder.features

    @property
    def text_width(self) -> int:
        return self.unet.config.cross_attention_dim

    def learn(self) -> GarmNet:
        """Let every weight be trained that a feature depends on; what comes after the last of them is not."""
        self.unet.requires_grad_(True)
        last = self.unet.up_blocks[-1].attentions[-1]
        block = last.transformer_blocks[0]
        unseen = (block.attn1, block.norm2, block.attn2, block.norm3, block.ff, last.proj_out)
        for module in (*unseen, self.unet.conv_norm_out, self.unet.conv_out):
            module.requires_grad_(False)
        return self

    def check(self, channels: int, width: int) -> None:
        """Check that latents and text have the numbers of channels that this net was made for.

        Raises:
            ValueError: if they have not.
        """
        check_base(self.unet, channels, width, MASK_CHANNELS)


def check_base(unet: nn.Module, channels: int, width: int, beside: int = 0) -> None:
    """Check that a UNet of either host takes latents of so many channels, with some more `beside` them, and text so wide.

    Raises:
        ValueError: if it does not.
    """
    wanted = next(module for module in unet.modules() if isinstance(module, nn.Conv2d)).in_channels - beside
    if channels + INPAINTING == wanted:
        raise ValueError("This is a model for inpainting, which takes a mask and a picture too: use a plain SD1.5 model.")
    if channels != wanted:
        raise ValueError(f"The VAE gives latents of {channels} channels where the network takes {wanted}: use the VAE of its base.")
    text_width = next(iter(sd15_layers(unet).values())).attn2.to_k.in_features
    if width != text_width:
        raise ValueError(f"The text is {width} wide where the network takes {text_width}: use the CLIP of its base.")


def build_garm_net(config: Mapping[str, Any]) -> GarmNet:
    """Return a GarmNet with random weights for a base whose UNet has this configuration."""
    from diffusers import UNet2DConditionModel

    return GarmNet(UNet2DConditionModel(**dict(config) | {"in_channels": config["in_channels"] + MASK_CHANNELS}))


def widened(unet: nn.Module) -> nn.Module:
    """Return a copy of a diffusers UNet that takes a mask beside the latent, and at first does not see it."""
    copy = build_garm_net({name: value for name, value in unet.config.items() if not name.startswith("_")}).unet
    state = dict(unet.state_dict())
    first = state["conv_in.weight"]
    state["conv_in.weight"] = torch.cat([first, first.new_zeros(len(first), MASK_CHANNELS, *first.shape[2:])], 1)
    copy.load_state_dict(state)
    return copy


def resized_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """Return a mask [B, H, W] in the size of a latent: [B, 1, height, width], averaged over each place's pixels."""
    from torch.nn.functional import interpolate

    return interpolate(mask[:, None].float(), (height, width), mode="area")
