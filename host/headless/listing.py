"""The nodes that a headless run has: the pack's, and the few of core."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from . import core_nodes, core_nodes_3d, core_nodes_diffusion, core_nodes_sampling, core_nodes_switched_off
from .schema import ComfyExtension, ComfyNode

CORE_NODES = [
    *core_nodes.NODES,
    *core_nodes_3d.NODES,
    *core_nodes_diffusion.NODES,
    *core_nodes_sampling.NODES,
    *core_nodes_switched_off.NODES,
]


def by_id(nodes: list[type[ComfyNode]]) -> dict[str, type[ComfyNode]]:
    """Return node classes by their id."""
    return {node.define_schema().node_id: node for node in nodes}


def all_nodes(entrypoint: Awaitable[ComfyExtension]) -> dict[str, type[ComfyNode]]:
    """Return the nodes of a pack, from what its `comfy_entrypoint()` gives, and those of core, by id."""

    async def pack_nodes() -> list[type[ComfyNode]]:
        return await (await entrypoint).get_node_list()

    return by_id([*asyncio.run(pack_nodes()), *CORE_NODES])
