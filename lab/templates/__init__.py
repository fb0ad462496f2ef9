"""Writes the workflow templates, so that links, slots and widget orders are right by construction.

From the repository root, this writes workflows/*.json in ComfyUI's UI format 0.4:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab import templates; templates.main()"

Nodes stand in columns, each below the one before; ids follow the order of calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ... import comfy_entrypoint
from ...host.headless.listing import all_nodes
from ...host.headless.schema import object_info
from ...models.files import atomic_write
from .avatars import avatar_toolbox, compose_avatars, compose_your_avatars, reshape_avatar
from .base import tiny_text_to_image
from .restoration import restore_garment, restore_garment_tiny
from .sheet import Sheet

FOLDER = Path(__file__).resolve().parents[2] / "workflows"

TEMPLATES: tuple[Callable[[Sheet], dict], ...] = (
    compose_avatars, compose_your_avatars, avatar_toolbox, reshape_avatar, tiny_text_to_image,
    restore_garment_tiny, restore_garment,
)  # fmt: skip


def build(template: Callable[[Sheet], dict]) -> dict:
    """Return a template as a workflow in UI format 0.4."""
    nodes = all_nodes(comfy_entrypoint())
    return template(Sheet({node_id: object_info(node) for node_id, node in nodes.items()}))


def main() -> None:
    """Write every template."""
    for template in TEMPLATES:
        with atomic_write(FOLDER / f"{template.__name__}.json") as temporary:
            temporary.write_text(json.dumps(build(template), indent=1) + "\n", encoding="utf-8")
