"""Drawing boards for workflows: nodes, links and groups, laid out in columns, in ComfyUI's UI format 0.4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
COLUMN, TOP, GAP, WIDTH = 360, 60, 50, 320
ROW_GAP = 110  # between groups that stand one above the other


@dataclass
class Sheet:
    """A workflow under construction."""

    infos: dict[str, dict]
    nodes: list[dict] = field(default_factory=list)
    links: list[list] = field(default_factory=list)
    groups: list[dict] = field(default_factory=list)
    heights: dict[int, int] = field(default_factory=dict)

    def node(self, kind: str, column: int, title: str | None = None, tall: int = 0, bypassed: bool = False, **values: Any) -> Node:
        """Add a node, at least `tall` pixels high, below the others of its column.

        `values` gives widget values, and links as `Node` outputs (`node["name"]`). A bypassed node counts as not connected.
        """
        info = self.infos[kind]
        order = [*info["input"].get("required", {}).items(), *info["input"].get("optional", {}).items()]
        unknown = set(values) - {name for name, _ in order}
        if unknown:
            raise ValueError(f"{kind} has no input {sorted(unknown)}.")
        node_id = len(self.nodes) + 1
        inputs, widgets = [], []
        for name, (socket, settings) in order:
            value = values.get(name)
            is_widget = socket in WIDGETS
            if not is_widget or isinstance(value, Output):
                slot = {"name": name, "type": socket, "link": None} | ({"widget": {"name": name}} if is_widget else {})
                if isinstance(value, Output):
                    slot["link"] = self._link(value, node_id, len(inputs))
                inputs.append(slot)
            if is_widget:
                default = settings.get("default", (settings.get("options") or [""])[0])
                widgets.append(default if name not in values or isinstance(value, Output) else value)
                if settings.get("control_after_generate"):
                    widgets.append("fixed")
        rows = max(len(info["output"]), sum(not item.get("widget") for item in inputs)) + len(widgets)
        size = [WIDTH, max(tall, 46 + 26 * rows)]
        ours = kind.startswith("Modiste")
        self.nodes.append(
            {
                "id": node_id,
                "type": kind,
                "pos": [COLUMN * column, self.heights.get(column, TOP)],
                "size": size,
                "flags": {},
                "order": node_id - 1,
                "mode": 4 if bypassed else 0,
                "inputs": inputs,
                "outputs": [
                    {"name": name, "type": socket, "links": []}
                    for name, socket in zip(info["output_name"], info["output"], strict=True)
                ],
                "properties": {
                    "Node name for S&R": kind,
                    "cnr_id": "modiste" if ours else "comfy-core",
                    "ver": "0.1.0" if ours else "0.3.64",
                },
                "widgets_values": widgets,
            }
            | ({"title": title} if title else {})
        )
        self.heights[column] = self.heights.get(column, TOP) + size[1] + GAP
        return Node(self, node_id)

    def connect(self, node: Node, name: str, value: Output) -> None:
        """Connect an input that was left open, where what it takes comes later."""
        inputs = self.nodes[node.id - 1]["inputs"]
        slot = next(i for i, item in enumerate(inputs) if item["name"] == name and item["link"] is None)
        inputs[slot]["link"] = self._link(value, node.id, slot)

    def note(self, column: int, text: str, tall: int) -> None:
        """Add a note for the reader, which no run sees."""
        self.nodes.append(
            {
                "id": len(self.nodes) + 1,
                "type": "MarkdownNote",
                "pos": [COLUMN * column, self.heights.get(column, TOP)],
                "size": [WIDTH, tall],
                "flags": {},
                "order": len(self.nodes),
                "mode": 0,
                "inputs": [],
                "outputs": [],
                "properties": {},
                "widgets_values": [text],
            }
        )
        self.heights[column] = self.heights.get(column, TOP) + tall + GAP

    def level(self, first: int, last: int) -> None:
        """Let the next nodes of the columns from `first` to `last` stand side by side."""
        columns = range(first, last + 1)
        bottom = max(self.heights.get(column, TOP) for column in columns)
        self.heights |= dict.fromkeys(columns, bottom)

    def new_row(self, first: int, last: int) -> int:
        """Let the next nodes of the columns from `first` to `last` stand in a box of their own, and return its top."""
        self.level(first, last)
        top = self.heights[first] + (ROW_GAP if self.heights[first] > TOP else 0)
        self.heights |= dict.fromkeys(range(first, last + 1), top)
        return top

    def group(self, title: str, first: int, last: int, color: str) -> None:
        """Draw a box around the columns from `first` to `last`."""
        inside = [node for node in self.nodes if COLUMN * first <= node["pos"][0] <= COLUMN * last]
        bottom = max(node["pos"][1] + node["size"][1] for node in inside)
        left = COLUMN * first - 10
        bounding = [left, TOP - 80, COLUMN * last + WIDTH + 10 - left, bottom - TOP + 100]
        self.groups.append({"title": title, "bounding": bounding, "color": color, "font_size": 24, "flags": {}})

    def row_group(self, title: str, first: int, last: int, top: int, color: str) -> None:
        """Draw a box around what stands below `top` in the columns from `first` to `last`."""
        bottom = max(self.heights[column] for column in range(first, last + 1)) - GAP
        left = COLUMN * first - 10
        bounding = [left, top - 80, COLUMN * last + WIDTH + 10 - left, bottom - top + 100]
        self.groups.append({"title": title, "bounding": bounding, "color": color, "font_size": 24, "flags": {}})

    def workflow(self, **extra: Any) -> dict:
        """Return the finished workflow in UI format 0.4."""
        return {
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": self.nodes,
            "links": self.links,
            "groups": self.groups,
            "config": {},
            "extra": {"ds": {"scale": 0.7, "offset": [60, 80]}, **extra},
            "version": 0.4,
        }

    def _link(self, source: Output, target: int, slot: int) -> int:
        info = self.nodes[source.node - 1]["outputs"]
        index = next(i for i, output in enumerate(info) if output["name"] == source.name)
        link = len(self.links) + 1
        info[index]["links"].append(link)
        self.links.append([link, source.node, index, target, slot, info[index]["type"]])
        return link


@dataclass(frozen=True)
class Output:
    """One output of a node on a sheet."""

    node: int
    name: str


@dataclass(frozen=True)
class Node:
    """A node on a sheet; `node["name"]` is its output of that name."""

    sheet: Sheet
    id: int

    def __getitem__(self, name: str) -> Output:
        return Output(self.id, name)
