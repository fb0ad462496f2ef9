"""The folders of the running session: what nodes may read, and where they write."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .. import paths
from .session import current


def input_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the files with one of the suffixes (`.ply`, any case) that `input_path` finds."""
    session = current()
    return [*paths.list_readable(session.input_folder, session.output_folder, suffixes), *_extra(suffixes)]


def input_path(name: str) -> Path:
    """Return the path of a file that the user named on the command line, or that lies in the input or output folder.

    Raises:
        ValueError: if the name leads out of its folder.
        FileNotFoundError: if there is no such file.
    """
    session = current()
    return session.extra_files.get(name) or paths.find_readable(session.input_folder, session.output_folder, name)


def model_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the model files with one of the suffixes, sorted: the user's models/modiste and what the pack ships."""
    return sorted(
        {name for folder in current().model_folders for name in paths.list_files(folder, suffixes)} | set(_extra(suffixes))
    )


def model_path(name: str) -> Path:
    """Return the path of a model file, or of one that the user named on the command line.

    Raises:
        ValueError: if the name leads out of the model folders.
        FileNotFoundError: if there is no such file.
    """
    session = current()
    return session.extra_files.get(name) or paths.find_file(session.model_folders, name, "model")


def core_model_files(kind: str) -> list[str]:
    """Return the names of the safetensors files in the models folder of one of core's kinds (`checkpoints`, `loras`), sorted."""
    suffixes = (".safetensors",)
    return sorted({*paths.list_files(current().core_model_folder(kind), suffixes), *_extra(suffixes)})


def core_model_path(kind: str, name: str) -> Path:
    """Return the path of a model file of one of core's kinds, or of one that the user named on the command line.

    Raises:
        ValueError: if the name leads out of the folder.
        FileNotFoundError: if there is no such file.
    """
    session = current()
    return session.extra_files.get(name) or paths.find_file([session.core_model_folder(kind)], name, "model")


def output_path(prefix: str, suffix: str) -> tuple[Path, str]:
    """Return a free, numbered path in the output folder (`modiste/avatar_00001_.ply`) and its name relative to that folder.

    Raises:
        ValueError: if the prefix is empty or leads out of the output folder, or the folder cannot be used.
    """
    return numbered_path(current().output_folder, prefix, suffix)


def numbered_path(folder: Path, prefix: str, suffix: str) -> tuple[Path, str]:
    """Return a free path `<folder>/<prefix>_<number>_<suffix>` and its name relative to `folder`; the session notes it."""
    session = current()
    path, name = paths.numbered_path(folder, prefix, suffix, taken=session.written)
    session.written.append(path)
    return path, name


def writing_problem(folder: Path) -> str | None:
    """Return why a folder, which need not exist yet, cannot be written to, or None; nothing stays behind."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as error:
        return error.strerror


def also_written(*paths: Path) -> None:
    """Note files that a node wrote beside one from `output_path`, as outputs of the run."""
    current().written.extend(paths)


def _extra(suffixes: tuple[str, ...]) -> list[str]:
    return [name for name in current().extra_files if name.lower().endswith(suffixes)]
