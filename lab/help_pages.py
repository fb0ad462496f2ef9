"""Keeps the tables of the help pages (web/docs/<NodeId>.md) equal to the tooltips of the nodes; the prose around them is by hand.

From the repository root, this refreshes them all:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab import help_pages; help_pages.main()"
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .. import comfy_entrypoint
from ..host.headless.listing import all_nodes
from ..host.headless.schema import object_info
from ..models.files import atomic_write

PAGES = Path(__file__).resolve().parents[1] / "web" / "docs"
TABLES = re.compile(r"<!-- tables -->.*<!-- end -->", re.DOTALL)


def pack_infos() -> dict[str, dict[str, Any]]:
    """Return what `/object_info` says of each node of the pack, by id."""
    nodes = all_nodes(comfy_entrypoint())
    return {node_id: object_info(node) for node_id, node in nodes.items() if node_id.startswith("Modiste")}


def refreshed(page: str, info: dict[str, Any]) -> str:
    """Return a page with the tables of inputs and outputs that the node's schema gives.

    Raises:
        ValueError: if the page has no place for them.
    """
    if not TABLES.search(page):
        raise ValueError("The page has no '<!-- tables -->' and '<!-- end -->' around the place of its tables.")
    rows = []
    for section, inputs in info["input"].items():
        for name, (socket, settings) in inputs.items() if section != "hidden" else ():
            note = " (optional)" if section == "optional" else ""
            rows.append(f"| `{name}`{note} | {_kind(socket, settings)} | {settings.get('tooltip', '')} |")
    tables = ["| input | kind | what it does |", "|---|---|---|", *rows] if rows else []
    outputs = zip(info["output_name"], info["output"], info["output_tooltips"], strict=True)
    output_rows = [f"| `{name}` | {socket} | {tooltip or ''} |" for name, socket, tooltip in outputs]
    if output_rows:
        tables += ["", "| output | kind | what it is |", "|---|---|---|", *output_rows]
    return TABLES.sub(lambda _: "\n".join(["<!-- tables -->", *tables, "<!-- end -->"]), page)


def main() -> None:
    """Refresh every page in place."""
    for node_id, info in pack_infos().items():
        path = PAGES / f"{node_id}.md"
        page = refreshed(path.read_text(encoding="utf-8"), info)
        with atomic_write(path) as temporary:
            temporary.write_text(page, encoding="utf-8")


def _kind(socket: str, settings: dict[str, Any]) -> str:
    if socket in ("INT", "FLOAT"):
        return f"{settings['min']} to {settings['max']}, {settings['default']} by default"
    if socket == "COMBO":
        return "choice"
    return {"BOOLEAN": "on or off", "STRING": "text"}.get(socket, socket)
