"""Gaussians in the .splat layout of antimatter15's viewer.

32 bytes a Gaussian and nothing else: position and scale (linear) as six float32, then red, green, blue, opacity and the rotation
w x y z as bytes, the rotation as 128 + 128 q. View-dependent colour is lost. Y down by custom.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ...files import atomic_write, existing_file
from ...geometry import Gaussians
from ...geometry.spherical_harmonics import SH_C0, rgb_to_sh
from .checks import checked_gaussians
from .orientation import Up, from_file_axes, to_file_axes

RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 4), ("rotation", "u1", 4)])


def read_splat(path: Path, up: Up = "auto") -> Gaussians:
    """Read a .splat file as Y-up Gaussians of degree 0.

    Args:
        up: the up axis in the file; the format has no place for a mark, so "auto" means Y down.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if its size is no multiple of 32 bytes, or values are not finite.
    """
    path = existing_file(path)
    if path.stat().st_size % RECORD.itemsize:
        raise ValueError(f"'{path.name}' is not a whole number of 32-byte records: it is cut short or not a .splat file.")
    records = np.fromfile(path, RECORD)
    color = torch.from_numpy(records["color"].astype(np.float32)) / 255
    gaussians = checked_gaussians(
        path,
        positions=torch.from_numpy(records["position"].copy()),
        scales=torch.from_numpy(records["scale"].copy()),
        rotations=torch.from_numpy(records["rotation"].astype(np.float32)) - 128,
        opacities=color[:, 3].clone(),
        sh=rgb_to_sh(color[:, :3]),
    )
    return from_file_axes(gaussians, up, marks="", unmarked="y-down")


def write_splat(path: Path, gaussians: Gaussians, up: Up = "y-down") -> None:
    """Write Gaussians as .splat, the largest first, which viewers that load step by step want.

    Raises:
        ValueError: if the file cannot be written.
    """
    turned = to_file_axes(gaussians, up)
    weight = turned.scales.double().prod(dim=1) * turned.opacities
    turned = turned[torch.argsort(weight, descending=True, stable=True)]
    records = np.empty(len(turned), RECORD)
    records["position"] = turned.positions.numpy()
    records["scale"] = turned.scales.numpy()
    rgb = 0.5 + SH_C0 * turned.sh[:, 0]
    records["color"] = (torch.cat([rgb, turned.opacities[:, None]], dim=1) * 255).round().clamp(0, 255).numpy()
    records["rotation"] = (turned.rotations * 128 + 128).round().clamp(0, 255).numpy()
    with atomic_write(path) as temporary:
        temporary.write_bytes(records.tobytes())
