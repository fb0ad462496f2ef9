"""Types and formulas that every system shares: rotations, triangle meshes, Gaussians and spherical harmonics."""

from .gaussians import Gaussians
from .mesh import Mesh

__all__ = ["Gaussians", "Mesh"]
