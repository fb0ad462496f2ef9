"""Gaussians in Niantic's .spz, versions 2 and 3.

A gzip stream of a 16-byte header (magic, version, count, SH degree, fractional bits, flags, reserved) and one array an attribute:
positions (24-bit fixed point), opacities, colours, scales, rotations, spherical harmonics (coefficient after coefficient, red green
blue inside). The version decides the rotation: three bytes x y z in 2, the smallest three in 10 bits each in 3.

The format's own axes are RUB: right, up, back, which is our Y-up world. ComfyUI's viewer and nodes however treat .spz like every
other splat, Y down; files we write Y down say so in the comment field of the gzip header, which other readers skip.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...files import atomic_write, existing_file
from ...geometry import Gaussians
from ...geometry.spherical_harmonics import sh_degree
from .checks import checked_gaussians
from .orientation import MARKS, Up, from_file_axes, to_file_axes

HEADER = struct.Struct("<IIIBBBB")
MAGIC = 0x5053474E
MAX_COUNT = 5_000_000
MAX_BYTES = 1 << 30  # of the stream and the float32 values it becomes: 3.5 million Gaussians of degree 3
FLOAT = 4  # bytes
FRACTIONAL_BITS = 12  # steps of 0.24 mm, up to 2048 m from the origin
COLOR_SCALE = 0.15
GZIP_HEADER = struct.Struct("<BBBBIBB")
GZIP_COMMENT = 0x10


def read_spz(path: Path, up: Up = "auto") -> Gaussians:
    """Read an .spz file as Y-up Gaussians.

    Args:
        up: the up axis in the file; "auto" follows our own mark and takes other files as Y up, as the format says.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not an .spz of version 2 or 3, is damaged, or holds more than 5 million Gaussians or 1 GB.
    """
    path = existing_file(path)
    data = path.read_bytes()
    version, count, degree, fraction, body = _unpack(path, data)
    widths = _widths(version, degree)
    parts = np.split(body, np.cumsum(widths[:-1]) * count)
    position, opacity, color, scale, rotation, rest = (
        part.reshape(count, width) for part, width in zip(parts, widths, strict=True)
    )
    gaussians = checked_gaussians(
        path,
        positions=_float(_signed_24(position)) * 0.5**fraction,
        scales=(_float(scale) / 16 - 10).exp(),
        rotations=_float(_read_first_three(rotation) if version == 2 else _read_smallest_three(rotation)),
        opacities=_float(opacity[:, 0]) / 255,
        sh=_read_sh(color, rest),
    )
    marks = data[GZIP_HEADER.size : GZIP_HEADER.size + 32].split(b"\0")[0] if data[3] == GZIP_COMMENT else b""
    return from_file_axes(gaussians, up, marks.decode("latin-1"), unmarked="y-up")


def write_spz(path: Path, gaussians: Gaussians, version: int = 3, up: Up = "y-down") -> None:
    """Write Gaussians as .spz; spherical harmonics keep 8 bits and are clipped to -1..1 beyond degree 0.

    Raises:
        ValueError: if the version is not 2 or 3, a centre is more than 2 km away, or the file cannot be written.
    """
    turned = to_file_axes(gaussians, up)
    if version not in (2, 3):
        raise ValueError(f"Version {version} of .spz cannot be written: choose 2 or 3.")
    fixed = (turned.positions.double() * 2**FRACTIONAL_BITS).round()
    if fixed.abs().max() >= 2**23:
        raise ValueError(f"'{Path(path).name}' cannot hold Gaussians more than 2 km from the origin: move them, or save as PLY.")
    rotation = turned.rotations.double()
    arrays = [
        fixed.numpy().astype("<i4").view(np.uint8).reshape(-1, 3, 4)[..., :3],
        _bytes(turned.opacities.double() * 255),
        _bytes((turned.sh[:, 0].double() * COLOR_SCALE + 0.5) * 255),
        _bytes((turned.scales.double().log() + 10) * 16),
        _write_first_three(rotation) if version == 2 else _write_smallest_three(rotation),
        _bytes(turned.sh[:, 1:].double() * 128 + 128),
    ]
    header = HEADER.pack(MAGIC, version, len(turned), sh_degree(turned.sh), FRACTIONAL_BITS, 0, 0)
    body = b"".join([header, *(array.tobytes() for array in arrays)])
    with atomic_write(path) as temporary:
        temporary.write_bytes(_gzip(body, MARKS[up]))


def _unpack(path: Path, data: bytes) -> tuple[int, int, int, int, np.ndarray]:
    """Check the header and decompress exactly what it promises: version, count, degree, fractional bits, bytes [n]."""
    if data[:4] == struct.pack("<I", MAGIC):
        raise ValueError(f"'{path.name}' is an .spz of version 4 or later: save it as version 2 or 3, or as PLY.")
    stream = zlib.decompressobj(wbits=31)
    try:
        head = stream.decompress(data, HEADER.size)
        if len(head) < HEADER.size or HEADER.unpack(head)[0] != MAGIC:
            raise ValueError(f"'{path.name}' is not an .spz file: choose one, or give the file the ending that fits it.")
        _, version, count, degree, fraction, _, _ = HEADER.unpack(head)
        if version not in (2, 3) or degree > 3 or fraction > 24:
            raise ValueError(
                f"'{path.name}' is an .spz of version {version} and degree {degree}; versions 2 and 3 with degrees 0 to 3 can be "
                "read: save it as one of these, or as PLY."
            )
        if count > MAX_COUNT:
            raise ValueError(f"'{path.name}' promises {count} Gaussians; at most {MAX_COUNT} are read: make it smaller.")
        size = count * sum(_widths(version, degree))
        unpacked = size + count * FLOAT * (11 + 3 * (degree + 1) ** 2)
        if unpacked > MAX_BYTES:
            raise ValueError(
                f"'{path.name}' promises {count} Gaussians of degree {degree}, which take {unpacked >> 20} MB of memory; at most "
                f"{MAX_BYTES >> 20} MB are read: lower the degree or the count."
            )
        body = stream.decompress(stream.unconsumed_tail, size) if size else b""
        more = stream.decompress(stream.unconsumed_tail, 1)  # none in most files: reaching their end checks the CRC
    except zlib.error as error:
        raise ValueError(f"'{path.name}' is not an .spz file or is damaged ({error}): copy or export it again.") from error
    if len(body) < size or not (more or stream.eof):
        raise ValueError(f"'{path.name}' promises {count} Gaussians and ends before them: copy or export it again.")
    return version, count, degree, fraction, np.frombuffer(body, np.uint8)


def _widths(version: int, degree: int) -> tuple[int, ...]:
    """Bytes a Gaussian takes in each array: position, opacity, colour, scale, rotation, spherical harmonics."""
    return 9, 1, 3, 3, 3 if version == 2 else 4, 3 * ((degree + 1) ** 2 - 1)


def _gzip(body: bytes, comment: str) -> bytes:
    """Compress as gzip with a comment, the same bytes for the same input (no time, no file name)."""
    deflate = zlib.compressobj(wbits=-15)
    header = GZIP_HEADER.pack(0x1F, 0x8B, 8, GZIP_COMMENT, 0, 0, 255)
    packed = deflate.compress(body) + deflate.flush()
    return header + comment.encode("ascii") + b"\0" + packed + struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _bytes(values: Tensor) -> np.ndarray:
    return values.round().clamp(0, 255).numpy().astype(np.uint8)


def _read_sh(color: np.ndarray, rest: np.ndarray) -> Tensor:
    """Spherical harmonics [N, K, 3], in place since they are most of a file."""
    sh = np.empty((len(color), 1 + rest.shape[1] // 3, 3), np.float32)
    sh[:, 0] = (color.astype(np.float32) / 255 - 0.5) / COLOR_SCALE
    higher = sh[:, 1:]
    higher[:] = rest.reshape(higher.shape)
    higher /= 128
    higher -= 1
    return torch.from_numpy(sh)


def _signed_24(triples: np.ndarray) -> np.ndarray:
    """Little-endian signed 24-bit integers [N, 3] from bytes [N, 9]."""
    low, middle, high = np.moveaxis(triples.reshape(-1, 3, 3).astype(np.int32), -1, 0)
    return (high << 24 | middle << 16 | low << 8) >> 8


def _read_first_three(packed: np.ndarray) -> np.ndarray:
    """Version 2: quaternions [N, 4] w x y z from bytes x y z, w being what is left."""
    xyz = packed / 127.5 - 1.0
    w = np.sqrt(np.maximum(1.0 - (xyz**2).sum(1, keepdims=True), 0.0))
    return np.concatenate([w, xyz], axis=1)


def _write_first_three(rotations: Tensor) -> np.ndarray:
    """Version 2: bytes x y z [N, 3] of unit quaternions, taken with w >= 0."""
    upright = torch.where(rotations[:, :1] < 0, -rotations, rotations)
    return _bytes(upright[:, 1:] * 127.5 + 127.5)


def _read_smallest_three(packed: np.ndarray) -> np.ndarray:
    """Version 3: quaternions [N, 4] w x y z from 32 bits.

    The top two bits name the largest of x y z w; the others follow in that order, each a sign bit and nine bits up to 1/sqrt(2).
    """
    bits = np.ascontiguousarray(packed).view("<u4")[:, 0].astype(np.int64)
    largest = bits >> 30
    places = _other_places(largest)
    values = np.zeros((len(bits), 4))
    for column, shift in enumerate((20, 10, 0)):
        field = bits >> shift
        magnitude = (field & 511) / 511 * math.sqrt(0.5)
        values[np.arange(len(bits)), places[:, column]] = np.where(field & 512, -magnitude, magnitude)
    values[np.arange(len(bits)), largest] = np.sqrt(np.maximum(1.0 - (values**2).sum(1), 0.0))
    return values[:, [3, 0, 1, 2]]


def _write_smallest_three(rotations: Tensor) -> np.ndarray:
    """Version 3: 32 bits [N] of unit quaternions [N, 4] w x y z; see _read_smallest_three."""
    xyzw = rotations.numpy()[:, [1, 2, 3, 0]]
    largest = np.abs(xyzw).argmax(1)
    row = np.arange(len(xyzw))
    xyzw = xyzw * np.where(xyzw[row, largest] < 0, -1.0, 1.0)[:, None]
    bits = largest.astype(np.int64)
    for place in _other_places(largest).T:
        value = xyzw[row, place]
        magnitude = np.minimum(np.abs(value) * math.sqrt(2) * 511 + 0.5, 511).astype(np.int64)
        bits = bits << 10 | (value < 0).astype(np.int64) << 9 | magnitude
    return bits.astype("<u4")


def _other_places(largest: np.ndarray) -> np.ndarray:
    """The three indices [N, 3] of 0..3 without the given one [N], rising."""
    table = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    return table[largest]
