"""Checks a workflow whole before any of it runs, and plans the order in which it will.

As in ComfyUI, only the nodes that an output node needs are checked and run.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .errors import WorkflowError, listing
from .overrides import widget_of
from .schema import ComfyNode, Schema, overrides
from .sockets import Boolean, Combo, Float, Input, Int, String, WidgetInput
from .workflow import NodeClasses, Prompt, title_of

JSON_TYPES = ("LOAD_3D", "LOAD3D_CAMERA", "*")  # types without a widget here whose values may stand in the file


@dataclass(frozen=True)
class Link:
    """An input that comes from output `slot` of node `node`."""

    node: str
    slot: int


@dataclass(frozen=True)
class PlannedNode:
    """One node that will run; `inputs` holds a Link or a checked value for each input that has one."""

    id: str
    title: str
    node_class: type[ComfyNode]
    schema: Schema
    inputs: dict[str, Any]


def plan(prompt: Prompt, node_classes: NodeClasses) -> list[PlannedNode]:
    """Check a workflow and return the nodes that its outputs need, each after those it takes from.

    Raises:
        WorkflowError: with a sentence for every problem found.
    """
    schemas = {node_id: node_classes[node["class_type"]].define_schema() for node_id, node in prompt.items()}
    pending = [node_id for node_id, schema in schemas.items() if schema.is_output_node]
    if not pending:
        raise WorkflowError("This workflow has no output node, so there is nothing to run: add one such as Save Image.")
    problems: list[str] = []
    planned: dict[str, PlannedNode] = {}
    while pending:
        node_id = pending.pop()
        if node_id in planned:
            continue
        check = _NodeCheck(prompt, schemas, node_id, node_classes[prompt[node_id]["class_type"]])
        planned[node_id] = check.run()
        problems += [f"{title_of(prompt, node_id)}: {problem}" for problem in check.problems]
        pending += [value.node for value in planned[node_id].inputs.values() if isinstance(value, Link)]
    needs = {
        node_id: [value.node for value in planned[node_id].inputs.values() if isinstance(value, Link)]
        for node_id in prompt
        if node_id in planned
    }
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " -> ".join(title_of(prompt, node_id) for node_id in error.args[1])
        raise WorkflowError(*problems, f"The links run in a circle: {circle}; take one of them out.") from error
    if problems:
        raise WorkflowError(*problems)
    return [planned[node_id] for node_id in order]


def read_value(value: Any, widget: WidgetInput) -> Any:
    """Return a value from a file or the command line as the type of its widget; ranges and choices are not looked at.

    Raises:
        ValueError: if it cannot be read so.
    """
    if isinstance(widget, Combo.Input):
        return next((option for option in widget.options or [] if str(option) == str(value)), value)
    for kind, (read, name) in READERS.items():
        if isinstance(widget, kind):
            try:
                return read(value)
            except (ValueError, TypeError, OverflowError, KeyError):
                raise ValueError(f"needs {name}, not {value!r}") from None
    return value


def check_value(value: Any, widget: WidgetInput) -> None:
    """Check a value of the right type against the range or choices of its widget.

    Raises:
        ValueError: if it is outside.
    """
    if isinstance(widget, Combo.Input):
        options = widget.options or []
        if not options:
            raise ValueError("has nothing to choose from yet: put a file where this node looks for it, or name one with --input")
        if value not in options:
            raise ValueError(f"is {value!r}, which is not one of its choices: {listing([str(option) for option in options])}")
    if isinstance(widget, Int.Input | Float.Input):
        if widget.min is not None and value < widget.min:
            raise ValueError(f"is {value}, and the least it can be is {widget.min}")
        if widget.max is not None and value > widget.max:
            raise ValueError(f"is {value}, and the most it can be is {widget.max}")


def types_fit(given: str | list, taken: str) -> bool:
    """Return whether an output's type may go into an input, either of which may name several types or any (`*`)."""
    kinds = {"COMBO"} if isinstance(given, list) else set(given.split(","))
    wanted = set(taken.split(","))
    return "*" in kinds | wanted or bool(kinds & wanted)


class _NodeCheck:
    """The check of one node: `run` reads its inputs and gathers `problems`."""

    def __init__(self, prompt: Prompt, schemas: dict[str, Schema], node_id: str, node_class: type[ComfyNode]) -> None:
        self.prompt = prompt
        self.schemas = schemas
        self.node_id = node_id
        self.node_class = node_class
        self.problems: list[str] = []

    def run(self) -> PlannedNode:
        schema = self.schemas[self.node_id]
        given = self.prompt[self.node_id]["inputs"]
        own_checks = _own_checks(self.node_class, [item.id for item in schema.inputs])
        inputs: dict[str, Any] = {}
        for item in schema.inputs:
            try:
                value = self._read(item, given.get(item.id), item.id not in own_checks)
            except ValueError as error:
                self.problems.append(f"'{item.display_name or item.id}' {error}.")
                continue
            if value is not None:
                inputs[item.id] = value
        if own_checks and not self.problems:
            self._run_own_checks({key: inputs[key] for key in own_checks if key in inputs})
        return PlannedNode(self.node_id, title_of(self.prompt, self.node_id), self.node_class, schema, inputs)

    def _read(self, item: Input, value: Any, checked: bool) -> Any:
        if isinstance(value, list):
            return self._read_link(item, value)
        if isinstance(value, dict) and "__value__" in value:  # how API format marks a list that is no link
            value = value["__value__"]
        widget = widget_of(item)
        if value is None:
            if not item.optional:
                raise ValueError("has no value" if widget else f"is not connected: it takes {item.get_io_type()}")
            return None
        if widget is None:
            if item.get_io_type() not in JSON_TYPES:
                raise ValueError(f"takes a link that gives {item.get_io_type()}, not the value {value!r}")
            return value
        value = read_value(value, widget)
        if checked:
            check_value(value, widget)
        return value

    def _read_link(self, item: Input, value: list) -> Link:
        if len(value) != 2 or isinstance(value[1], bool) or not isinstance(value[1], int):
            raise ValueError(f"has the bad link {value!r}: a link is [node id, output number]")
        link = Link(str(value[0]), value[1])
        if link.node not in self.prompt:
            raise ValueError(f"is linked to node #{link.node}, which is not in the workflow")
        outputs = self.schemas[link.node].outputs
        source = title_of(self.prompt, link.node)
        if not 0 <= link.slot < len(outputs):
            raise ValueError(f"is linked to output {link.slot} of {source}, which has {len(outputs)}")
        given = outputs[link.slot].io_type
        if not types_fit(given, item.get_io_type()):
            raise ValueError(f"takes {item.get_io_type()}, but {source} gives it {given}")
        return link

    def _run_own_checks(self, inputs: dict[str, Any]) -> None:
        values = {key: None if isinstance(value, Link) else value for key, value in inputs.items()}
        try:
            answer = self.node_class.validate_inputs(**values)
        except (ValueError, OSError) as error:
            answer = str(error)
        if answer is not True:
            self.problems.append(str(answer) if answer else f"its inputs {listing(list(values))} do not go together.")


def _own_checks(node_class: type[ComfyNode], input_ids: list[str]) -> list[str]:
    """Return the inputs that the node's own `validate_inputs` answers for."""
    if not overrides(node_class, "validate_inputs"):
        return []
    parameters = inspect.signature(node_class.validate_inputs).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return input_ids
    return [key for key in input_ids if key in parameters]


def _whole_number(value: Any) -> int:
    number = value if isinstance(value, int) else float(value)
    if isinstance(value, bool) or not float(number).is_integer():
        raise ValueError
    return int(value) if isinstance(value, str) and value.strip("+- ").isdigit() else int(number)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    return WORDS[str(value).strip().lower()]


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
READERS = {
    Int.Input: (_whole_number, "a whole number"),
    Float.Input: (_number, "a number"),
    Boolean.Input: (_truth, "true or false"),
    String.Input: (_text, "text"),
}
