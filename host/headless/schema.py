"""What a V3 node says of itself: schema, node base class, output, and the `/object_info` that follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .sockets import Input, Output


class Hidden(StrEnum):
    """What a node may ask to see of the run through `cls.hidden`."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"


@dataclass(frozen=True)
class HiddenHolder:
    """The hidden values of one run: the node's id, the whole API-format workflow, and what image files should carry along."""

    unique_id: str | None = None
    prompt: dict[str, Any] | None = None
    extra_pnginfo: dict[str, Any] | None = None


@dataclass
class Schema:
    """The properties of a V3 node.

    Raises:
        ValueError: if two inputs, two outputs, or an input and an output share an id (ComfyUI 0.3.64 refuses all three).
    """

    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    description: str = ""
    is_input_list: bool = False
    is_output_node: bool = False
    is_deprecated: bool = False
    is_experimental: bool = False
    not_idempotent: bool = False

    def __post_init__(self) -> None:
        self.inputs, self.outputs, self.hidden = list(self.inputs or []), list(self.outputs or []), list(self.hidden or [])
        ids = [item.id for item in self.inputs + self.outputs if item.id is not None]
        shared = [name for name, count in Counter(ids).items() if count > 1]
        if shared:
            raise ValueError(f"Node {self.node_id} uses the id '{shared[0]}' twice: every input and output needs an id of its own.")
        if self.is_output_node:
            self.hidden += [wanted for wanted in (Hidden.prompt, Hidden.extra_pnginfo) if wanted not in self.hidden]


class NodeOutput:
    """The values of a node's outputs in order, and what the front end shows of them."""

    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args = args
        self.ui = ui


class Nothing:
    """The value of an output that there is nothing to give for: what is connected to it does not run."""


def nothing() -> Nothing:
    """Return such a value."""
    return Nothing()


class ComfyNode:
    """Base class of V3 nodes; all methods are class methods, and nodes hold no state."""

    hidden = HiddenHolder()

    @classmethod
    def define_schema(cls) -> Schema:
        """Return the node's schema."""
        raise NotImplementedError

    @classmethod
    def execute(cls, **kwargs: Any) -> NodeOutput:
        """Do the node's work."""
        raise NotImplementedError

    @classmethod
    def validate_inputs(cls, **kwargs: Any) -> bool | str:
        """Check the inputs that the signature names, instead of the built-in checks; linked inputs arrive as None."""
        raise NotImplementedError

    @classmethod
    def fingerprint_inputs(cls, **kwargs: Any) -> Any:
        """Return a value that changes when the node must run again though its inputs look the same."""
        raise NotImplementedError


class ComfyExtension(ABC):
    """What a node pack hands to its host."""

    @abstractmethod
    async def get_node_list(self) -> list[type[ComfyNode]]:
        """Return the pack's node classes."""


def overrides(node_class: type[ComfyNode], method: str) -> bool:
    """Return whether a node class has its own version of an optional method."""
    return getattr(node_class, method).__func__ is not getattr(ComfyNode, method).__func__


def object_info(node_class: type[ComfyNode]) -> dict[str, Any]:
    """Return what ComfyUI 0.3.64 answers at `/object_info` for this node, as plain JSON values."""
    schema = node_class.define_schema()
    inputs: dict[str, dict[str, list]] = {"required": {}}
    for item in schema.inputs:
        section = inputs.setdefault("optional" if item.optional else "required", {})
        section[item.id] = [item.get_io_type(), item.settings()]
    for wanted in schema.hidden:
        inputs.setdefault("hidden", {})[wanted.name] = [wanted.value]
    return {
        "input": inputs,
        "input_order": {section: list(items) for section, items in inputs.items()},
        "output": [output.io_type for output in schema.outputs],
        "output_is_list": [output.is_output_list for output in schema.outputs],
        "output_name": [output.display_name or output.io_type for output in schema.outputs],
        "output_tooltips": [output.tooltip or None for output in schema.outputs],
        "name": schema.node_id,
        "display_name": schema.display_name,
        "description": schema.description,
        "python_module": node_class.__module__,
        "category": schema.category,
        "output_node": schema.is_output_node,
        "deprecated": schema.is_deprecated,
        "experimental": schema.is_experimental,
        "api_node": False,
    }
