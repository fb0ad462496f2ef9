"""What the command line changes in a workflow before it runs: input files, values and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import WorkflowError, listing
from .folders import input_files, model_files
from .session import Session
from .sockets import Combo, Input, Int, WidgetInput
from .workflow import NodeClasses, Prompt, find_node, title_of


def set_value(prompt: Prompt, node_classes: NodeClasses, assignment: str) -> None:
    """Apply `NODE.INPUT=VALUE`; the value is read as the input's type when the workflow is checked.

    Raises:
        WorkflowError: if the node or input is unknown, the title is not the only one, or the input takes links only.
    """
    target, equals, value = assignment.partition("=")
    name, dot, input_id = target.rpartition(".")
    if not equals or not dot:
        raise WorkflowError(f"'--set {assignment}' is not of the form NODE.INPUT=VALUE.")
    node_id = find_node(prompt, name)
    inputs = _inputs(prompt, node_classes, node_id)
    if input_id not in inputs:
        settable = [key for key, item in inputs.items() if widget_of(item)]
        raise WorkflowError(f"{title_of(prompt, node_id)} has no input '{input_id}': it has {listing(settable) or 'none to set'}.")
    if widget_of(inputs[input_id]) is None:
        raise WorkflowError(f"{title_of(prompt, node_id)}: '{input_id}' takes a link from another node, so it cannot be set.")
    prompt[node_id]["inputs"][input_id] = value


def set_file(prompt: Prompt, node_classes: NodeClasses, session: Session, assignment: str) -> None:
    """Apply `NODE=FILE` or `NODE.INPUT=FILE`: the session gets the file, and the node's file input its name.

    Which input that is shows itself: the first whose choices hold the file's name once the session has it. Call inside
    `use(session)`.

    Raises:
        WorkflowError: if the node is unknown, the file cannot be read, or no input of the node takes it.
    """
    target, equals, file = assignment.partition("=")
    if not equals or not file:
        raise WorkflowError(f"'--input {assignment}' is not of the form NODE=FILE.")
    node_id, input_id = _file_target(prompt, node_classes, target)
    name = _register(session, Path(file))
    takers = [
        key
        for key, item in _inputs(prompt, node_classes, node_id).items()
        if isinstance(item, Combo.Input) and name in (item.options or []) and input_id in (None, key)
    ]
    if not takers:
        raise WorkflowError(f"{title_of(prompt, node_id)} has no input that takes the file '{Path(file).name}'.")
    prompt[node_id]["inputs"][takers[0]] = name


def set_seeds(prompt: Prompt, node_classes: NodeClasses, seed: int) -> None:
    """Give the first seed of the workflow `seed`, the second `seed + 1` and so on; seeds that come through a link stay."""
    for step, (node_id, key) in enumerate(_seeds(prompt, node_classes)):
        prompt[node_id]["inputs"][key] = seed + step


def first_seed(prompt: Prompt, node_classes: NodeClasses) -> Any:
    """Return the first seed of the workflow as it stands there, or None."""
    return next((prompt[node_id]["inputs"].get(key) for node_id, key in _seeds(prompt, node_classes)), None)


def widget_of(item: Input) -> WidgetInput | None:
    """Return the widget of an input that has one: the input itself, or the one a MultiType input keeps."""
    widget = getattr(item, "widget", item)
    return widget if isinstance(widget, WidgetInput) else None


def _inputs(prompt: Prompt, node_classes: NodeClasses, node_id: str) -> dict[str, Input]:
    return {item.id: item for item in node_classes[prompt[node_id]["class_type"]].define_schema().inputs}


def _seeds(prompt: Prompt, node_classes: NodeClasses) -> list[tuple[str, str]]:
    return [
        (node_id, key)
        for node_id, node in prompt.items()
        for key, item in _inputs(prompt, node_classes, node_id).items()
        if isinstance(item, Int.Input) and key in ("seed", "noise_seed") and not isinstance(node["inputs"].get(key), list)
    ]


def _file_target(prompt: Prompt, node_classes: NodeClasses, target: str) -> tuple[str, str | None]:
    """Read NODE or NODE.INPUT; a title may itself hold dots, so NODE comes first."""
    try:
        return find_node(prompt, target), None
    except WorkflowError as error:
        name, _, input_id = target.rpartition(".")
        try:
            node_id = find_node(prompt, name)
        except WorkflowError:
            raise error from None
        known = _inputs(prompt, node_classes, node_id)
        if input_id not in known:
            raise WorkflowError(f"{name} has no input '{input_id}': it has {', '.join(known)}.") from None
        return node_id, input_id


def _register(session: Session, file: Path) -> str:
    """Return the name of a file for nodes; one from outside the input folder joins the session, under a name of its own."""
    path = file.expanduser().resolve()
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise WorkflowError(f"Cannot read the input file '{file}': {error.strerror}.") from error
    known = {*input_files(("",)), *model_files(("",))}
    root = session.input_folder.resolve()
    if path.is_relative_to(root) and path.relative_to(root).as_posix() in known:
        return path.relative_to(root).as_posix()
    name, number = path.name, 2
    while name in known and session.extra_files.get(name) != path:
        name = f"{path.stem} ({number}){path.suffix}"
        number += 1
    session.extra_files[name] = path
    return name
