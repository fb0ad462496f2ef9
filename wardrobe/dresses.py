"""Dresses: one piece from the shoulders to the hem."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .anatomy import Figure
from .bodices import Cut, edge_inside, hem_height
from .draping import Obstacle
from .fabrics import Garment
from .pieces import Piece
from .sewing import sew
from .sheets import Sheet

DRESS_CUTS = {
    "shift dress": Cut(0.0, "crew", -0.42, (0.010, 0.024), slope=(0.16, 0.04)),
    "a-line dress": Cut(0.24, "wide", -0.46, (0.006, 0.018), slope=(0.30, 0.10), flare=(0.12, 0.26)),
    "sheath dress": Cut(0.0, "wide", -0.48, (0.003, 0.008), slope=(1.4, 0.8)),
    "maxi dress": Cut(0.0, "scoop", -0.92, (0.005, 0.012), details=("waisted",), slope=(1.2, 0.8), flare=(0.08, 0.22)),
    "shirt dress": Cut(
        0.55, "close", -0.44, (0.010, 0.026), collar="shirt", details=("placket", "waisted", "belt", "chest pocket"),
        slope=(0.9, 0.6), flare=(0.05, 0.16),
    ),
    "slip dress": Cut(0.0, "straps", -0.55, (0.004, 0.012), slope=(0.5, 0.2), flare=(0.02, 0.10)),
    "skater dress": Cut(
        0.30, "wide", -0.30, (0.003, 0.008), details=("waisted", "waist seam"), slope=(1.4, 1.0), flare=(0.35, 0.70)
    ),
    "sweater dress": Cut(0.98, "crew", -0.36, (0.008, 0.026), details=("ribbed",), slope=(0.5, 0.10)),
    "wrap dress": Cut(
        0.62, "deep v", -0.52, (0.005, 0.014), details=("waisted", "wrap", "sash"), slope=(1.2, 0.8), flare=(0.12, 0.30)
    ),
}  # fmt: skip


@dataclass(frozen=True)
class DressGarment(Garment):
    """A dress, cut as DRESS_CUTS tells."""


def dress_hem(figure: Figure, cut: Cut) -> float:
    """Return the height of the hem in metres."""
    return hem_height(figure, cut)


def dress_edge(figure: Figure, sheet: Sheet, cut: Cut) -> Tensor:
    """Return about how many metres [V] inside the dress's edges a spot of the body's surface lies, negative outside it."""
    return edge_inside(figure, sheet, cut)


def make_dress(figure: Figure, garment: DressGarment, obstacle: Obstacle, seed: int) -> list[Piece]:
    """Cut, drape and flatten a dress.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in DRESS_CUTS:
        raise ValueError(f"There is no dress '{garment.cut}'; use one of {', '.join(DRESS_CUTS)}.")
    return [sew(figure, DRESS_CUTS[garment.cut], garment.fabric, garment.looseness, obstacle, seed)]
