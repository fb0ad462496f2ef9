"""Vertex labels in files: .json of ours, .npy of anyone's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...files import existing_file
from ..labels import LABEL_INDEX, LABELS

LabelLayout = Literal["modiste", "4d-dress"]

# 4D-Dress numbers skin, hair, shoe, upper, lower, outer from 0. Its skin is one class; which limb a skin vertex belongs to, a body
# has to say, so it arrives as torso skin.
DRESS_4D = ("torso_skin", "hair", "shoes", "clothes", "clothes", "clothes")


def read_labels(path: Path, vertex_count: int, layout: LabelLayout = "modiste") -> Tensor:
    """Read a label for each of `vertex_count` vertices: [V] int64 indices into LABELS.

    A .npy holds [V] integers: indices into LABELS, or the classes of 4D-Dress if `layout` says so. A .json holds
    {"labels": [a name or index for each vertex]} or {a name: [vertex indices], ...} that leaves no vertex out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, names unknown labels or does not fit the mesh; pickled objects are never loaded.
    """
    path = existing_file(path)
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".json"):
        raise ValueError(f"'{path.name}' is neither .npy nor .json: give the labels in one of these.")
    values = _read_npy(path) if suffix == ".npy" else _read_json(path, vertex_count)
    if len(values) != vertex_count:
        raise ValueError(
            f"'{path.name}' has {len(values)} labels and the mesh has {vertex_count} vertices: choose the file made for it."
        )
    names = LABELS if layout == "modiste" else DRESS_4D
    unknown = sorted({value for value in np.unique(values).tolist() if not 0 <= value < len(names)})
    if unknown:
        raise ValueError(f"'{path.name}' has the labels {unknown[:5]}; they count from 0 to {len(names) - 1} ({', '.join(names)}).")
    return torch.tensor([LABEL_INDEX[name] for name in names])[torch.from_numpy(values.astype(np.int64))]


def _read_npy(path: Path) -> np.ndarray:
    """Read [V] integers; the header's size is checked against the file before memory is taken."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy's parser of headers raises whatever it trips over
        raise ValueError(f"'{path.name}' is not a whole .npy array of plain numbers: save the labels again.") from error
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"'{path.name}' has to hold one list of whole numbers, one a vertex: save the labels again.")
    return np.array(values)


def _read_json(path: Path, vertex_count: int) -> np.ndarray:
    """Read either form of .json as [V] indices into LABELS."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path.name}' is not JSON that can be read: save the labels again.") from error
    if not isinstance(data, dict):
        raise ValueError(f"'{path.name}' has to hold {{\"labels\": [...]}} or {{a label: [vertices], ...}}: save the labels again.")
    if "labels" in data:
        return _from_list(path, data["labels"])
    return _from_groups(path, data, vertex_count)


def _from_list(path: Path, labels: object) -> np.ndarray:
    """One name or index a vertex."""
    if not isinstance(labels, list):
        raise ValueError(f"'{path.name}' has to hold a list under \"labels\": save the labels again.")
    _check_names(path, [label for label in labels if not _is_index(label)])
    return np.array([label if _is_index(label) else LABEL_INDEX[label] for label in labels], dtype=np.int64)


def _from_groups(path: Path, groups: dict[str, object], vertex_count: int) -> np.ndarray:
    """A list of vertices under each name."""
    _check_names(path, list(groups))
    values = np.full(vertex_count, -1, dtype=np.int64)
    for name, vertices in groups.items():
        if not isinstance(vertices, list) or not all(_is_index(vertex) and vertex < vertex_count for vertex in vertices):
            raise ValueError(
                f"'{path.name}' has vertices under '{name}' that the mesh of {vertex_count} does not: choose its own labels."
            )
        values[vertices] = LABEL_INDEX[name]
    missing = int((values < 0).sum())
    if missing:
        raise ValueError(f"'{path.name}' leaves {missing} of {vertex_count} vertices without a label: label every vertex.")
    return values


def _check_names(path: Path, names: list[object]) -> None:
    """Refuse names that are not labels, all in one sentence."""
    unknown = sorted({repr(str(name)[:30]) for name in names if not isinstance(name, str) or name not in LABEL_INDEX})
    if unknown:
        raise ValueError(f"'{path.name}' has unknown labels ({', '.join(unknown[:5])}); the known ones are {', '.join(LABELS)}.")


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
