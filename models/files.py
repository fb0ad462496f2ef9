"""Opening files that a user named, and writing files so that a failure leaves what was there before."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, with the same suffix, that takes the place of `path` when the block succeeds.

    Any failure, an interrupt too, removes the temporary file and leaves `path` as it was.

    Raises:
        ValueError: if the folder is missing, read-only or full, or `path` itself cannot be replaced.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 - the atomic primitive by its own name
    except OSError as error:
        if error.filename not in (None, str(temporary), temporary):
            raise  # about another file that the block touched
        reason = error.strerror or str(error)
        raise ValueError(
            f"Cannot write '{path.name}' in the folder '{path.parent}' ({reason}): choose a folder that is writable and has space."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def existing_file(path: Path) -> Path:
    """Return `path` if it is a file.

    Raises:
        FileNotFoundError: if there is no such file; the sentence names the file and its folder.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file '{path.name}' in the folder '{path.parent}': check the name and the folder.")
    return path


def fingerprint(path: Path) -> str:
    """Return a text that changes whenever the file is written anew: its path, size and time of change."""
    state = existing_file(path).stat()
    return f"{path}:{state.st_size}:{state.st_mtime_ns}"
