"""Fitting an avatar's Gaussians to photos with known cameras, while they keep to the surface of its mesh.

In: an avatar, pictures and cameras; out: the avatar with other Gaussians, and a report. `surface` walks on the mesh, `parameters`
holds what is optimised, `losses` compares pictures, `density` splits and removes Gaussians, `fit` is the loop. The mesh stays as
it is, and cameras are taken at their word.
"""

from .fit import FitReport, FitSettings, fit_gaussians
from .inputs import Photos
from .pictures import comparisons

__all__ = ["FitReport", "FitSettings", "Photos", "comparisons", "fit_gaussians"]
