"""The flow type: for every pixel of a target picture, where a source picture shows the same spot."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Flow:
    """Where what a target's pixels show is found in the source's pictures.

    Pixel (x, y) is the one in column x and row y, and its centre is at (x, y): centres are at integers. (A `Camera` puts the same
    centre at (x + 0.5, y + 0.5), so that differences of places agree.)

    offset:  [B, H, W, 2] pixels (x, y): the place in the source less the place in the target; 0 where nothing is known
    visible: [B, H, W] bool, True where the source really shows the spot
    """

    offset: Tensor
    visible: Tensor
