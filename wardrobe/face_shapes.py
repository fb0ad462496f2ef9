"""The shape of faces: what their features and a smile move, by some millimetres.

All places are canonical points (see `anatomy.Figure`), and moves add up, so directions are found once for a body.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..models.body import JOINT_INDEX, Body
from .anatomy import canonical_points
from .noise import smoothstep

FEATURES = ("nose width", "nose length", "jaw", "chin", "lips", "eye distance", "brow height", "cheeks")


def face_moves(body: Body, features: tuple[float, ...], smile: float) -> Tensor:
    """Return how a face differs from the body's own, metres [V, 3].

    Args:
        features: FEATURES, each about -1..1.
        smile: 0 earnest .. 1 smiling.
    """
    return torch.einsum("k,kvc->vc", torch.tensor([*features, smile, 1.0]), _directions(body))


def is_eyeball(body: Body) -> Tensor:
    """Return which vertices [V] are of the eyes."""
    return body.weights[:, [JOINT_INDEX["left_eye"], JOINT_INDEX["right_eye"]]].sum(1) > 0.99


def eye_opening(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the heights of the upper and lower lid margin at |x|; the corners are at 0.0195 and 0.0440."""
    along = ((x - 0.0195) / 0.0245).clamp(0, 1)
    corner = torch.lerp(torch.tensor(-0.0034), torch.tensor(-0.0010), along)
    arch = (4 * along * (1 - along)).clamp_min(0)
    return corner + 0.0049 * arch**0.62, corner - 0.0035 * arch**0.8


def blob(x: Tensor, y: Tensor, cx: float, cy: float, rx: float, ry: float) -> Tensor:
    """A soft elliptic spot, 1 in its middle."""
    return torch.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)


@cache
def _directions(body: Body) -> Tensor:
    """What each of FEATURES moves, then what a smile moves, then what is moved always: [10, V, 3] metres."""
    point = canonical_points(body)
    side, x, y, z = point[:, 0].sign(), point[:, 0].abs(), point[:, 1], point[:, 2]
    front = smoothstep(-0.05, 0.0, z)
    nostril = blob(x, y, 0.014, -0.040, 0.009, 0.010) * front
    tip = blob(x, y, 0.0, -0.040, 0.014, 0.013) * smoothstep(0.01, 0.03, z)
    jaw = blob(x, y, 0.055, -0.075, 0.022, 0.034) * smoothstep(-0.09, -0.04, z)
    chin = blob(x, y, 0.0, -0.108, 0.026, 0.020) * smoothstep(-0.04, 0.0, z)
    upper, lower = blob(x, y, 0.0, -0.066, 0.018, 0.0045) * front, blob(x, y, 0.0, -0.080, 0.016, 0.0055) * front
    orbit = blob(x, y, 0.031, 0.0, 0.022, 0.016) * front
    brow = blob(x, y, 0.030, 0.022, 0.022, 0.010) * front
    cheek = blob(x, y, 0.045, -0.040, 0.020, 0.022) * front
    none = torch.zeros_like(x)
    features = [
        (1.8 * side * nostril, none, none),
        (none, -2.2 * tip, 1.6 * tip),
        (3.0 * side * jaw, none, none),
        (none, -2.5 * chin, 1.5 * chin),
        (none, 0.9 * (upper - lower), 1.3 * (upper + lower)),
        (0.9 * side * orbit, none, none),
        (none, 1.5 * brow, none),
        (1.5 * side * cheek, none, 1.8 * cheek),
    ]
    moves = [*features, *_smile_and_rest(body, side, x, y, z)]
    return 0.001 * torch.stack([torch.stack(move, 1) for move in moves])


def _smile_and_rest(body: Body, side: Tensor, x: Tensor, y: Tensor, z: Tensor) -> tuple[tuple[Tensor, ...], ...]:
    """A smile lifts the corners of the mouth and the cheeks; always, the eyes open and the lips close a little."""
    front = smoothstep(-0.03, 0.0, z)
    corner = blob(x, y, 0.0250, -0.0720, 0.0095, 0.0095) * front
    cheek = blob(x, y, 0.038, -0.045, 0.018, 0.018) * front
    upper, lower = eye_opening(x)
    within = smoothstep(0.016, 0.024, x) * smoothstep(0.048, 0.040, x) * smoothstep(-0.004, 0.004, z)
    lid_up = within * smoothstep(0.009, 0.002, y - upper) * (y > (upper + lower) / 2) * ~is_eyeball(body)
    seam = y + 0.0722
    closing = -seam.sign() * smoothstep(0.006, 0.0, seam.abs()) * smoothstep(0.0255, 0.021, x) * smoothstep(0.0, 0.02, z)
    smile = (2.8 * side * corner, 5.0 * corner + 3.0 * cheek, 3.0 * cheek)
    always = (0.5 * side * corner, 0.8 * corner + 1.8 * lid_up + 0.8 * closing, -1.0 * corner)
    return smile, always
