"""Reading npz files that a user brings: headers first, never a pickle."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..files import existing_file

# What zipfile, zlib and numpy raise on files that are cut short, altered or of another kind.
DAMAGE = (ValueError, OSError, EOFError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error)


class ArrayHeader(NamedTuple):
    """What an array of an npz file says about itself, before a byte of it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def pickled(self) -> bool:
        """True for arrays of Python objects, which only unpickling could read."""
        return self.dtype.hasobject


@dataclass(frozen=True)
class Npz:
    """An open npz file: the headers of its arrays, and `read` for those whose header was found good."""

    name: str
    headers: dict[str, ArrayHeader]
    archive: zipfile.ZipFile

    def read(self, key: str) -> np.ndarray:
        """Return one array as float64 or int64.

        Raises:
            ValueError: if the array is cut short, damaged, pickled or not of numbers.
        """
        if self.headers[key].dtype.kind not in "fiu":
            raise ValueError(
                f"'{self.name}' has no plain numbers under '{key}', and pickled objects are never loaded: save numbers."
            )
        try:
            with self.archive.open(f"{key}.npy") as stream:
                array = np.lib.format.read_array(stream, allow_pickle=False)
        except DAMAGE as error:
            raise _damaged(self.name) from error
        return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an npz file and read the headers of its arrays, nothing else.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no npz file, or is damaged.
    """
    path = existing_file(path)
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise _damaged(path.name) from error
    with archive:
        try:
            headers = {info.filename[:-4]: _header(archive, info) for info in archive.infolist() if info.filename.endswith(".npy")}
        except DAMAGE as error:
            raise _damaged(path.name) from error
        yield Npz(path.name, headers, archive)


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        stored = info.file_size - stream.tell()
    if not dtype.hasobject and stored != math.prod(shape) * dtype.itemsize:
        raise ValueError("the array's size is not what its header says")
    return ArrayHeader(shape, dtype)


def _damaged(name: str) -> ValueError:
    return ValueError(f"'{name}' is not an npz file or is damaged: save it again, with numpy.savez.")
