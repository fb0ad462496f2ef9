"""Rendered wardrobe samples on disk: many to a file, read one by one at random.

A shard holds the pictures of SHARD samples in a row, or of the first few of each outfit among them, as the tensors `people`,
`portrait_flats` and `landscape_flats`, each [N, H, W, 3] uint8, as `people_parts` and so on what every second pixel of every
second row shows, [N, H/2, W/2] uint8 index into PARTS, and in its header a JSON list of the same name with what is known of each
picture. A flat that several samples share is there once. File names carry the seed and the first index: a folder grows by rendering
more, and a stopped rendering goes on where it stopped.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import as_completed
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.utils.data import Dataset

from ...models.weights.tensors import save_tensors
from ...wardrobe.slots import PART_INDEX
from ...wardrobe.workers import worker_pool
from .files import check_writable

if TYPE_CHECKING:
    from ...wardrobe.samples import GarmentTruth

SHARD = 96  # a multiple of the wardrobe's SHOTS, so that no outfit is dressed twice
PICTURES = ("people", "portrait_flats", "landscape_flats")


def render_shards(
    folder: Path,
    seed: int,
    start: int,
    count: int,
    size: tuple[int, int] = (192, 256),
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    shots: int | None = None,
) -> None:
    """Render the samples `start` to `start + count` of a seed at a size (width, height), skipping shards that exist.

    Every worker is a process of one thread. A failure leaves whole shards only.

    Args:
        shots: how many of the wardrobe's SHOTS of each outfit to take, None for all: fewer give more outfits in the same time,
            which is what a network that is to read clothes it has never seen needs.

    Raises:
        ValueError: if `start` or `count` is no multiple of SHARD or `count` is not positive, `shots` is not in 1..SHOTS, a shard
            that exists is none or of another size or number of shots, or the folder cannot be written or is full.
    """
    from ...wardrobe.samples import SHOTS

    shots = SHOTS if shots is None else shots
    if not 1 <= shots <= SHOTS:
        raise ValueError(f"There are {SHOTS} pictures of each outfit: --shots is {shots}, and should be from 1 to {SHOTS}.")
    if count <= 0 or count % SHARD or start % SHARD or start < 0:
        raise ValueError(
            f"Shards hold {SHARD} samples each: start and count are {start} and {count}, and should be multiples of it."
        )
    check_writable(folder)
    for leftover in folder.glob(".*.tmp.safetensors"):
        leftover.unlink()
    firsts = range(start, start + count, SHARD)
    missing = [first for first in firsts if not _finished(_path(folder, seed, first), size, SHARD * shots // SHOTS)]
    done = count - SHARD * len(missing)
    with worker_pool(workers) as pool:
        for future in as_completed([pool.submit(_render_shard, folder, seed, first, size, shots) for first in missing]):
            future.result()
            done += SHARD
            if progress:
                progress(done, count)


class ShardPictures(Dataset):
    """Pictures of one kind in a folder of shards, with what is known of each: item i is (Tensor [H, W, 3] uint8, dict).

    A person's dict has `caption`, `index` and `garments` (a list of dicts with slot, cut, pattern, color, words, named,
    occlusion); a flat's has `caption`, `index`, slot, cut, pattern, color and words.

    pictures: one of PICTURES
    Raises:
        ValueError: if there is no such picture, a shard cannot be read, or pictures differ in size.
    """

    def __init__(self, folder: Path, pictures: str) -> None:
        self.pictures = pictures
        self.paths: list[Path] = []
        self.records: list[dict[str, Any]] = []
        counts, sizes = [], set()
        for path in sorted(folder.glob("wardrobe_*.safetensors")):
            shape, records = _header(path, pictures)
            if records:
                self.paths.append(path)
                self.records += records
                counts.append(len(records))
                sizes.add(shape)
        if not self.paths:
            raise ValueError(f"There are no {pictures.replace('_', ' ')} in the folder '{folder}': render shards there first.")
        if len(sizes) > 1:
            raise ValueError(f"The shards in '{folder}' hold pictures of several sizes: keep one size in a folder.")
        self.ends = list(accumulate(counts))
        self.open: dict[tuple[str, int], Any] = {}

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._read(self.pictures, index), self.records[index]

    def parts(self, index: int) -> Tensor:
        """Return what every second pixel of item i shows: [H/2, W/2] uint8 index into PARTS.

        Raises:
            ValueError: if the shard was rendered without them.
        """
        return self._read(f"{self.pictures}_parts", index)

    def _read(self, tensor: str, index: int) -> Tensor:
        shard = bisect_right(self.ends, index)
        if (tensor, shard) not in self.open:  # a memory map: it costs a handle, not memory
            try:
                self.open[tensor, shard] = safe_open(self.paths[shard], framework="pt").get_slice(tensor)
            except SafetensorError as error:
                raise ValueError(f"'{self.paths[shard]}' has no tensor '{tensor}': remove it, and render it again.") from error
        return self.open[tensor, shard][index - (self.ends[shard - 1] if shard else 0)]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"open": {}}  # what is open does not go to another process


def shard_seeds(folder: Path) -> list[int]:
    """Return the seeds of the shards in a folder; none if it is another kind of folder."""
    found = (re.match(r"wardrobe_seed(\d+)_", path.name) for path in folder.glob("wardrobe_*.safetensors"))
    return sorted({int(match[1]) for match in found if match})


def _header(path: Path, pictures: str) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return the size of a shard's pictures of one kind, and their records."""
    try:
        with safe_open(path, framework="pt") as file:
            records = json.loads(file.metadata()[pictures])
            shape = tuple(file.get_slice(pictures).get_shape()) if records else (0,)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' is no shard ({error}): remove it, and render it again.") from error
    if records and shape[0] != len(records):
        raise ValueError(f"'{path}' has {shape[0]} {pictures} and {len(records)} records: remove it, and render it again.")
    return shape[1:], records


def _path(folder: Path, seed: int, first: int) -> Path:
    return folder / f"wardrobe_seed{seed}_{first:08d}.safetensors"


def _finished(path: Path, size: tuple[int, int], people: int) -> bool:
    if not path.exists():
        return False
    (height, width, _), known = _header(path, "people")
    if (width, height) != size:
        raise ValueError(f"'{path}' has pictures of {width}x{height}: render those of {size[0]}x{size[1]} into another folder.")
    if len(known) != people:
        raise ValueError(f"'{path}' has {len(known)} people, not {people}: render with other --shots into another folder.")
    return True


def _render_shard(folder: Path, seed: int, first: int, size: tuple[int, int], shots: int) -> None:
    """Render one shard; runs in a worker."""
    from ...wardrobe.samples import SHOTS, person_sample

    torch.set_num_threads(1)
    images: dict[str, list[Tensor]] = {pictures: [] for pictures in PICTURES}
    parts: dict[str, list[Tensor]] = {pictures: [] for pictures in PICTURES}
    records: dict[str, list[dict[str, Any]]] = {pictures: [] for pictures in PICTURES}
    for index in (index for index in range(first, first + SHARD) if index % SHOTS < shots):
        sample = person_sample(seed, index, *size, flats=index % SHOTS == 0)
        worn = [_known(garment, *_GARMENT_FIELDS, "named", "occlusion") for garment in sample.garments]
        images["people"].append(sample.image)
        parts["people"].append(sample.parts)
        records["people"].append({"caption": sample.caption, "index": index, "garments": worn})
        for garment in sample.garments:
            if garment.flat is None:
                continue
            pictures = "portrait_flats" if garment.flat.shape[:2] == sample.image.shape[:2] else "landscape_flats"
            images[pictures].append(garment.flat)
            parts[pictures].append(garment.flat_mask.byte() * PART_INDEX[garment.slot])
            records[pictures].append({"caption": garment.flat_caption, "index": index, **_known(garment, *_GARMENT_FIELDS)})
    tensors = {pictures: torch.stack(found) for pictures, found in images.items() if found}
    tensors |= {f"{pictures}_parts": torch.stack(found)[:, ::2, ::2].contiguous() for pictures, found in parts.items() if found}
    save_tensors(tensors, _path(folder, seed, first), {name: json.dumps(known) for name, known in records.items()})


def _known(garment: GarmentTruth, *fields: str) -> dict[str, Any]:
    return {name: getattr(garment, name) for name in fields}


_GARMENT_FIELDS = ("slot", "cut", "pattern", "color", "words")
