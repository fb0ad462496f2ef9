"""Whether a run's folders can be written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile


def check_writable(folder: Path) -> None:
    """Make a folder, and try to write there, so that a run fails before its hours rather than after.

    Raises:
        ValueError: if the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"Cannot make the folder '{folder}' or write there ({error.strerror}): choose a writable one.") from error
