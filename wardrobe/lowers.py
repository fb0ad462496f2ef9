"""Lower garments: trousers, shorts and leggings cut from the surface of hips and legs, skirts turned on a lathe round them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .anatomy import Figure
from .draping import Obstacle
from .fabrics import Garment
from .pieces import Piece
from .sheets import Sheet
from .skirts import SKIRT_CUTS, SkirtCut, make_skirt, skirt_edge
from .trousers import TROUSER_CUTS, TrouserCut, make_trousers, trouser_edge

LowerCut = TrouserCut | SkirtCut
LOWER_CUTS: dict[str, LowerCut] = {**TROUSER_CUTS, **SKIRT_CUTS}


@dataclass(frozen=True)
class LowerGarment(Garment):
    """A lower garment, cut as LOWER_CUTS tells."""


def lower_edge(figure: Figure, sheet: Sheet, cut: LowerCut) -> Tensor:
    """Return about how many metres [V] inside the garment's edges a spot of the body's surface lies, negative outside it."""
    return skirt_edge(figure, sheet, cut) if isinstance(cut, SkirtCut) else trouser_edge(figure, sheet, cut)


def make_lower(figure: Figure, garment: LowerGarment, obstacle: Obstacle, seed: int) -> Piece:
    """Cut, drape and flatten a lower garment.

    Raises:
        ValueError: if the cut is unknown.
    """
    if garment.cut not in LOWER_CUTS:
        raise ValueError(f"There is no lower garment '{garment.cut}'; use one of {', '.join(LOWER_CUTS)}.")
    cut = LOWER_CUTS[garment.cut]
    make = make_skirt if isinstance(cut, SkirtCut) else make_trousers
    return make(figure, cut, garment.fabric, garment.looseness, obstacle, seed)
