"""Which way is up in a splat file.

Avatars live Y up. Files of 3D Gaussian Splatting are by custom Y down, Z forward (the camera axes of the training code), and
viewers turn them half a turn about X before showing them.
"""

from __future__ import annotations

from typing import Literal

import torch

from ...geometry import Gaussians
from ...geometry.rotation import quaternion_multiply
from ...geometry.spherical_harmonics import rotate_sh

Up = Literal["auto", "y-down", "y-up"]

MARKS = {"y-down": "modiste y-down", "y-up": "modiste y-up"}


def turn_about_x(gaussians: Gaussians) -> Gaussians:
    """Turn Gaussians half a turn about X: Y up becomes Y down and back; centres, rotations and view-dependent colours turn."""
    half_turn = torch.tensor([0.0, 1.0, 0.0, 0.0])
    flip = torch.tensor([1.0, -1.0, -1.0])
    return Gaussians(
        positions=gaussians.positions * flip,
        scales=gaussians.scales,
        rotations=quaternion_multiply(half_turn.expand_as(gaussians.rotations), gaussians.rotations),
        opacities=gaussians.opacities,
        sh=rotate_sh(gaussians.sh, torch.diag(flip)),
    )


def to_file_axes(gaussians: Gaussians, up: Up) -> Gaussians:
    """Turn Y-up Gaussians as a file with the given up axis wants them ("auto" is not an answer for a file that is written)."""
    if up not in MARKS:
        raise ValueError(f"A splat file is written 'y-down' or 'y-up', and '{up}' was asked for: choose one of the two.")
    return turn_about_x(gaussians) if up == "y-down" else gaussians


def from_file_axes(gaussians: Gaussians, up: Up, marks: str, unmarked: Up) -> Gaussians:
    """Turn Gaussians as they stand in a file Y up.

    Args:
        up: what the caller says; "auto" looks for our mark in `marks`, the file's comments, and else believes `unmarked`.
    """
    if up == "auto":
        up = next((answer for answer, mark in MARKS.items() if mark in marks), unmarked)
    return to_file_axes(gaussians, up)  # half a turn undoes half a turn
