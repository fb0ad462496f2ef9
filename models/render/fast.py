"""The splat renderer for the CPU: dense arithmetic over small tiles, nearest Gaussians first, until a tile is opaque.

The picture is cut into square tiles. Every Gaussian is listed in the tiles that its box touches; the lists are walked a few
Gaussians at a time for many tiles at once. Inside a tile, ln(alpha) of a Gaussian is a quadratic polynomial of the pixel position,
so one matrix product with the six monomials gives it for all pixels of all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..geometry import Gaussians
from .cameras import Camera
from .projection import (
    MAX_ALPHA,
    MIN_ALPHA,
    MIN_TRANSMITTANCE,
    ScreenGaussians,
    SplatImage,
    finish,
    project,
)
from .tiles import Grid, choose_grid

_PAIRS = 1 << 20  # pairs listed at a time, which bounds memory and lets opaque tiles skip the later ones
_STEP = 16  # Gaussians of a tile composited between two looks at whether it is opaque
_BLOCK = 1 << 18  # alphas evaluated at a time: they stay in the cache
_NOTHING = -20.0  # ln(alpha) of what is certainly skipped


@torch.no_grad()
def render_fast(gaussians: Gaussians, camera: Camera, background: Tensor) -> SplatImage:
    """Render on the CPU, without gradients; the picture comes back on the device of the Gaussians."""
    home = gaussians.positions.device
    splats = project(_to_cpu(gaussians), camera)
    grid = choose_grid(splats, camera)
    canvas = _Canvas(splats, grid)
    for tile, splat in _pairs_by_tile(splats, grid, canvas):
        counts = torch.bincount(tile, minlength=grid.count)
        starts = counts.cumsum(0) - counts
        for step in range(0, int(counts.max()), _STEP):
            tiles = ((counts > step) & canvas.open).nonzero()[:, 0]
            if not len(tiles):
                break
            for some in tiles.split(max(1, _BLOCK // (_STEP * grid.pixels))):
                canvas.add(some, splat, starts[some] + step, counts[some] - step)
    image = grid.assemble(canvas.sums)
    rendered = finish(image[..., :3], image[..., 3], image[..., 4], background.cpu())
    return SplatImage(rendered.color.to(home), rendered.alpha.to(home), rendered.depth.to(home))


class _Canvas:
    """What the pixels have gathered so far.

    transmittance: [tiles, pixels]
    sums: [tiles, 5, pixels] of weight times (R, G, B, 1, z)
    open: [tiles] bool, False once no pixel of the tile takes any more
    """

    def __init__(self, splats: ScreenGaussians, grid: Grid) -> None:
        self.grid = grid
        self.transmittance = torch.ones(grid.count, grid.pixels)
        self.sums = torch.zeros(grid.count, 5, grid.pixels)
        self.open = torch.ones(grid.count, dtype=torch.bool)
        # The last row stands for no Gaussian: it fills up short lists and has no opacity.
        shape = torch.cat([splats.mean, splats.conic, splats.opacity.log()[:, None]], dim=1)
        self.shape = torch.cat([shape, torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, _NOTHING]])])
        value = torch.cat([splats.color, torch.ones(len(splats), 1), splats.depth[:, None]], dim=1)
        self.value = torch.cat([value, torch.zeros(1, 5)])
        self.monomials = grid.monomials()

    def add(self, tiles: Tensor, splat: Tensor, start: Tensor, left: Tensor) -> None:
        """Composite the next few Gaussians of each tile: those from place `start` [T] of the list `splat`, `left` [T] at most."""
        count = min(_STEP, int(left.max()))
        place = torch.arange(count)[:, None]
        listed = splat[(start + place).clamp_max(len(splat) - 1)]
        index = torch.where(place < left, listed, len(self.value) - 1).view(-1)

        alpha = self._alpha(tiles, index).view(count, -1)
        through = alpha.new_empty(count + 1, alpha.shape[1])  # transmittance before and after each Gaussian
        through[0] = self.transmittance.index_select(0, tiles).view(-1)
        opposite = torch.sub(1.0, alpha, out=alpha)
        for k in range(count):
            torch.mul(through[k], opposite[k], out=through[k + 1])
        weight = torch.sub(through[:-1], through[1:], out=alpha)
        weight *= through[1:] > MIN_TRANSMITTANCE

        remaining = through[-1].view(len(tiles), -1)
        self.transmittance.index_copy_(0, tiles, remaining)
        self.open[tiles] = remaining.amax(1) > MIN_TRANSMITTANCE
        weight = weight.view(count, len(tiles), -1).transpose(0, 1)
        value = self.value.index_select(0, index).view(count, len(tiles), 5).permute(1, 2, 0)
        self.sums.index_add_(0, tiles, torch.bmm(value, weight))

    def _alpha(self, tiles: Tensor, index: Tensor) -> Tensor:
        """Alpha [K * T, pixels] of the Gaussians `index` [K * T] in their tiles, 0 where it is below the threshold."""
        shape = self.shape.index_select(0, index).view(-1, len(tiles), 6)
        dx, dy = (shape[..., :2] - self.grid.centers(tiles)).unbind(-1)
        a, b, c, log_opacity = shape[..., 2:].unbind(-1)
        slope_x, slope_y = a * dx + b * dy, b * dx + c * dy
        constant = log_opacity - 0.5 * (dx * slope_x + dy * slope_y)
        polynomial = torch.stack([constant, slope_x, slope_y, a, b, c], dim=-1).view(-1, 6)
        # Far below the threshold the exponent stops: exp is many times slower where its result is subnormal.
        alpha = torch.mm(polynomial, self.monomials).clamp_min_(_NOTHING).exp_().clamp_max_(MAX_ALPHA)
        return torch.nn.functional.threshold_(alpha, MIN_ALPHA, 0.0)


def _pairs_by_tile(splats: ScreenGaussians, grid: Grid, canvas: _Canvas) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pairs (tile, Gaussian) of open tiles, ordered by tile and then by depth, a bounded number of pairs at a time."""
    first, spans = grid.spans(splats)
    corner = first[:, 1] * grid.columns + first[:, 0]
    counts = spans.prod(-1)
    ends = counts.cumsum(0)
    start, done = 0, 0
    while start < len(splats) and bool(canvas.open.any()):
        stop = max(start + 1, int(torch.searchsorted(ends, done + _PAIRS, right=True)))
        repeats = counts[start:stop]
        splat = torch.arange(start, stop, dtype=torch.int32).repeat_interleave(repeats)
        rank = torch.arange(done, int(ends[stop - 1])) - (ends[start:stop] - repeats).repeat_interleave(repeats)
        columns = spans[:, 0].index_select(0, splat)
        row = torch.div(rank, columns, rounding_mode="floor")
        tile = corner.index_select(0, splat) + row * grid.columns + rank - row * columns
        start, done = stop, int(ends[stop - 1])

        if not bool(canvas.open.all()):
            wanted = canvas.open.index_select(0, tile).nonzero()[:, 0]
            tile, splat = tile.index_select(0, wanted), splat.index_select(0, wanted)
        if len(tile):
            # NumPy sorts 16-bit keys by radix; stable, so that depth order survives within a tile.
            order = torch.from_numpy(np.argsort(tile.numpy().astype(np.min_scalar_type(grid.count)), kind="stable"))
            yield tile.index_select(0, order), splat.index_select(0, order)


def _to_cpu(gaussians: Gaussians) -> Gaussians:
    return Gaussians(
        gaussians.positions.cpu(),
        gaussians.scales.cpu(),
        gaussians.rotations.cpu(),
        gaussians.opacities.cpu(),
        gaussians.sh.cpu(),
    )
