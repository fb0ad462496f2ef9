"""Names that a workflow gives to files: they stay inside their folder, whichever host runs it.

A workflow may come from anyone, so a name that would leave its folder (absolute, `..`, through a link) is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

DEPTH = 3  # folder levels listed: the folder itself, its subfolders and theirs
LONGEST_NAME = 255  # bytes; file systems take no longer one
OUTPUT_MARK = " [output]"  # core's mark on the name of a file that lies in the output folder


def inside(folder: Path, name: str, kind: str) -> Path:
    """Return the resolved path of `name` in `folder`; `kind` (input, model, output) names the folder in messages.

    Raises:
        ValueError: if no file can have that name, it is absolute or holds `..`, or it leads out of the folder through a link.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    windows = PureWindowsPath(name)
    if not _can_name_a_file(name):
        raise ValueError(f"{name[:40]!r} cannot be the name of a file: give a name relative to the {kind} folder.")
    if relative.is_absolute() or windows.drive or windows.root or ".." in relative.parts:
        raise ValueError(f"'{name}' leads out of the {kind} folder: give a name relative to that folder, without '..'.")
    root = folder.resolve()
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"'{name}' leads out of the {kind} folder through a link: put the file itself into '{folder}'.")
    return path


def find_file(folders: Sequence[Path], name: str, kind: str) -> Path:
    """Return the path of the file `name` in the first of the folders that has it.

    Raises:
        ValueError: if the name leads out of its folder.
        FileNotFoundError: if no folder has it; the sentence names the first folder.
    """
    for folder in folders:
        path = inside(folder, name, kind)
        if path.is_file():
            return path
    raise FileNotFoundError(f"There is no file '{name}' in the {kind} folder '{folders[0]}': put it there first.")


def find_readable(input_folder: Path, output_folder: Path, name: str) -> Path:
    """Return the path of a file in the input folder or, with core's mark " [output]" on its name, in the output folder.

    Raises:
        ValueError: if the name leads out of its folder.
        FileNotFoundError: if there is no such file.
    """
    if name.endswith(OUTPUT_MARK):
        return find_file([output_folder], name.removesuffix(OUTPUT_MARK), "output")
    return find_file([input_folder], name, "input")


def list_readable(input_folder: Path, output_folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the names that `find_readable` finds: what the user put in, then what earlier runs saved."""
    saved = [name + OUTPUT_MARK for name in list_files(output_folder, suffixes)]
    return [*list_files(input_folder, suffixes), *saved]


def list_files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the files in `folder` that `inside` accepts, with one of the suffixes (`.ply`, any case), sorted.

    Hidden files and folders are left out, as is what lies deeper than two subfolders.
    """
    root = folder.resolve()
    found = []
    pending = [(root, 1)] if root.is_dir() else []
    while pending:
        here, level = pending.pop()
        for path in here.iterdir():
            is_folder = path.is_dir()
            if path.name.startswith(".") or not (is_folder or path.name.lower().endswith(suffixes)):
                continue
            if not path.resolve().is_relative_to(root):
                continue
            if is_folder and level < DEPTH:
                pending.append((path, level + 1))
            elif path.is_file():
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def numbered_path(folder: Path, prefix: str, suffix: str, taken: Iterable[Path] = ()) -> tuple[Path, str]:
    """Return a free path `<folder>/<prefix>_<number>_<suffix>`, numbered as ComfyUI does, and its name relative to `folder`.

    The path's folder is made. `taken` are paths given out before, whether or not they have been written since.

    Raises:
        ValueError: if the prefix is empty, names a folder or leads out of `folder`, or the path's folder cannot be used.
    """
    stem = inside(folder, prefix, "output")
    if stem == folder.resolve() or prefix.endswith(("/", "\\")):
        raise ValueError(f"The file name prefix '{prefix}' names a folder: add a name for the file.")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in stem.parent.iterdir()]
    except OSError as error:
        raise ValueError(
            f"The output folder '{stem.parent}' cannot be used ({error.strerror}): choose a folder that can be written to."
        ) from error
    names += [path.name for path in taken if path.parent == stem.parent]
    numbers = [int(match[1]) for name in names if (match := re.match(re.escape(stem.name) + r"_(\d+)_", name))]
    path = stem.with_name(f"{stem.name}_{max(numbers, default=0) + 1:05}_{suffix}")
    return path, path.relative_to(folder.resolve()).as_posix()


def _can_name_a_file(name: str) -> bool:
    try:
        return bool(name.strip()) and "\0" not in name and len(os.fsencode(name)) <= LONGEST_NAME
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can carry
        return False
