"""Hair on a head, as pieces: its shape comes from `strands`, its colours are painted here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.avatars.labels import LABEL_INDEX
from .anatomy import Figure
from .draping import Obstacle
from .fabrics import Color
from .hair_styles import STYLES, HairStyle
from .noise import layered, noise, smoothstep
from .pieces import Paint, Piece, Spots
from .sheets import Sheet, take
from .skin import complexion_color
from .strands import combed, tied


@dataclass(frozen=True)
class Hair:
    """Hair on a head.

    style: a name in STYLES
    color: sRGB
    """

    style: str
    color: Color


def brow_color(hair: Hair) -> Color:
    """Return the colour of brows that go with hair: of its hue, never pale."""
    strength = min(0.75, 0.33 / max(hair.color))
    return tuple(channel * strength for channel in hair.color)


def make_hair(figure: Figure, hair: Hair, complexion: float, obstacle: Obstacle, seed: int) -> list[Piece]:
    """Grow hair; a bald head gets none.

    Args:
        obstacle: body and clothes, which hanging strands lie on.

    Raises:
        ValueError: if the style is unknown.
    """
    if hair.style not in STYLES:
        raise ValueError(f"There is no hair style '{hair.style}'; use one of {', '.join(STYLES)}.")
    style = STYLES[hair.style]
    if style is None:
        return []
    pieces = [_as_piece(*combed(figure, style, obstacle, seed), _painter(hair, style, complexion, seed))]
    for root in style.tails:
        pieces.append(_as_piece(*tied(figure, style, root, obstacle, seed), _painter(hair, style, 0.0, seed)))
    return pieces


def _as_piece(sheet: Sheet, flat: Tensor, paint: Callable[[Spots], Paint]) -> Piece:
    sheet = take(sheet, torch.ones(len(sheet.faces), dtype=torch.bool))
    labels = torch.full((len(sheet.position),), LABEL_INDEX["hair"])
    panel = torch.zeros(len(sheet.faces), dtype=torch.int64)
    return Piece(sheet, labels, flat, panel, density=1.5, cover=2.0, warmth=0.15, paint=paint)


def _painter(hair: Hair, style: HairStyle, complexion: float, seed: int) -> Callable[[Spots], Paint]:
    base = torch.tensor(hair.color)
    skin = complexion_color(complexion)

    def paint(spots: Spots) -> Paint:
        across, along = spots.uv[:, 0], spots.values["along"][:, 0]
        kink = 0.004 * noise(torch.stack([across * 60, along * 25], 1), seed + 20) * (1 + 200 * style.curl)
        fine = noise(torch.stack([(across + kink) * 1100, along * 14], 1), seed + 21)
        coarse = noise(torch.stack([(across + kink) * 260, along * 7], 1), seed + 22)
        if style.curl > 0.006 and style.length is None:
            fine = layered(spots.values["position"] * 260, 2, seed + 23)
            coarse = layered(spots.values["position"] * 90, 2, seed + 24)
        shade = 0.80 + 0.17 * fine + 0.20 * coarse
        color = base * shade.clamp_min(0.25)[:, None]
        color = color + _sheen(spots, coarse) * (0.13 + 0.32 * base)
        root = smoothstep(0.012, 0.0, along)
        color = color * (1 - 0.30 * root)[:, None]
        edge = spots.values["edge"][:, 0]
        gone = smoothstep(-0.25, 0.25, 0.45 * fine + 0.55 * coarse + 0.55 - edge / 0.004)
        relief = 0.0006 * coarse + 0.0003 * fine
        return Paint(torch.lerp(color, skin.expand_as(color) * 0.96, gone[:, None]), relief * (1 - gone))

    return paint


def _sheen(spots: Spots, strands: Tensor) -> Tensor:
    """The band of light that combed strands share: brightest where they run across the half-way direction to the lamp."""
    lamp = torch.nn.functional.normalize(torch.tensor([0.30, 1.0, 0.55]), dim=0)
    tangent = torch.nn.functional.normalize(spots.values["tangent"], dim=1)
    half = torch.nn.functional.normalize(lamp + torch.nn.functional.normalize(spots.values["normal"], dim=1), dim=1)
    off = (tangent * half).sum(1) + 0.10 * strands
    return ((1 - off**2).clamp_min(0) ** 24 * (0.75 + 0.25 * strands))[:, None]
