"""Distances as our own frozen encoder sees them: it was trained apart from everything that it judges, and is in no loss.

They are called "own-LPIPS" and "FD-own", since the networks that LPIPS and FID are named for are not used.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from .network import AttributeNet, load_network

ENCODER_FILE = Path(__file__).parent / "weights" / "encoder.safetensors"


def load_encoder(file: Path = ENCODER_FILE) -> AttributeNet:
    """Return the shipped encoder, frozen; its `pooled` features [B, 256] are what FD-own compares."""
    return load_network(file)


def own_lpips(encoder: AttributeNet, first: Tensor, second: Tensor) -> Tensor:
    """Return how different pictures [B, 3, H, W] in 0..1 look: [B], 0 for equal ones.

    The distance of Zhang et al. (2018), equation 1, with all channel weights 1: features of unit length at every place,
    squared differences summed over channels and averaged over places, here averaged over the five stages too.
    """
    stages = zip(encoder.stages(first), encoder.stages(second), strict=True)
    distances = [(_unit(a) - _unit(b)).square().sum(1).mean((1, 2)) for a, b in stages]
    return sum(distances) / len(distances)


def _unit(features: Tensor) -> Tensor:
    return features / features.norm(dim=1, keepdim=True).clamp_min(1e-8)
