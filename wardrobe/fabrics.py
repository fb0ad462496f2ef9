"""Fabrics: colour and relief as functions of metres on the flat cloth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import bands, motifs, yarns
from .bands import Footprint
from .noise import noise
from .pieces import Color, Paint
from .prints import Print


@dataclass(frozen=True)
class Fabric:
    """A cloth.

    pattern: a name in PATTERNS
    colors:  sRGB; the ground first, then what is on it
    scale:   size of the pattern, 1 for the usual
    print:   what is printed once on the front of an upper garment, or None
    """

    pattern: str
    colors: tuple[Color, ...]
    scale: float = 1.0
    print: Print | None = None

    @property
    def cover(self) -> float:
        """How many Gaussians an area the cloth needs, against 1 for plain surfaces."""
        plain = 0.8 if self.pattern in ("plain", "gradient", "denim", "knit", "corduroy") else 1.9
        return max(plain, 1.4) if self.print else plain


@dataclass(frozen=True)
class Garment:
    """A garment to be sewn.

    cut: a name among those of its slot, such as UPPER_CUTS
    looseness: 0 fitted .. 1 loose
    """

    cut: str
    fabric: Fabric
    looseness: float = 0.5


def weave(fabric: Fabric, uv: Tensor, seed: int, footprint: Footprint = 0.0) -> Paint:
    """Paint cloth at spots [N, 2] metres, v upwards.

    Args:
        footprint: metres of cloth that a spot stands for; patterns finer than that fade to their mean.

    Raises:
        ValueError: if the pattern is unknown or has too few colours.
    """
    if fabric.pattern not in PATTERNS:
        raise ValueError(f"There is no fabric pattern '{fabric.pattern}'; use one of {', '.join(PATTERNS)}.")
    draw, needed = PATTERNS[fabric.pattern]
    if len(fabric.colors) < needed:
        raise ValueError(f"The fabric pattern '{fabric.pattern}' needs {needed} colours, and {len(fabric.colors)} were given.")
    paint = draw(uv / fabric.scale, torch.tensor(fabric.colors), seed, footprint / fabric.scale)
    # No cloth is of one even tone: dye and nap vary over centimetres.
    tone = 1 + 0.02 * noise(uv * 40, seed)
    return Paint(paint.color * tone[:, None], paint.relief)


# name -> (how it is drawn, how many colours it needs)
PATTERNS = {
    "plain": (yarns.plain, 1),
    "stripes": (bands.stripes, 2),
    "wide stripes": (bands.wide_stripes, 2),
    "vertical stripes": (bands.vertical_stripes, 2),
    "pinstripes": (bands.pinstripes, 2),
    "blocks": (bands.blocks, 2),
    "checks": (bands.checks, 2),
    "gingham": (bands.gingham, 2),
    "windowpane": (bands.windowpane, 2),
    "tartan": (bands.tartan, 2),
    "houndstooth": (bands.houndstooth, 2),
    "zigzag": (bands.zigzag, 2),
    "argyle": (bands.argyle, 2),
    "dots": (motifs.dots, 2),
    "large dots": (motifs.large_dots, 2),
    "stars": (motifs.stars, 2),
    "hearts": (motifs.hearts, 2),
    "floral": (motifs.floral, 3),
    "ditsy": (motifs.ditsy, 3),
    "daisies": (motifs.daisies, 3),
    "leaves": (motifs.leaves, 2),
    "leopard": (motifs.leopard, 2),
    "zebra": (motifs.zebra, 2),
    "camouflage": (motifs.camouflage, 3),
    "gradient": (yarns.gradient, 2),
    "tie-dye": (yarns.tie_dye, 2),
    "denim": (yarns.denim, 1),
    "knit": (yarns.knit, 1),
    "cable": (yarns.cable, 1),
    "corduroy": (yarns.corduroy, 1),
    "herringbone": (yarns.herringbone, 2),
}

# How captions call a pattern, before the colour; plain cloth has no word.
PATTERN_WORDS = {
    "plain": "",
    "stripes": "striped",
    "wide stripes": "broad-striped",
    "vertical stripes": "vertically striped",
    "pinstripes": "pinstriped",
    "blocks": "colour-block",
    "checks": "checked",
    "gingham": "gingham",
    "windowpane": "windowpane",
    "tartan": "tartan",
    "houndstooth": "houndstooth",
    "zigzag": "zigzag",
    "argyle": "argyle",
    "dots": "polka-dot",
    "large dots": "large-dotted",
    "stars": "star-patterned",
    "hearts": "heart-patterned",
    "floral": "floral",
    "ditsy": "small-flowered",
    "daisies": "daisy-patterned",
    "leaves": "leaf-patterned",
    "leopard": "leopard-print",
    "zebra": "zebra-print",
    "camouflage": "camouflage",
    "gradient": "dip-dyed",
    "tie-dye": "tie-dyed",
    "denim": "denim",
    "knit": "knitted",
    "cable": "cable-knit",
    "corduroy": "corduroy",
    "herringbone": "herringbone",
}
