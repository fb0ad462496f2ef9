"""The header of a PLY file, the same for Gaussians and meshes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_HEADER_BYTES = 1 << 16

SCALARS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip

ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


@dataclass(frozen=True)
class PlyElement:
    """One element of a header: `count` rows of scalar properties (name -> numpy type code); `lists` names its list properties."""

    name: str
    count: int
    properties: dict[str, str]
    lists: tuple[str, ...]


@dataclass(frozen=True)
class PlyHeader:
    """A parsed header; `order` is the numpy byte order of the body, "" for text, and `size` the header's length in bytes."""

    order: str
    elements: tuple[PlyElement, ...]
    comments: tuple[str, ...]
    size: int

    def element(self, name: str) -> PlyElement | None:
        """Return the element of that name, or None."""
        return next((element for element in self.elements if element.name == name), None)


def read_ply_header(path: Path, stream: BinaryIO) -> PlyHeader:
    """Parse the header at the start of `stream` and leave the stream at the body.

    Raises:
        ValueError: if it is not a PLY header, is longer than 64 KiB or contradicts itself.
    """
    if stream.readline(8).strip() != b"ply":
        raise ValueError(f"'{path.name}' is not a PLY file: choose one, or give the file the ending that fits it.")
    lines = []
    while True:
        line = stream.readline(MAX_HEADER_BYTES)
        words = line.decode("latin-1").split()
        if words == ["end_header"]:
            return _parse(path, lines, stream.tell())
        if not line.endswith(b"\n") or stream.tell() > MAX_HEADER_BYTES:
            raise ValueError(f"'{path.name}' has a PLY header without an end: the file is damaged or not a PLY.")
        lines.append(words)


def _parse(path: Path, lines: list[list[str]], size: int) -> PlyHeader:
    """Turn the words of each header line into a PlyHeader."""
    order, comments, elements = None, [], []
    for words in lines:
        match words:
            case ["format", name, "1.0"] if order is None and name in ORDERS:
                order = ORDERS[name]
            case ["comment" | "obj_info", *text]:
                comments.append(" ".join(text))
            case ["element", name, count] if count.isascii() and count.isdecimal() and len(count) < 16:
                elements.append(PlyElement(name, int(count), {}, ()))
            case ["property", kind, name] if kind in SCALARS and elements and name not in elements[-1].properties:
                elements[-1].properties[name] = SCALARS[kind]
            case ["property", "list", length, kind, name] if length in SCALARS and kind in SCALARS and elements:
                last = elements[-1]
                elements[-1] = PlyElement(last.name, last.count, last.properties, (*last.lists, name))
            case []:
                pass
            case _:
                shown = " ".join(words)[:60]
                raise ValueError(f"'{path.name}' has a PLY header line that makes no sense ({shown!r}): the file is damaged.")
    names = [element.name for element in elements]
    if order is None or len(set(names)) != len(names):
        raise ValueError(f"'{path.name}' has a PLY header without a format or with an element twice: the file is damaged.")
    return PlyHeader(order, tuple(elements), tuple(comments), size)
