"""Outer garments: cardigans, jackets, coats and vests, worn open or closed over an upper garment or a dress."""

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

OUTER_CUTS = {
    "cardigan": Cut(0.97, "close", 0.02, (0.010, 0.022), details=("ribbed", "buttons"), gap=0.060, reach=0.17),
    "blazer": Cut(
        0.96, "close", -0.06, (0.011, 0.022), collar="lapels", details=("two buttons", "flap pockets", "breast pocket"),
        slope=(0.5, 0.2), gap=0.070, reach=0.30,
    ),
    "denim jacket": Cut(
        0.97, "close", 0.34, (0.011, 0.024), shape="cuffed", collar="shirt",
        details=("studs", "yoke", "flap chest pockets", "elastic"), gap=0.055,
    ),
    "bomber jacket": Cut(
        0.98, "close", 0.30, (0.014, 0.030), shape="cuffed", collar="band", details=("zip", "ribbed", "slit pockets"), gap=0.055,
    ),
    "trench coat": Cut(
        0.98, "close", -0.46, (0.013, 0.026), collar="lapels", details=("double buttons", "belt", "waisted", "slit pockets"),
        slope=(0.7, 0.4), flare=(0.05, 0.14), gap=0.085, reach=0.24,
    ),
    "vest": Cut(0.0, "close", 0.16, (0.009, 0.018), details=("buttons", "welt pockets"), gap=0.060, reach=0.20),
    "parka": Cut(
        0.98, "wide", -0.24, (0.016, 0.032), collar="hood", details=("zip", "flap pockets", "cord"), slope=(0.4, 0.1), gap=0.070,
    ),
    "puffer jacket": Cut(
        0.98, "close", 0.14, (0.012, 0.026), shape="cuffed", collar="band", details=("zip", "quilted", "elastic"), gap=0.060,
    ),
    "long coat": Cut(
        0.98, "close", -0.58, (0.013, 0.026), collar="lapels", details=("two buttons", "flap pockets"),
        slope=(0.3, 0.1), flare=(0.02, 0.08), gap=0.085, reach=0.28,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class OuterGarment(Garment):
    """An outer garment, cut as OUTER_CUTS tells.

    opened: whether the front hangs open and shows what is worn beneath
    """

    opened: bool = True


def outer_hem(figure: Figure, cut: Cut) -> float:
    """Return the height of the hem in metres."""
    return hem_height(figure, cut)


def outer_edge(figure: Figure, sheet: Sheet, cut: Cut, opened: bool = True) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    return edge_inside(figure, sheet, cut, opened)


def make_outer(figure: Figure, garment: OuterGarment, obstacle: Obstacle, seed: int) -> list[Piece]:
    """Cut, drape and flatten an outer garment over what the obstacle holds: the body and the garments beneath.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in OUTER_CUTS:
        raise ValueError(f"There is no outer garment '{garment.cut}'; use one of {', '.join(OUTER_CUTS)}.")
    cut = OUTER_CUTS[garment.cut]
    return [sew(figure, cut, garment.fabric, garment.looseness, obstacle, seed, opened=garment.opened, over=True)]
