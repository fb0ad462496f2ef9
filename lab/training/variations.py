"""Random variations of pictures, by which the evaluation's networks learn to read them whatever little a model gets wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from ..evaluation.attributes import UNKNOWN


@dataclass(frozen=True)
class Variations:
    """How pictures are varied, so that no outfit is learned by heart.

    zoom:   by which share they are enlarged or shrunk at most
    shift:  by which share of their size they are moved at most
    turn:   by how many degrees they are turned at most
    noise:  largest standard deviation of the noise that is added
    hidden: longest side, as a share of the picture's, of a patch that is hidden
    tinted: share of the pictures whose hues are turned, which then teach no colour
    """

    zoom: float = 0.2
    shift: float = 0.08
    turn: float = 6.0
    noise: float = 0.06
    hidden: float = 0.4
    tinted: float = 0.6

    @torch.autocast("cpu", enabled=False)  # bfloat16 is too coarse for colours and places
    @torch.autocast("cuda", enabled=False)
    def recoloured(self, pictures: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Turn the hues of some pictures [B, 3, H, W], so that greys stay, and say of which: [B] bool."""
        uniform = torch.rand(3, len(pictures), generator=generator, device=pictures.device)
        tinted = uniform[0] < self.tinted
        angle, bright = 2 * torch.pi * uniform[1] * tinted, torch.where(tinted, 0.7 + 0.6 * uniform[2], 1.0)
        cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None] / 3**0.5
        eye = torch.eye(3, device=pictures.device)
        around = eye.roll(1, 0) - eye.roll(1, 1)  # the cross product with (1, 1, 1)
        turn = cos * eye + (1 - cos) / 3 + sin * around
        return torch.einsum("bij,bjhw->bihw", turn * bright[:, None, None], pictures).clamp(0, 1), tinted

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def moved(self, pictures: Tensor, generator: torch.Generator, parts: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return pictures [B, 3, H, W] moved, turned, mirrored and zoomed, and their parts [B, h, w] in the same way."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(len(pictures), *shape, generator=generator, device=pictures.device)

        scale, angle = 1 + self.zoom * (2 * uniform() - 1), torch.deg2rad(self.turn * (2 * uniform() - 1))
        mirrored = torch.where(uniform() < 0.5, -scale, scale)
        shift = 2 * self.shift * (2 * uniform(2) - 1)
        height, width = pictures.shape[2:]
        cos, sin = torch.cos(angle), torch.sin(angle)
        rows = [
            torch.stack([mirrored * cos, scale * sin * height / width, shift[:, 0]], 1),
            torch.stack([-mirrored * sin * width / height, scale * cos, shift[:, 1]], 1),
        ]
        way = torch.stack(rows, 1)
        grid = affine_grid(way, list(pictures.shape), align_corners=False)
        pictures = grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        if parts is not None:
            grid = affine_grid(way, [len(parts), 1, *parts.shape[1:]], align_corners=False)
            parts = grid_sample(parts[:, None].float(), grid, "nearest", "border", align_corners=False)[:, 0].long()
        return pictures, parts

    def spoiled(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures [B, 3, H, W] noisy, some of them blurred; most lack a patch."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(len(pictures), *shape, generator=generator, device=pictures.device)

        height, width = pictures.shape[2:]
        blurred = avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
        pictures = torch.lerp(pictures, blurred, (2 * uniform(1, 1, 1) - 1).clamp_min(0))
        middle, half = uniform(2, 1, 1), self.hidden / 2 * uniform(2, 1, 1)
        y, x = (torch.linspace(0, 1, length, device=pictures.device) for length in (height, width))
        patch = ((y[:, None] - middle[:, 0]).abs() < half[:, 0]) & ((x - middle[:, 1]).abs() < half[:, 1])
        pictures = torch.where(patch[:, None], uniform(3, 1, 1), pictures)
        noise = torch.randn(pictures.shape, generator=generator, device=pictures.device)
        return pictures + self.noise * uniform(1, 1, 1) ** 2 * noise


def without_colors(aims: Tensor, tinted: Tensor, heads: Iterable[str]) -> Tensor:
    """Return the targets [B, heads] of `heads`, without those that say a colour where a picture was tinted [B] bool."""
    of_color = torch.tensor([name.endswith(" color") or name == "background" for name in heads], device=aims.device)
    return torch.where(tinted[:, None] & of_color, UNKNOWN, aims)
