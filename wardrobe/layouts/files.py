"""The files of data sets: pictures, masks, arrays and lists, written whole, and read with an eye on what may be broken."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...models.files import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image

_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}  # with which a whole picture ends
_TAIL = 4096  # bytes at the end of a file that may follow its picture
_FAST = 3  # of zlib's levels, for PNG: half the time of the usual 6 for a tenth more bytes
# What readers of damaged files raise.
_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, OverflowError, LookupError, NotImplementedError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip


def write_picture(path: Path, pixels: Tensor) -> None:
    """Write a picture [H, W, 3] or [H, W] uint8, or a mask [H, W] bool, as PNG or as JPEG of the best quality."""
    from PIL import Image

    array = (pixels.to(torch.uint8) * 255 if pixels.dtype == torch.bool else pixels).contiguous().numpy()
    # At 100 masks keep every pixel on its side of the middle; colours at their own resolution keep thin stripes.
    options = {"quality": 100 if array.ndim == 2 else 95, "subsampling": 0} if path.suffix == ".jpg" else {}
    _save(Image.fromarray(array), path, options)


def write_labels(path: Path, labels: Tensor, colors: list[int]) -> None:
    """Write labels [H, W] uint8 as a PNG with a palette, so that it can be looked at too."""
    from PIL import Image

    image = Image.fromarray(labels.contiguous().numpy())
    image.putpalette(colors)
    _save(image, path, {})


def write_arrays(path: Path, **arrays: Tensor) -> None:
    """Write tensors as compressed npz."""
    with _new(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{name: array.numpy() for name, array in arrays.items()})


def write_json(path: Path, content: Any) -> None:
    with _new(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    with _new(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def picture_size(path: Path) -> tuple[int, int]:
    """Return width and height of a picture whose file is whole, without decoding it.

    Raises:
        ValueError: if it is missing, no PNG or JPEG, or cut off; the words follow the file's name.
    """
    with _opened(path) as image:
        if _ENDS[image.format] not in _tail(path):
            raise ValueError("it is cut off")
        image.verify()  # checks the sums of a PNG
        return image.size


def read_picture(path: Path) -> Tensor:
    """Read a picture [H, W, 3] uint8.

    Raises:
        ValueError: if it cannot be read.
    """
    return _read(path, "RGB")


def read_mask(path: Path) -> Tensor:
    """Read a mask [H, W] bool: what is brighter than the middle.

    Raises:
        ValueError: if it cannot be read.
    """
    return _read(path, "L") > 127


def read_labels(path: Path) -> Tensor:
    """Read labels [H, W] uint8 from a PNG with a palette, or a grey one.

    Raises:
        ValueError: if it cannot be read, or has colours in place of labels.
    """
    return _read(path, None)


def read_arrays(path: Path) -> dict[str, Tensor]:
    """Read an npz file of tensors.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except (*_BROKEN, TypeError) as error:
        raise ValueError(f"'{path}' cannot be read ({error}): write it again, or remove its sample.") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"'{path}' cannot be read ({error}): check the folder, or write the data set again.") from error


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be read ({error}): check that the folder is a data set of this layout.") from error


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """Make the folder of a file, and yield a temporary path for it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"Cannot make the folder '{path.parent}' ({reason}): choose one that is writable and has space."
        ) from error
    with atomic_write(path) as temporary:
        yield temporary


def _save(image: Image, path: Path, options: dict[str, int]) -> None:
    with _new(path) as temporary:
        image.save(temporary, compress_level=_FAST, **options)


def _read(path: Path, mode: str | None) -> Tensor:
    try:
        with _opened(path) as image:
            if mode is None and image.mode not in ("P", "L"):
                raise ValueError("it has colours in place of labels")
            return torch.from_numpy(np.array(image.convert(mode) if mode else image))
    except ValueError as error:
        raise ValueError(f"The picture '{path}' {error}: repair it, or remove it from the data set.") from error


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Yield a PNG or JPEG picture; whatever goes wrong with it is a ValueError whose words follow the file's name."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            yield image
    except FileNotFoundError:
        raise ValueError("is missing") from None
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot be read ({error})") from error


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()
