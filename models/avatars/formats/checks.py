"""What every splat reader and writer checks before it believes a set of values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ...geometry import Gaussians

# Thinner than any surface, and still positive in float32 after squaring twice.
SMALLEST_SCALE = 1e-9


def checked_gaussians(
    path: Path,  # named in the sentences
    positions: Tensor,  # [N, 3]
    scales: Tensor,  # [N, 3] linear
    rotations: Tensor,  # [N, 4] of any length but zero
    opacities: Tensor,  # [N] in 0..1
    sh: Tensor,  # [N, K, 3]
) -> Gaussians:
    """Make Gaussians of activated values, as they stand: none is dropped.

    Rotations are normalised; scales of zero become a nanometre.

    Raises:
        ValueError: if there are none, or some are not numbers, have negative scales or a rotation of length zero.
    """
    if len(positions) == 0:
        raise ValueError(f"'{path.name}' holds no Gaussians: save it again from the program that made it.")
    fields = {"position": positions, "scale": scales, "rotation": rotations, "opacity": opacities, "colour": sh}
    for name, values in fields.items():
        finite = np.isfinite(values.numpy())  # torch's own would take a copy of all values
        broken = int((~finite.reshape(len(values), -1).all(axis=1)).sum())
        if broken:
            raise ValueError(
                f"'{path.name}' has {broken} of {len(values)} Gaussians whose {name} is not a finite number: "
                "clean the file where it was made."
            )
    negative = int((scales < 0).any(dim=1).sum())
    if negative:
        raise ValueError(f"'{path.name}' has {negative} Gaussians with a negative scale: clean the file where it was made.")
    lengths = rotations.norm(dim=1, keepdim=True)
    unturned = int((lengths == 0).sum())
    if unturned:
        raise ValueError(f"'{path.name}' has {unturned} Gaussians with a rotation of length zero: clean it where it was made.")
    return Gaussians(positions, scales.clamp_min(SMALLEST_SCALE), rotations / lengths, opacities, sh)
