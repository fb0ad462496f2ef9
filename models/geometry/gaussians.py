"""Free 3D Gaussians in world space, the form that is rendered and written to splat files."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians, activated (as core's SPLAT, without its batch axis).

    positions: [N, 3] float32 centres, metres
    scales:    [N, 3] float32 > 0, standard deviations along the local axes, metres
    rotations: [N, 4] float32 unit quaternions (w, x, y, z), local to world
    opacities: [N] float32 in 0..1
    sh:        [N, K, 3] float32 spherical-harmonic colour, K = 1, 4, 9 or 16; RGB = 0.5 + 0.2820948 * sh[:, 0] for K = 1
    """

    positions: Tensor
    scales: Tensor
    rotations: Tensor
    opacities: Tensor
    sh: Tensor

    def __len__(self) -> int:
        return len(self.positions)

    def to(self, device: torch.device) -> Gaussians:
        """Return the Gaussians on a device."""
        return Gaussians(*(getattr(self, field.name).to(device) for field in fields(self)))

    def __getitem__(self, index: Tensor | slice) -> Gaussians:
        """Return the Gaussians that an index tensor, boolean mask or slice selects."""
        return Gaussians(self.positions[index], self.scales[index], self.rotations[index], self.opacities[index], self.sh[index])
