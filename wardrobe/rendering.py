"""Writing data sets: samples of a kind in a layout, by worker processes, with what is listed always whole."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .layouts import dresscode, native, viton_hd
from .orbits import orbit_sample
from .pairs import pair_sample
from .samples import SHOTS, person_sample
from .workers import worker_pool

KINDS = ("people", "pairs", "avatars", "portraits")
LAYOUTS = {"native": native, "viton-hd": viton_hd, "dresscode": dresscode}
_RUN = {"people": SHOTS, "pairs": SHOTS // 2, "avatars": 1}  # samples in a row that one worker makes, since they share an outfit
_SMALLEST, _LARGEST = 32, 4096  # pixels

Record = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A data set to write.

    kind:      one of KINDS
    count:     samples 0 to count - 1 of the seed
    layout:    a name in LAYOUTS; those of others hold people only
    size:      (width, height) of the pictures
    workers:   processes; one means this one
    overwrite: whether files may be replaced in a folder that is not empty
    shots:     pictures of each outfit, None for all; fewer are for shards only
    """

    kind: str
    count: int
    seed: int
    layout: str
    output: Path
    size: tuple[int, int] = (192, 256)
    workers: int = 1
    overwrite: bool = False
    shots: int | None = None


def picture_size(text: str) -> tuple[int, int]:
    """Read "192x256" as width and height.

    Raises:
        ValueError: if it is something else.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match:
        raise ValueError(f"The size is '{text}': give width and height in pixels, such as 192x256.")
    return int(match[1]), int(match[2])


def render(request: Request, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a data set. A failure leaves samples that no list names.

    Raises:
        ValueError: if the request makes no sense, the folder is not empty, cannot be written or is full, or a worker process dies.
    """
    _check(request)
    _prepare(request)
    layout, (width, height) = LAYOUTS[request.layout], request.size
    step = _RUN[request.kind]
    runs = [range(first, min(first + step, request.count)) for first in range(0, request.count, step)]
    records, done = {}, 0
    for indices, found in _made(request, runs):
        records[indices] = found
        done += len(indices)
        if progress:
            progress(done, request.count)
    ordered = [record for indices in runs for record in records[indices]]
    if layout is native:
        native.finish(request.output, ordered, request.kind, request.seed, width, height)
    else:
        layout.finish(request.output, ordered)


def _check(request: Request) -> None:
    if request.kind not in KINDS:
        raise ValueError(f"There is no kind '{request.kind}': choose one of {', '.join(KINDS)}.")
    if request.kind == "portraits":
        raise ValueError("Portraits come with a later version: choose people, pairs or avatars.")
    if request.layout not in LAYOUTS:
        raise ValueError(f"There is no layout '{request.layout}': choose one of {', '.join(LAYOUTS)}.")
    if request.kind != "people" and request.layout != "native":
        raise ValueError(f"The layout {request.layout} holds people, not {request.kind}: write them in the layout native.")
    if request.shots is not None:
        raise ValueError("Only shards leave out pictures of an outfit: leave out --shots, or choose --layout shards.")
    if request.count < 1:
        raise ValueError(f"The count is {request.count}: ask for at least 1 sample.")
    if request.workers < 1:
        raise ValueError(f"The number of workers is {request.workers}: at least 1 is needed.")
    check_size(request.size)


def check_size(size: tuple[int, int]) -> None:
    """Check that people can be pictured at a size (width, height).

    Raises:
        ValueError: if it is too small, too large or no portrait format.
    """
    width, height = size
    if not _SMALLEST <= width <= height <= _LARGEST:
        raise ValueError(
            f"The size is {width}x{height}: people need a portrait format of {_SMALLEST} to {_LARGEST} pixels, such as 192x256."
        )


def _prepare(request: Request) -> None:
    """Make the folder, and remove the lists of a data set that is to be overwritten, since its files will change under them."""
    folder = request.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = next(folder.iterdir(), None) is None
        if not empty and not request.overwrite:
            raise ValueError(f"The output folder '{folder}' is not empty: choose another, or allow to overwrite what is there.")
        lists = LAYOUTS[request.layout].LISTS
        for name, layout in LAYOUTS.items():
            if any((folder / other).exists() for other in layout.LISTS if other not in lists):
                raise ValueError(f"The output folder '{folder}' holds a data set of the layout {name}: choose another.")
        for listed in lists:
            with contextlib.suppress(FileNotFoundError):
                (folder / listed).unlink()
    except OSError as error:
        raise ValueError(f"The output folder '{folder}' cannot be written ({error.strerror}): choose another.") from error


def _made(request: Request, runs: list[range]) -> Iterator[tuple[range, list[Record]]]:
    """Yield each run of indices with its records as it is done."""
    make = partial(_write_run, request.kind, request.layout, request.seed, request.output, request.size)
    if request.workers == 1:
        for indices in runs:
            yield indices, make(indices)
        return
    try:
        with worker_pool(min(request.workers, len(runs))) as pool:
            futures = {pool.submit(make, indices): indices for indices in runs}
            for future in as_completed(futures):
                yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise ValueError("A worker process died, most likely for want of memory: use fewer workers or a smaller size.") from error


def _write_run(kind: str, layout: str, seed: int, folder: Path, size: tuple[int, int], indices: range) -> list[Record]:
    """Make and write some samples in a row."""
    make, write = {
        "people": (person_sample, LAYOUTS[layout].write_person),
        "pairs": (pair_sample, native.write_pair),
        "avatars": (_orbit, native.write_orbit),
    }[kind]
    return [record for index in indices for record in write(folder, index, make(seed, index, *size))]


def _orbit(seed: int, index: int, width: int, height: int) -> object:
    return orbit_sample(seed, index, width=width, height=height)


def default_workers() -> int:
    """Return how many processes the machine has room for."""
    return os.cpu_count() or 1
