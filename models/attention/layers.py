"""The 16 transformer blocks of an SD1.5-shaped UNet, in ComfyUI's and in diffusers' words.

The table holds for any `block_out_channels`, so for SD1.5 itself and for our tiny base. Each block has a self-attention
(`attn1`) and a cross-attention (`attn2`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

Block = tuple[str, int]  # ("input" | "middle" | "output", number), the `block` of ComfyUI's transformer_options


@dataclass(frozen=True)
class Layer:
    """One transformer block.

    block:  its key at run time
    level:  how many times its feature map was halved (0..3)
    ldm:    module path in ComfyUI's UNet and in single-file checkpoints (after `model.diffusion_model.`)
    diffusers: module path in diffusers' UNet2DConditionModel
    """

    block: Block
    level: int
    ldm: str
    diffusers: str

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of this block's feature map for a latent of that size; each halving rounds up."""
        for _ in range(self.level):
            height, width = -(-height // 2), -(-width // 2)
        return height, width


def _layer(block: Block, level: int, ldm: str, diffusers: str) -> Layer:
    return Layer(block, level, f"{ldm}.1.transformer_blocks.0", f"{diffusers}.transformer_blocks.0")


_DOWN = [
    _layer(("input", 3 * level + i + 1), level, f"input_blocks.{3 * level + i + 1}", f"down_blocks.{level}.attentions.{i}")
    for level in range(3)
    for i in range(2)
]
_MIDDLE = [_layer(("middle", 0), 3, "middle_block", "mid_block.attentions.0")]
_UP = [
    _layer(("output", 3 * level + i), 3 - level, f"output_blocks.{3 * level + i}", f"up_blocks.{level}.attentions.{i}")
    for level in range(1, 4)
    for i in range(3)
]

LAYERS: tuple[Layer, ...] = (*_DOWN, *_MIDDLE, *_UP)  # in the order in which the UNet runs them: ComfyUI's transformer_index
ADAPTER_ORDER: tuple[Layer, ...] = (*_DOWN, *_UP, *_MIDDLE)  # diffusers' attn_processors: block n has attn1 = 2n, attn2 = 2n + 1


def sd15_layers(unet: nn.Module) -> dict[Block, nn.Module]:
    """Return the transformer blocks of a UNet, ComfyUI's or diffusers', by their keys and in running order.

    Raises:
        ValueError: if the UNet is not shaped like SD1.5's.
    """
    blocks = {name: module for name, module in unet.named_modules() if name.rpartition(".")[0].endswith("transformer_blocks")}
    for paths in ([layer.ldm for layer in LAYERS], [layer.diffusers for layer in LAYERS]):
        if blocks.keys() == set(paths):
            return {layer.block: blocks[path] for layer, path in zip(LAYERS, paths, strict=True)}
    raise ValueError("This needs an SD1.5-shaped model, and the one given has other attention layers: load an SD1.5 checkpoint.")
