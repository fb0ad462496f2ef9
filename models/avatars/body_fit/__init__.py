"""Fit Body: shape and pose of a parametric body for a clothed person that has none, such as a capture.

In: an avatar, a mesh or free Gaussians, upright and in metres, and keypoints where there are some. Out: a `BodyState` inside of the
clothes, and a report of what is left over. `surface` spreads points, `rig` poses the body with its derivatives, `energy` pairs the
two, `prior` knows likely poses, `keypoints` pull at joints, `solver` makes a step, `initial` guesses and `fit` goes from coarse to
fine. Nothing here looks at colours, and bodies that lie down or stand on their head are not found.
"""

from .fit import Fit, Settings, fit_body
from .keypoints import LAYOUTS, Keypoints, Pixels, Spots
from .report import Report

__all__ = ["LAYOUTS", "Fit", "Keypoints", "Pixels", "Report", "Settings", "Spots", "fit_body"]
