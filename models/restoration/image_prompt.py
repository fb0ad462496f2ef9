"""The garment as an image prompt: IGR's low-level branch (section 3.2, equation 3), and IP-Adapter's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from ..attention import ADAPTER_ORDER, AddedAttention, Block, Features
from ..attention.patch import ALWAYS, Window
from .image_encoder import SIZE
from .projections import Projection


class ClipVision(Protocol):
    """CLIP_VISION as hosts have it."""

    def encode_image(self, image: Tensor) -> Mapping[str, Tensor]: ...


class KeysValues(nn.Module):
    """One layer's `to_k_ip` and `to_v_ip`, from tokens [B, N, D] to the width of that layer."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(width, channels, bias=False)
        self.to_v_ip = nn.Linear(width, channels, bias=False)


class ImagePrompt(nn.Module):
    """An image's tokens, and the keys and values that each of the 16 cross-attentions makes of them.

    image_encoder: crops in 0..1 to hidden states, where the file brings its own; None where CLIP's is to be given
    image_proj:    from what the encoder gives to tokens [B, N, D]
    ip_adapter:    by the published numbers: attn2 of block n in diffusers' order (down, up, middle) is "2n+1"
    """

    def __init__(self, image_encoder: nn.Module | None, image_proj: nn.Module, width: int, channels: Iterable[int]) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.image_proj = image_proj
        layers = zip(ADAPTER_ORDER, channels, strict=True)
        self.ip_adapter = nn.ModuleDict({str(2 * n + 1): KeysValues(width, count) for n, (_, count) in enumerate(layers)})

    def seen(self, images: Tensor, clip_vision: ClipVision | None) -> Tensor:
        """Return what `forward` takes of pictures [B, H, W, 3] in 0..1; of others than squares CLIP sees the middle.

        Raises:
            ValueError: if CLIP is needed and missing, or of another width.
        """
        if self.image_encoder is not None:
            return interpolate(_squared(images.movedim(-1, 1).float().cpu()), (SIZE, SIZE), mode="bilinear", antialias=True)
        if clip_vision is None:
            raise ValueError("This image prompt sees with CLIP ViT-H: connect 'clip_vision' from Load CLIP Vision.")
        found = clip_vision.encode_image(images)
        plain = isinstance(self.image_proj, Projection)
        seen = found["image_embeds"] if plain else found["penultimate_hidden_states"]
        if seen.shape[-1] != self.image_proj.embedding:
            raise ValueError(
                f"CLIP Vision gives {seen.shape[-1]} channels where this file takes {self.image_proj.embedding}: load its own."
            )
        return seen.float().cpu()

    def forward(self, images: Tensor) -> tuple[dict[Block, Tensor], dict[Block, Tensor]]:
        """Return keys and values by block, each [B, N, C], of what the encoder takes: crops, or CLIP's features."""
        seen = images if self.image_encoder is None else self.image_encoder(images)
        tokens = self.image_proj(seen)
        layers = list(zip(ADAPTER_ORDER, self.ip_adapter.values(), strict=True))
        keys = {layer.block: module.to_k_ip(tokens) for layer, module in layers}
        return keys, {layer.block: module.to_v_ip(tokens) for layer, module in layers}


def _squared(pictures: Tensor) -> Tensor:
    """Return pictures [B, 3, H, W] as squares, with black beside them."""
    height, width = pictures.shape[2:]
    beside, above = (max(height, width) - width), (max(height, width) - height)
    return pad(pictures, (beside // 2, beside - beside // 2, above // 2, above - above // 2))


class ImagePromptPatch(AddedAttention):
    """Attn(Q, K_ll, V_ll) beside the text's attention (equation 3)."""

    misfit = "choose an image prompt for this model"


def image_prompt_patch(
    unet: nn.Module, keys: Features, values: Features, strength: float = 1.0, window: Window = ALWAYS, mask: Tensor | None = None
) -> ImagePromptPatch:
    """Return the patch of an image prompt's keys and values for a UNet; see `AddedAttention`."""
    return ImagePromptPatch(unet, keys, values, strength, window, mask, kind="attn2")


def started(layers: Iterable[nn.Module], prompt: ImagePrompt) -> ImagePrompt:
    """Let an image prompt's keys and values start as the text's of cross-attentions in `ADAPTER_ORDER`, as IP-Adapter does."""
    with torch.no_grad():
        for layer, module in zip(layers, prompt.ip_adapter.values(), strict=True):
            module.to_k_ip.weight.copy_(layer.to_k.weight)
            module.to_v_ip.weight.copy_(layer.to_v.weight)
    return prompt
