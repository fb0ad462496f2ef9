"""Paths that a workflow may name: files in the input and model folders, and free names in the output folder.

A workflow may come from anyone, so a name that would leave its folder (absolute, `..`, through a link) is refused.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from .session import current

DEPTH = 3  # folder levels listed: the folder itself, its subfolders and theirs


def input_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the input files with one of the suffixes (`.ply`, any case), sorted, relative to the input folder."""
    session = current()
    return sorted({*_list(session.input_folder, suffixes), *_extra(suffixes)})


def input_path(name: str) -> Path:
    """Return the path of a file in the input folder.

    Raises:
        ValueError: if the name leads out of the input folder.
        FileNotFoundError: if there is no such file.
    """
    session = current()
    if name in session.extra_files:
        return session.extra_files[name]
    path = inside(session.input_folder, name, "input")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file '{name}' in the input folder '{session.input_folder}': put it there first.")
    return path


def model_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the model files with one of the suffixes, sorted: the user's models/modiste and what the pack ships."""
    return sorted({name for folder in current().model_folders for name in _list(folder, suffixes)} | set(_extra(suffixes)))


def model_path(name: str) -> Path:
    """Return the path of a model file.

    Raises:
        ValueError: if the name leads out of the model folders.
        FileNotFoundError: if there is no such file.
    """
    session = current()
    if name in session.extra_files:
        return session.extra_files[name]
    for folder in session.model_folders:
        path = inside(folder, name, "model")
        if path.is_file():
            return path
    raise FileNotFoundError(f"There is no model file '{name}': put it into '{session.model_folders[0]}'.")


def output_path(prefix: str, suffix: str) -> tuple[Path, str]:
    """Return a free, numbered path in the output folder (`modiste/avatar_00001_.ply`) and its name relative to that folder.

    Raises:
        ValueError: if the prefix is empty or leads out of the output folder, or the folder cannot be made.
    """
    return numbered_path(current().output_folder, prefix, suffix)


def numbered_path(folder: Path, prefix: str, suffix: str) -> tuple[Path, str]:
    """Return a free path `<folder>/<prefix>_<number>_<suffix>`, numbered as ComfyUI does, and its name relative to `folder`."""
    session = current()
    stem = inside(folder, prefix, "output")
    if stem == folder.resolve():
        raise ValueError(f"The file name prefix '{prefix}' names a folder: add a name for the file.")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in stem.parent.iterdir()]
    except OSError as error:
        raise ValueError(
            f"The output folder '{stem.parent}' cannot be used ({error.strerror}): choose a folder that can be written to."
        ) from error
    names += [path.name for path in session.written if path.parent == stem.parent]
    numbers = [int(match[1]) for name in names if (match := re.match(re.escape(stem.name) + r"_(\d+)_", name))]
    path = stem.with_name(f"{stem.name}_{max(numbers, default=0) + 1:05}_{suffix}")
    session.written.append(path)
    return path, path.relative_to(folder.resolve()).as_posix()


def inside(folder: Path, name: str, kind: str) -> Path:
    """Return the resolved path of `name` in `folder`.

    Raises:
        ValueError: if the name is absolute, holds `..`, or leads out of the folder through a link.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    windows = PureWindowsPath(name)
    if not name.strip() or "\0" in name:
        raise ValueError(f"The {kind} file name '{name}' is empty or holds a zero byte: give the name of a file.")
    if relative.is_absolute() or windows.drive or windows.root or ".." in relative.parts:
        raise ValueError(f"'{name}' leads out of the {kind} folder: give a name relative to that folder, without '..'.")
    root = folder.resolve()
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"'{name}' leads out of the {kind} folder through a link: put the file itself into '{folder}'.")
    return path


def _extra(suffixes: tuple[str, ...]) -> list[str]:
    return [name for name in current().extra_files if name.lower().endswith(suffixes)]


def _list(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Files of a folder that `inside` would accept, hidden ones left out."""
    root = folder.resolve()
    found = []
    pending = [(root, 1)] if root.is_dir() else []
    while pending:
        here, level = pending.pop()
        for path in here.iterdir():
            if path.name.startswith(".") or not path.resolve().is_relative_to(root):
                continue
            if path.is_dir() and level < DEPTH:
                pending.append((path, level + 1))
            elif path.name.lower().endswith(suffixes) and path.is_file():
                found.append(path.relative_to(root).as_posix())
    return found
