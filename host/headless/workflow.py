"""A workflow file to API format: `{node id: {"class_type", "inputs", "_meta": {"title"}}}`.

Files in UI format 0.4, as the front end saves them, are converted with comfy-cli; files in API format are taken as they are.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import WorkflowError, listing
from .schema import ComfyNode, object_info

Prompt = dict[str, dict[str, Any]]
NodeClasses = Mapping[str, type[ComfyNode]]

NOT_RUN = (2, 4)  # node modes: muted, bypassed


def load_workflow(path: Path, node_classes: NodeClasses, targets: Iterable[str] = ()) -> Prompt:
    """Read a workflow file of either format.

    Args:
        targets: what the user gives values to, as NODE or NODE.INPUT; muted and bypassed nodes among these are switched on.

    Raises:
        WorkflowError: if it is not a workflow, a link in it leads nowhere, or it needs a node that is not here.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise WorkflowError(f"Cannot read the workflow file '{path}': {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"'{path.name}' is not a workflow: it does not hold JSON.") from error
    if isinstance(content, dict) and isinstance(content.get("nodes"), list):
        _switch_on(content["nodes"], [target.lower() for target in targets])
    return to_prompt(content, node_classes, path.name)


def to_prompt(content: Any, node_classes: NodeClasses, name: str = "The workflow") -> Prompt:
    """Return parsed workflow JSON of either format in API format.

    Raises:
        WorkflowError: as `load_workflow`.
    """
    if isinstance(content, dict) and isinstance(content.get("nodes"), list):
        _check_graph(content)
        info = {kind: object_info(node_classes[kind]) for kind in _used_types(content) if kind in node_classes}
        convert = _converter()
        try:
            content = convert(content, info)
        except Exception as error:  # comfy-cli's code, which may stumble in any way over a damaged file
            raise WorkflowError(f"'{name}' cannot be read as a workflow: save it again from ComfyUI.") from error
    if not isinstance(content, dict) or not content or not all(_is_prompt_node(node) for node in content.values()):
        raise WorkflowError(f"'{name}' is not a workflow: save it from ComfyUI with Save or Export (API).")
    unknown = [node_id for node_id, node in content.items() if node["class_type"] not in node_classes]
    if unknown:
        raise WorkflowError(*(_unknown_node(node_id, content) for node_id in unknown))
    for node in content.values():
        if not (node.get("_meta") or {}).get("title"):
            node["_meta"] = {"title": node_classes[node["class_type"]].define_schema().display_name or node["class_type"]}
    return {str(node_id): node for node_id, node in content.items()}


def title_of(prompt: Prompt, node_id: str) -> str:
    """Return how messages name a node: its title and id."""
    node = prompt[node_id]
    return f"{(node.get('_meta') or {}).get('title') or node['class_type']} (#{node_id})"


def find_node(prompt: Prompt, name: str) -> str:
    """Return the id of the node with that id, or else with that title (in any case).

    Raises:
        WorkflowError: if there is none, or more than one.
    """
    if name in prompt:
        return name
    found = [node_id for node_id in prompt if title_of(prompt, node_id).rpartition(" (#")[0].lower() == name.lower()]
    if len(found) > 1:
        raise WorkflowError(f"Several nodes are called '{name}': name one by its id, {listing(found)}.")
    if not found:
        known = listing([title_of(prompt, node_id) for node_id in prompt], 30)
        raise WorkflowError(f"There is no node '{name}' here: the workflow has {known}.")
    return found[0]


def _is_prompt_node(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), dict)
        and isinstance(node.get("_meta") or {}, dict)
    )


def _unknown_node(node_id: str, prompt: Prompt) -> str:
    title, kind = title_of(prompt, node_id), prompt[node_id]["class_type"]
    if kind.startswith("Modiste"):
        return f"{title}: this version of Modiste has no node '{kind}'; update the pack."
    return f"{title}: the node '{kind}' is not among those that run without ComfyUI; run this workflow in ComfyUI."


def _used_types(content: dict[str, Any]) -> set[str]:
    """Return the node types of a UI-format workflow and of its subgraphs."""
    groups = [content["nodes"]]
    definitions = content.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    groups += [group.get("nodes") or [] for group in subgraphs or [] if isinstance(group, dict)]
    return {str(node.get("type")) for group in groups for node in group if isinstance(node, dict)}


def _check_graph(content: dict[str, Any]) -> None:
    """Refuse what the converter would drop in silence: nodes without type or id, and links that lead nowhere."""
    nodes, links = content["nodes"], content.get("links")
    if not all(isinstance(node, dict) and isinstance(node.get("type"), str) and _is_id(node.get("id")) for node in nodes):
        raise WorkflowError("A node of this workflow has no id or no type: save the workflow again from ComfyUI.")
    if not all(isinstance(node.get("inputs"), list | None) for node in nodes):
        raise WorkflowError("The inputs of a node of this workflow are not in UI format 0.4: save the workflow again from ComfyUI.")
    if not isinstance(links, list) or not all(isinstance(link, list) and len(link) >= 6 and _is_id(link[0]) for link in links):
        raise WorkflowError("The links of this workflow are not in UI format 0.4: save the workflow again from ComfyUI.")
    names = {str(node["id"]): f"{node.get('title') or node['type']} (#{node['id']})" for node in nodes}
    sources = {link[0]: str(link[1]) for link in links}
    loose = [
        f"{names[str(node['id'])]}: the link at '{item.get('name')}' comes from a node that is not in the workflow."
        for node in nodes
        if node.get("mode", 0) not in NOT_RUN
        for item in node.get("inputs") or []
        if isinstance(item, dict) and item.get("link") is not None
        if not _is_id(item["link"]) or sources.get(item["link"]) not in names
    ]
    if loose:
        raise WorkflowError(*loose)


def _switch_on(nodes: list[Any], targets: list[str]) -> None:
    """Unmute what a target names by id or title."""
    for node in nodes:
        if isinstance(node, dict) and node.get("mode") in NOT_RUN:
            names = {str(node.get("id")), str(node.get("title") or node.get("type")).lower()}
            if any(target == name or target.startswith(f"{name}.") for target in targets for name in names):
                node["mode"] = 0


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _converter() -> Callable[[dict, dict], dict]:
    """Return comfy-cli's converter.

    Importing it makes comfy-cli's configuration folder; that goes to a temporary place, so that nothing is written to the
    user's home and a read-only home does no harm. Its log speaks to developers; what matters to the user we check ourselves.
    """
    from comfy_cli import constants

    before = constants.DEFAULT_CONFIG
    with tempfile.TemporaryDirectory() as folder:
        constants.DEFAULT_CONFIG = dict.fromkeys(before, folder)
        try:
            from comfy_cli.workflow_to_api import convert_ui_to_api
        finally:
            constants.DEFAULT_CONFIG = before
    logging.getLogger("comfy_cli").addHandler(logging.NullHandler())
    return convert_ui_to_api
