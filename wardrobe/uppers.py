"""Upper garments: shirts, sweaters and whatever else is worn on torso and arms above trousers or a skirt."""

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

UpperCut = Cut

UPPER_CUTS = {
    "tank": Cut(0.0, "scoop", 0.35, (0.004, 0.016)),
    "t-shirt": Cut(0.30, "crew", 0.28, (0.006, 0.024)),
    "v-neck": Cut(0.26, "v", 0.30, (0.005, 0.020)),
    "crop top": Cut(0.18, "wide", 1.15, (0.004, 0.018)),
    "polo": Cut(0.31, "close", 0.26, (0.006, 0.022), collar="polo", details=("short placket", "cuffs")),
    "long sleeve": Cut(0.97, "crew", 0.28, (0.006, 0.022)),
    "turtleneck": Cut(0.98, "high", 0.32, (0.005, 0.020), collar="turtle"),
    "shirt": Cut(0.97, "close", 0.20, (0.008, 0.026), collar="shirt", details=("placket", "chest pocket")),
    "short-sleeve shirt": Cut(0.33, "close", 0.22, (0.010, 0.032), collar="shirt", details=("placket", "chest pocket")),
    "blouse": Cut(0.92, "v", 0.34, (0.008, 0.026), shape="puffed", details=("gathered",)),
    "sweater": Cut(0.98, "crew", 0.34, (0.012, 0.030), details=("ribbed",)),
    "hoodie": Cut(0.99, "wide", 0.24, (0.016, 0.036), shape="cuffed", collar="hood", details=("ribbed", "pouch", "strings")),
}


@dataclass(frozen=True)
class UpperGarment(Garment):
    """An upper garment, cut as UPPER_CUTS tells."""


def upper_hem(figure: Figure, cut: Cut) -> float:
    """Return the height of the hem in metres."""
    return hem_height(figure, cut)


def upper_edge(figure: Figure, sheet: Sheet, cut: Cut) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    return edge_inside(figure, sheet, cut)


def make_upper(figure: Figure, garment: UpperGarment, obstacle: Obstacle, seed: int) -> Piece:
    """Cut, drape and flatten an upper garment.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in UPPER_CUTS:
        raise ValueError(f"There is no upper garment '{garment.cut}'; use one of {', '.join(UPPER_CUTS)}.")
    return sew(figure, UPPER_CUTS[garment.cut], garment.fabric, garment.looseness, obstacle, seed)
