"""The small image encoder of the tiny base's garment image prompt, in the place that CLIP's has beside SD1.5."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

SIZE = 128  # pixels of the square crop that it looks at
WIDTHS = (48, 96, 160)  # channels at 1/4, 1/8 and 1/16 of the crop's size
NORM_GROUPS = 8


class GarmentEncoder(nn.Module):
    """A residual network: crops [B, 3, SIZE, SIZE] in 0..1 to tokens [B, 64, 160], row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTHS[0], 4, stride=4)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(WIDTHS))
        self.blocks = nn.ModuleList(nn.Sequential(_Residual(width), _Residual(width)) for width in WIDTHS)
        places = SIZE // 4 // 2 ** len(self.downs)
        self.position = nn.Parameter(torch.zeros(1, places**2, WIDTHS[-1]))

    def forward(self, crops: Tensor) -> Tensor:
        x = self.blocks[0](self.stem(2 * crops - 1))
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(down(x))
        return x.flatten(2).transpose(1, 2) + self.position


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(NORM_GROUPS, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(NORM_GROUPS, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(nn.functional.silu(self.norm1(x)))
        return x + self.conv2(nn.functional.silu(self.norm2(inner)))
