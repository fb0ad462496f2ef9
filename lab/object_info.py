"""What `/object_info` says of a node that must be the same in every host and every ComfyUI version that we support."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parents[1] / "tests" / "comfyui" / "object_info.json"

KEPT = (
    "input",
    "input_order",
    "output",
    "output_is_list",
    "output_name",
    "output_tooltips",
    "name",
    "display_name",
    "description",
    "category",
    "output_node",
    "deprecated",
    "experimental",
)


def comparable(infos: Mapping[str, dict[str, Any]], prefix: str = "Modiste") -> dict[str, dict[str, Any]]:
    """Return the nodes whose id begins with `prefix`, with only what hosts and versions share.

    Left out are the module's name, keys that newer versions added, and `advanced`, which 0.3.64 does not know.
    """
    found = {}
    for name in sorted(infos):
        if name.startswith(prefix):
            info = json.loads(json.dumps({key: infos[name][key] for key in KEPT}))  # plain lists and dicts
            for section in info["input"].values():
                for _, *settings in section.values():
                    for setting in settings:
                        setting.pop("advanced", None)
            found[name] = info
    return found


def recorded() -> dict[str, dict[str, Any]]:
    """Return what a real ComfyUI said."""
    return json.loads(RECORDED.read_text())


def record(infos: Mapping[str, dict[str, Any]]) -> None:
    """Write what a real ComfyUI says now, from its whole `/object_info`."""
    RECORDED.write_text(json.dumps(comparable(infos), indent=1) + "\n")
