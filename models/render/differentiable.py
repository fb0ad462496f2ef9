"""The splat renderer for the CPU with gradients: tiles of pixels, and a backward pass that remembers no alpha.

Forward, each tile composites its list of Gaussians, nearest first, a few at a time. Backward walks the same lists again and
works the alphas out anew, so memory is bounded by the picture and the lists, however deep Gaussians lie. With weights
w_i = alpha_i T_i, values v_i and the gradient g of a pixel's sums, dL/dv_i = w_i g and
dL/dalpha_i = T_i v_i g - (sum_{j>i} w_j v_j g) / (1 - alpha_i); what lies behind is the whole sum less what came before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry import Gaussians
from .cameras import Camera
from .projection import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, ScreenGaussians, SplatImage, finish, project
from .tiles import Grid, choose_grid

_STEP = 16  # Gaussians of a tile composited between two looks at whether it is opaque
_BLOCK = 1 << 18  # alphas evaluated at a time: they stay in the cache
_NOTHING = -20.0  # ln(alpha) of what is certainly skipped


def render_differentiable(gaussians: Gaussians, camera: Camera, background: Tensor) -> SplatImage:
    """Render on the CPU, differentiable in every property of the Gaussians; the picture comes back on their device."""
    home = gaussians.positions.device
    splats = project(gaussians.to(torch.device("cpu")), camera)
    with torch.no_grad():
        lists = _list_by_tile(splats, choose_grid(splats, camera))
    shape = torch.cat([splats.mean, splats.conic, splats.opacity.log()[:, None]], dim=1)
    value = torch.cat([splats.color, torch.ones_like(shape[:, :1]), splats.depth[:, None]], dim=1)
    image = lists.grid.assemble(_Composite.apply(shape, value, lists))
    rendered = finish(image[..., :3], image[..., 3], image[..., 4], background.cpu())
    return SplatImage(rendered.color.to(home), rendered.alpha.to(home), rendered.depth.to(home))


@dataclass(frozen=True)
class _Lists:
    """The Gaussians of each tile, nearest first.

    splat: [P] int64, the lists one after another
    start, count: [tiles] int64, where each tile's list begins and how long it is
    """

    grid: Grid
    splat: Tensor
    start: Tensor
    count: Tensor

    def groups(self) -> Iterator[Tensor]:
        """Yield the tiles with a list in groups that are composited together: lists of a group are about equally long."""
        order = self.count.argsort(descending=True, stable=True)
        listed = int((self.count > 0).sum())
        if listed:
            yield from order[:listed].split(max(1, _BLOCK // (_STEP * self.grid.pixels)))

    def step(self, tiles: Tensor, first: int, nobody: int) -> Tensor:
        """Return the Gaussians [K, T] at the next few places from `first` of each tile's list; `nobody` where a list has ended."""
        place = first + torch.arange(min(_STEP, int(self.count[tiles].max()) - first))[:, None]
        listed = self.splat[(self.start[tiles] + place).clamp_max(len(self.splat) - 1)]
        return torch.where(place < self.count[tiles], listed, nobody)


class _Composite(torch.autograd.Function):
    """Sums [tiles, C, pixels] of weight times value, from shapes [M, 6] (mean, conic, ln opacity) and values [M, C]."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, shape: Tensor, value: Tensor, lists: _Lists) -> Tensor:
        sums = shape.new_zeros(lists.grid.count, value.shape[1], lists.grid.pixels)
        pass_ = _Pass(shape, value, lists)
        for tiles in lists.groups():
            for at in pass_.steps(tiles):
                sums[at.tiles] += torch.bmm(at.value.transpose(1, 2), at.weight.transpose(0, 1))
        ctx.save_for_backward(shape, value, sums)
        ctx.lists = lists
        return sums

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        shape, value, sums = ctx.saved_tensors
        pass_ = _Pass(shape, value, ctx.lists)
        to_shape, to_value = torch.zeros_like(pass_.shape), torch.zeros_like(pass_.value)
        behind = (sums * gradient).sum(1)  # [tiles, pixels], becomes what lies behind the Gaussians walked so far
        for tiles in ctx.lists.groups():
            for at in pass_.steps(tiles):
                pixel, index = gradient[at.tiles], at.index.view(-1)  # [T, C, pixels], [K * T]
                summed = torch.bmm(at.weight.transpose(0, 1), pixel.transpose(1, 2))  # [T, K, C]
                to_value.index_add_(0, index, summed.transpose(0, 1).reshape(len(index), -1))
                seen = torch.bmm(at.value, pixel).transpose(0, 1)  # [K, T, pixels] v_i g
                after = behind[at.tiles] - (at.weight * seen).cumsum(0)
                behind[at.tiles] = after[-1]
                # alpha dL/dalpha, and nothing where alpha is held at its limit or the pixel has ended
                to_log = (at.before * seen - after / (1 - at.alpha)) * at.alpha
                to_log *= (at.weight > 0) & (at.alpha < MAX_ALPHA)
                to_polynomial = torch.mm(to_log.reshape(-1, ctx.lists.grid.pixels), pass_.monomials.T)
                to_shape.index_add_(0, index, pass_.shape_gradient(at, to_polynomial))
        return to_shape[:-1], to_value[:-1], None


@dataclass(frozen=True)
class _Step:
    """A few Gaussians of some tiles.

    tiles:  [T] still open
    index:  [K, T] Gaussians, the last row of the table where a list has ended
    value:  [T, K, C]
    alpha:  [K, T, pixels], 0 where it is below the threshold
    before: [K, T, pixels] transmittance in front of each
    weight: [K, T, pixels] alpha * before, 0 where the pixel has ended
    """

    tiles: Tensor
    index: Tensor
    value: Tensor
    alpha: Tensor
    before: Tensor
    weight: Tensor


class _Pass:
    """A walk through the lists, the same forward and backward. The last row of shapes and values stands for no Gaussian."""

    def __init__(self, shape: Tensor, value: Tensor, lists: _Lists) -> None:
        nobody = shape.new_tensor([[0.0, 0.0, 0.0, 0.0, 0.0, _NOTHING]])
        self.shape, self.value = torch.cat([shape, nobody]), torch.cat([value, value.new_zeros(1, value.shape[1])])
        self.lists = lists
        self.monomials = lists.grid.monomials().to(shape)

    def steps(self, tiles: Tensor) -> Iterator[_Step]:
        """Composite the tiles, a few Gaussians at a time, until their lists or all their light have ended."""
        light = self.shape.new_ones(len(tiles), self.lists.grid.pixels)
        for first in range(0, int(self.lists.count[tiles].max()), _STEP):
            open_ = ((light.amax(1) > MIN_TRANSMITTANCE) & (self.lists.count[tiles] > first)).nonzero()[:, 0]
            if not len(open_):
                return
            tiles, light = tiles[open_], light[open_]
            index = self.lists.step(tiles, first, len(self.shape) - 1)
            alpha = self._alpha(tiles, index)
            through = alpha.new_empty(len(index) + 1, *light.shape)
            through[0] = light
            opposite = 1 - alpha
            for k in range(len(index)):
                torch.mul(through[k], opposite[k], out=through[k + 1])
            before, light = through[:-1], through[-1]
            weight = alpha * before * (through[1:] > MIN_TRANSMITTANCE)
            value = self.value.index_select(0, index.view(-1)).view(*index.shape, -1).transpose(0, 1)
            yield _Step(tiles, index, value, alpha, before, weight)

    def shape_gradient(self, at: _Step, to_polynomial: Tensor) -> Tensor:
        """Carry gradients [K * T, 6] of the polynomials of `_polynomial` back to the shapes."""
        dx, dy, a, b, c, _ = self._from_center(at.tiles, at.index).view(-1, 6).unbind(-1)
        one, x, y, xx, xy, yy = to_polynomial.unbind(-1)
        return torch.stack(
            [
                a * x + b * y - (a * dx + b * dy) * one,
                b * x + c * y - (b * dx + c * dy) * one,
                xx + dx * x - 0.5 * dx * dx * one,
                xy + dy * x + dx * y - dx * dy * one,
                yy + dy * y - 0.5 * dy * dy * one,
                one,
            ],
            dim=-1,
        )

    def _alpha(self, tiles: Tensor, index: Tensor) -> Tensor:
        """Alpha [K, T, pixels] of the Gaussians `index` [K, T] in their tiles, 0 where it is below the threshold."""
        polynomial = _polynomial(self._from_center(tiles, index)).view(-1, 6)
        # Far below the threshold the exponent stops: exp is many times slower where its result is subnormal.
        alpha = torch.mm(polynomial, self.monomials).clamp_min_(_NOTHING).exp_().clamp_max_(MAX_ALPHA)
        return torch.nn.functional.threshold_(alpha, MIN_ALPHA, 0.0).view(*index.shape, -1)

    def _from_center(self, tiles: Tensor, index: Tensor) -> Tensor:
        """Shapes [K, T, 6] with the mean counted from the tile's centre."""
        shape = self.shape.index_select(0, index.view(-1)).view(*index.shape, 6)
        return torch.cat([shape[..., :2] - self.lists.grid.centers(tiles), shape[..., 2:]], dim=-1)


def _polynomial(shape: Tensor) -> Tensor:
    """Coefficients [..., 6] of ln(alpha) in the grid's monomials."""
    dx, dy, a, b, c, log_opacity = shape.unbind(-1)
    x, y = a * dx + b * dy, b * dx + c * dy
    return torch.stack([log_opacity - 0.5 * (dx * x + dy * y), x, y, a, b, c], dim=-1)


def _list_by_tile(splats: ScreenGaussians, grid: Grid) -> _Lists:
    """List every Gaussian in the tiles that its box touches."""
    first, spans = grid.spans(splats)
    repeats = spans.prod(-1).long()
    splat = torch.arange(len(splats)).repeat_interleave(repeats)
    rank = torch.arange(len(splat)) - (repeats.cumsum(0) - repeats)[splat]
    columns = spans[splat, 0]
    row = torch.div(rank, columns, rounding_mode="floor")
    tile = (first[:, 1] * grid.columns + first[:, 0])[splat] + row * grid.columns + rank - row * columns
    tile, order = torch.sort(tile.int(), stable=True)  # depth order survives within a tile
    count = torch.bincount(tile, minlength=grid.count)
    return _Lists(grid, splat[order], count.cumsum(0) - count, count)
