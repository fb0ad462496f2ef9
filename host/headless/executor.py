"""Runs a checked workflow: each node once, after those it takes from, and not at all if its result is still known."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import WorkflowError, missing_package
from .progress import check_interrupt
from .schema import ComfyNode, Hidden, HiddenHolder, NodeOutput, Nothing, overrides
from .session import Session, use
from .validation import Link, PlannedNode, plan
from .workflow import NodeClasses, Prompt


@dataclass(frozen=True)
class NodeResult:
    """What one node gave: `outputs` holds a list of items for each output, `files` every path it was handed to write to."""

    outputs: list[list[Any]]
    ui: list[dict[str, Any]]
    files: list[Path]


@dataclass(frozen=True)
class RunResult:
    """What a run gave: the result of each node by id, the files in the order they were written, how many nodes really ran."""

    results: dict[str, NodeResult]
    files: list[Path]
    nodes_run: int


class Executor:
    """Runs workflows with the given nodes; results of the last run are kept for the next one.

    A result is known by what it came from: the node, its values, and the same of all nodes before it.
    """

    def __init__(self, node_classes: NodeClasses, session: Session) -> None:
        self.node_classes = node_classes
        self.session = session
        self.known: dict[str, NodeResult] = {}

    def run(self, prompt: Prompt) -> RunResult:
        """Check and run a workflow.

        Raises:
            WorkflowError: if the workflow has a problem, a node fails, or a node did not write a file it had announced.
            KeyboardInterrupt: if the run was cancelled.
        """
        import torch

        with use(self.session), torch.inference_mode():  # as ComfyUI runs nodes
            nodes = plan(prompt, self.node_classes)
            keys: dict[str, str] = {}
            results: dict[str, NodeResult] = {}
            nodes_run = 0
            for index, node in enumerate(nodes, 1):
                check_interrupt()
                keys[node.id] = _key(node, keys)
                known = self.known.get(keys[node.id])
                if known is None or not all(path.exists() for path in known.files):
                    calls = _calls(node, results)
                    if all(map(_stopped, calls)):
                        known = NodeResult(_nothing_for(node), [], [])
                    else:
                        if self.session.reporter:
                            self.session.reporter.start(node.title, index, len(nodes))
                        known = self._run_node(node, prompt, calls)
                        nodes_run += 1
                    self.known[keys[node.id]] = known
                results[node.id] = known
            self.known = {key: self.known[key] for key in keys.values()}
        files = dict.fromkeys(path for node in nodes for path in results[node.id].files)
        return RunResult(results, list(files), nodes_run)

    def _run_node(self, node: PlannedNode, prompt: Prompt, calls: list[dict[str, Any]]) -> NodeResult:
        written = len(self.session.written)
        try:
            replies = [_call(node, prompt, arguments) for arguments in calls]
            outputs = _collect(node, replies)
        except (ValueError, FileNotFoundError) as error:
            raise WorkflowError(f"{node.title}: {error}") from error
        except ModuleNotFoundError as error:
            raise WorkflowError(f"{node.title}: {missing_package(error)}") from error
        except Exception as error:
            reason = str(error).strip().partition("\n")[0] or "no reason given"
            raise WorkflowError(f"{node.title}: failed with {type(error).__name__}, {reason}") from error
        files = list(dict.fromkeys(self.session.written[written:]))
        missing = [path for path in files if not path.exists()]
        if missing:
            raise WorkflowError(f"{node.title}: did not write '{missing[0]}'.")
        return NodeResult(outputs, [reply.ui for reply in replies if reply.ui], files)


def _key(node: PlannedNode, keys: dict[str, str]) -> str:
    """Return a hash of everything the node's result depends on."""
    inputs = {
        key: ["link", keys[value.node], value.slot] if isinstance(value, Link) else ["value", value]
        for key, value in node.inputs.items()
    }
    alone = node.schema.not_idempotent or Hidden.unique_id in node.schema.hidden
    fingerprint = None
    if overrides(node.node_class, "fingerprint_inputs"):
        values = {key: None if isinstance(value, Link) else value for key, value in node.inputs.items()}
        try:
            fingerprint = node.node_class.fingerprint_inputs(**values)
        except (ValueError, OSError) as error:
            raise WorkflowError(f"{node.title}: {error}") from error
    parts = [node.schema.node_id, node.id if alone else None, inputs, repr(fingerprint)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


def _calls(node: PlannedNode, results: dict[str, NodeResult]) -> list[dict[str, Any]]:
    """Return the arguments of each call: one call with the lists, or one per item, the last item of shorter lists repeating."""
    values = {
        key: results[value.node].outputs[value.slot] if isinstance(value, Link) else [value] for key, value in node.inputs.items()
    }
    if node.schema.is_input_list:
        return [values]
    empty = [key for key, items in values.items() if not items]
    if empty:
        raise WorkflowError(f"{node.title}: '{empty[0]}' was given an empty list, so there is nothing to work on.")
    count = max(map(len, values.values()), default=1)
    return [{key: items[min(index, len(items) - 1)] for key, items in values.items()} for index in range(count)]


def _nothing_for(node: PlannedNode) -> list[list[Any]]:
    return [[Nothing()] for _ in node.schema.outputs]


def _call(node: PlannedNode, prompt: Prompt, arguments: dict[str, Any]) -> NodeOutput:
    wanted = {Hidden.unique_id: node.id, Hidden.prompt: prompt, Hidden.extra_pnginfo: {}}
    if _stopped(arguments):
        return NodeOutput(
            *(items if out.is_output_list else items[0] for out, items in zip(node.schema.outputs, _nothing_for(node), strict=True))
        )
    hidden = HiddenHolder(**{key.name: value for key, value in wanted.items() if key in node.schema.hidden})
    node_class: type[ComfyNode] = type(node.node_class.__name__, (node.node_class,), {"hidden": hidden})
    reply = node_class.execute(**arguments)
    if inspect.isawaitable(reply):
        reply = asyncio.run(_wait(reply))
    if reply is None:
        reply = NodeOutput()
    if not isinstance(reply, NodeOutput):
        raise TypeError(f"execute returned {type(reply).__name__} instead of io.NodeOutput")
    ui = reply.ui.as_dict() if hasattr(reply.ui, "as_dict") else reply.ui
    return NodeOutput(*reply.args, ui=ui)


def _stopped(arguments: dict[str, Any]) -> bool:
    """Whether a node before this one had nothing to give to it."""
    items = [item for value in arguments.values() for item in (value if isinstance(value, list) else [value])]
    return any(isinstance(item, Nothing) for item in items)


async def _wait(reply: Any) -> Any:
    return await reply


def _collect(node: PlannedNode, replies: list[NodeOutput]) -> list[list[Any]]:
    """Return the items of each output over all calls; the list of an output list counts as its items."""
    outputs: list[list[Any]] = [[] for _ in node.schema.outputs]
    for reply in replies:
        if len(reply.args) != len(outputs):
            raise TypeError(f"execute returned {len(reply.args)} values for {len(outputs)} outputs")
        for items, output, value in zip(outputs, node.schema.outputs, reply.args, strict=True):
            items.extend(value if output.is_output_list else [value])
    return outputs
