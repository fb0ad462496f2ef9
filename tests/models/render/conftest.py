"""Scenes that several render tests share."""

import pytest
import torch

from modiste.models.geometry import Gaussians


@pytest.fixture
def random_gaussians():
    """A function that makes Gaussians around the origin: count, seed, spread and size in metres, colour degree."""

    def make(count, seed=0, spread=0.5, size=0.03, degree=3):
        random = torch.Generator().manual_seed(seed)
        return Gaussians(
            positions=spread * torch.randn(count, 3, generator=random),
            scales=size * torch.exp(0.6 * torch.randn(count, 3, generator=random)),
            rotations=torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1),
            opacities=torch.rand(count, generator=random),
            sh=0.4 * torch.randn(count, (degree + 1) ** 2, 3, generator=random),
        )

    return make
