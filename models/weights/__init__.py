"""Weights: our safetensors format (tensors with metadata kind, version, made_by, licence) and the files that ship with the pack."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "shipped"

__all__ = ["SHIPPED"]
