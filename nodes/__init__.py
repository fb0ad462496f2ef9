"""The pack's nodes, one module per system; each node reads its inputs, calls the library and returns."""

from __future__ import annotations

from ..host import ComfyExtension
from . import avatarmix, avatars, base, bodies, garments, photos, restoration, wardrobe

NODES = [
    *wardrobe.NODES,
    *avatars.NODES,
    *photos.NODES,
    *bodies.NODES,
    *avatarmix.NODES,
    *base.NODES,
    *garments.NODES,
    *restoration.NODES,
]


class ModisteExtension(ComfyExtension):
    """What ComfyUI asks for the list of nodes."""

    async def get_node_list(self):
        return NODES
