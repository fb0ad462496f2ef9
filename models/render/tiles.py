"""The picture cut into square tiles, and how large a tile is best."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .cameras import Camera
from .projection import ScreenGaussians, pixel_range

TILE_SIZES = (4, 8, 16, 32)  # pixels a side
_PAIR_COST = 12  # handling a pair of Gaussian and tile costs about as much as this many of its pixels (measured)


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture, row after row; those at the right and bottom may reach beyond it."""

    size: int
    width: int
    height: int

    @property
    def columns(self) -> int:
        return -(-self.width // self.size)

    @property
    def rows(self) -> int:
        return -(-self.height // self.size)

    @property
    def count(self) -> int:
        return self.columns * self.rows

    @property
    def pixels(self) -> int:
        return self.size * self.size

    def spans(self, splats: ScreenGaussians) -> tuple[Tensor, Tensor]:
        """First tile (column, row) that each Gaussian's box touches and the number of tiles along both axes, [M, 2] int32 each."""
        first, last = pixel_range(splats.mean, splats.extent)
        last = last.minimum(torch.tensor([self.width - 1, self.height - 1]))
        first_tile, last_tile = (first.clamp_min(0) / self.size).int(), (last / self.size).int()
        return first_tile, last_tile - first_tile + 1

    def centers(self, tiles: Tensor) -> Tensor:
        """Centres [T, 2] of tiles in pixels."""
        row = torch.div(tiles, self.columns, rounding_mode="floor")
        return torch.stack([tiles - row * self.columns, row], dim=-1) * self.size + self.size / 2

    def monomials(self) -> Tensor:
        """The six monomials [6, size * size] of a pixel's place about the centre of its tile, of which ln(alpha) is a sum."""
        axis = torch.arange(self.size) - (self.size - 1) / 2
        y, x = (c.reshape(-1) for c in torch.meshgrid(axis, axis, indexing="ij"))
        return torch.stack([torch.ones_like(x), x, y, -0.5 * x * x, -x * y, -0.5 * y * y])

    def assemble(self, values: Tensor) -> Tensor:
        """Put per-tile pixels [count, C, size * size] together as a picture [height, width, C]."""
        tiles = values.view(self.rows, self.columns, -1, self.size, self.size)
        picture = tiles.permute(0, 3, 1, 4, 2).reshape(self.rows * self.size, self.columns * self.size, -1)
        return picture[: self.height, : self.width]


def choose_grid(splats: ScreenGaussians, camera: Camera) -> Grid:
    """Pick the tile size with the least work: large Gaussians want large tiles, small ones small tiles."""
    grids = [Grid(size, camera.width, camera.height) for size in TILE_SIZES]

    def work(grid: Grid) -> float:
        return float(grid.spans(splats)[1].prod(-1).sum()) * (grid.pixels + _PAIR_COST)

    return min(grids, key=work)
