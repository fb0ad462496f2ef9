"""The close-up of a garment that the image prompt sees: p_g = Resize(Crop(p m)) of IGR's section 3.2."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

STRAY = 0.005  # share of a mask that may lie apart
SMALL = 32  # pixels of the mask's longer side under which little of a garment can be seen


@dataclass(frozen=True)
class Placement:
    """Where a square crop was taken: pixels from the picture's left and top to its own, and its side; it may reach beyond."""

    left: int
    top: int
    side: int


def placement(mask: Tensor, margin: float = 0.05) -> Placement:
    """Return the square around the garment that a mask [H, W] shows, larger by a share of its side on all sides.

    Raises:
        ValueError: if the mask is empty.
    """
    if not (mask > 0.5).any():
        raise ValueError("The mask is empty: paint the garment white in it.")
    rows, columns = whole_box(mask)
    side = round(max(rows.stop - rows.start, columns.stop - columns.start) * (1 + 2 * margin))
    return Placement((columns.start + columns.stop - side) // 2, (rows.start + rows.stop - side) // 2, side)


def garment_crop(image: Tensor, mask: Tensor, place: Placement, size: int) -> tuple[Tensor, Tensor]:
    """Cut the garment out of a picture, black around it, and bring it to a square of `size` pixels.

    What the square has beyond the picture is black too: nothing is stretched.

    Args:
        image: [H, W, 3] in 0..1.
        mask: [H, W] in 0..1, 1 on the garment.

    Returns:
        The crop [size, size, 3] and its mask [size, size].
    """
    height, width = mask.shape
    both = torch.cat([image * mask[..., None], mask[..., None]], -1).movedim(-1, 0)
    beyond = (-place.left, place.left + place.side - width, -place.top, place.top + place.side - height)
    square = pad(both, beyond)  # negative padding cuts
    crop = interpolate(square[None], (size, size), mode="bilinear", antialias=True)[0].clamp(0, 1)
    return crop[:3].movedim(0, -1), crop[3]


def mask_box(mask: Tensor) -> tuple[slice, slice] | None:
    """Return the rows and columns that a mask [H, W], bool or in 0..1, reaches over; None if it is empty."""
    sides = [(mask > 0.5).any(dim).nonzero()[:, 0] for dim in (1, 0)]
    if not len(sides[0]):
        return None
    rows, columns = (slice(int(side[0]), int(side[-1]) + 1) for side in sides)
    return rows, columns


def main_box(mask: Tensor) -> tuple[slice, slice]:
    """Return the rows and columns between which a mask [H, W], not empty, shows all but STRAY on each side.

    A stroke of the brush that went astray does not count.
    """
    shown = mask > 0.5
    found = []
    for dim in (1, 0):
        upto = shown.sum(dim).cumsum(0) / shown.sum()
        found.append(slice(int((upto > STRAY).nonzero()[0]), int((upto >= 1 - STRAY).nonzero()[0]) + 1))
    return found[0], found[1]


def whole_box(mask: Tensor) -> tuple[slice, slice]:
    """Return the rows and columns of `main_box` and those that follow without a gap, to the garment's own edge."""
    found = []
    for dim, main in zip((1, 0), main_box(mask), strict=True):
        gaps = (~(mask > 0.5).any(dim)).nonzero()[:, 0]
        before, after = gaps[gaps < main.start], gaps[gaps >= main.stop]
        found.append(slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else mask.shape[1 - dim]))
    return found[0], found[1]


def masked_pixels(mask: Tensor) -> int:
    """Return the longer side, in pixels, of the box around the garment that a mask [H, W] shows; 0 if it is empty."""
    return max(side.stop - side.start for side in whole_box(mask)) if (mask > 0.5).any() else 0
