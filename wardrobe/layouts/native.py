"""The wardrobe's own layout: a folder for each sample, with everything that is known of it.

samples.json           kind, seed, size, names of PARTS, and the folders of all samples
NUMBER/sample.json     of people: caption, camera, body, recipe, garments; beside it image.png, agnostic.png, agnostic_mask.png,
                       parts.png (labels as in PARTS), maps.npz (uv, depth), SLOT_flat.png and SLOT_flat_mask.png
NUMBER/source, target  of pairs: a person each; beside them pair.json and flow.npz, see `PairSample`
NUMBER/orbit.json      of avatars: caption, cameras, body, recipe; beside it VIEW_image.png, VIEW_mask.png and depth.npz
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...models.body import BodyParameters, BodyState
from ...models.render import Camera
from ...models.tryon import Flow
from ..orbits import OrbitSample
from ..pairs import PairSample
from ..prints import Print
from ..samples import GarmentTruth, PersonSample, PersonTruth
from ..slots import PART_INDEX, PARTS, SLOTS
from .dataset import Entry, TryOnPictures, check_skipped, is_file_name
from .files import (
    read_arrays,
    read_json,
    read_labels,
    read_mask,
    read_picture,
    write_arrays,
    write_json,
    write_labels,
    write_picture,
)
from .labels import palette

LISTS = ("samples.json",)
VERSION = 1
_GARMENT_WORDS = ("slot", "cut", "pattern", "color", "words", "named", "occlusion", "flat_caption")
_FLOW = ("offset", "visible")


@dataclass(frozen=True)
class NativePerson(PersonTruth):
    """A sample of a person as it was written; yaw in degrees, recipe as JSON."""

    body: BodyParameters
    yaw: float
    recipe: dict[str, Any]


@dataclass(frozen=True)
class NativePair:
    """A pair as it was written: fields as in `PairSample`."""

    source: NativePerson
    target: NativePerson
    flow: Flow
    completed: Flow
    mirrored: Tensor
    pose_distance: float
    yaw_difference: float
    occluded: float
    difficulty: str


@dataclass(frozen=True)
class NativeOrbit:
    """An orbit as it was written: fields as in `OrbitSample`; recipe as JSON."""

    images: Tensor
    masks: Tensor
    depth: Tensor
    cameras: tuple[Camera, ...]
    body: BodyParameters
    caption: str
    recipe: dict[str, Any]


def write_person(folder: Path, index: int, sample: PersonSample) -> list[dict[str, Any]]:
    """Write the folder of a sample."""
    _write_person(folder / _name(index), sample)
    return [{"name": _name(index)}]


def write_pair(folder: Path, index: int, pair: PairSample) -> list[dict[str, Any]]:
    """Write the folder of a pair."""
    place = folder / _name(index)
    _write_person(place / "source", pair.source)
    _write_person(place / "target", pair.target)
    flows = {f"{name}_{part}": getattr(getattr(pair, name), part) for name in ("flow", "completed") for part in _FLOW}
    write_arrays(place / "flow.npz", **flows, mirrored=pair.mirrored)
    known = {name: getattr(pair, name) for name in ("pose_distance", "yaw_difference", "occluded", "difficulty")}
    write_json(place / "pair.json", known)
    return [{"name": _name(index), "difficulty": pair.difficulty}]


def write_orbit(folder: Path, index: int, orbit: OrbitSample) -> list[dict[str, Any]]:
    """Write the folder of an orbit."""
    place = folder / _name(index)
    for view, (image, mask) in enumerate(zip(orbit.images, orbit.masks, strict=True)):
        write_picture(place / f"{view:03d}_image.png", image)
        write_picture(place / f"{view:03d}_mask.png", mask)
    write_arrays(place / "depth.npz", depth=orbit.depth)
    known = {
        "caption": orbit.caption,
        "cameras": [_camera_words(camera) for camera in orbit.cameras],
        "body": _body_words(orbit.body),
        "recipe": _plain(asdict(orbit.recipe)),
    }
    write_json(place / "orbit.json", known)
    return [{"name": _name(index)}]


def finish(folder: Path, records: list[dict[str, Any]], kind: str, seed: int, width: int, height: int) -> None:
    """Write the list of all samples."""
    known = {"version": VERSION, "kind": kind, "seed": seed, "width": width, "height": height, "parts": PARTS, "samples": records}
    write_json(folder / "samples.json", known)


class NativeSamples(Dataset):
    """Everything that was written: item i is a `NativePerson`, `NativePair` or `NativeOrbit`, by the folder's kind.

    skipped: a few words for each sample that cannot be read
    """

    def __init__(self, folder: Path, strict: bool = False) -> None:
        """Read the list of samples, and every sample once to see that it is whole.

        Raises:
            ValueError: if the list cannot be read or nothing is left, or with `strict` if there is any problem.
        """
        kind, places = _listed(folder)
        self.read: Callable[[Path], Any] = {"people": read_person, "pairs": read_pair, "avatars": read_orbit}[kind]
        self.places, skipped = [], []
        for place in places:
            try:
                self.read(place)
            except ValueError as error:
                skipped.append(f"'{place.name}' is not whole ({error})")
            else:
                self.places.append(place)
        self.skipped = tuple(skipped)
        check_skipped(folder, skipped, len(self.places), strict)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Any:
        return self.read(self.places[index])


class NativeTryOn(TryOnPictures):
    """The people of a native folder, an item for every garment; `agnostic` hides the upper body whatever the garment's slot."""

    def __init__(self, folder: Path, strict: bool = False) -> None:
        """Read the list of samples and check their pictures.

        Raises:
            ValueError: if the list cannot be read, the samples are not people or nothing is left, or with `strict` if there is any
                problem.
        """
        kind, places = _listed(folder)
        if kind != "people":
            raise ValueError(f"The folder '{folder}' holds {kind}: for try-on, write samples of the kind people.")
        entries, problems = [], []
        for place in places:
            try:
                entries += _try_on_entries(place)
            except (ValueError, KeyError, TypeError) as error:
                problems.append(f"'{place.name}/sample.json' is not whole ({error})")
        super().__init__(folder, entries, problems, None, strict)


def read_person(place: Path) -> NativePerson:
    """Read the folder of a sample of a person.

    Raises:
        ValueError: if a file is missing or not what it should be.
    """
    return _checked(place / "sample.json", lambda known: _read_person(place, known))


def read_pair(place: Path) -> NativePair:
    """Read the folder of a pair.

    Raises:
        ValueError: if a file is missing or not what it should be.
    """

    def read(known: dict[str, Any]) -> NativePair:
        arrays = read_arrays(place / "flow.npz")
        flows = {name: Flow(*(arrays[f"{name}_{part}"] for part in _FLOW)) for name in ("flow", "completed")}
        people = {name: read_person(place / name) for name in ("source", "target")}
        return NativePair(**people, **flows, mirrored=arrays["mirrored"], **known)

    return _checked(place / "pair.json", read)


def read_orbit(place: Path) -> NativeOrbit:
    """Read the folder of an orbit.

    Raises:
        ValueError: if a file is missing or not what it should be.
    """

    def read(known: dict[str, Any]) -> NativeOrbit:
        cameras = tuple(map(_camera, known["cameras"]))
        return NativeOrbit(
            images=torch.stack([read_picture(place / f"{view:03d}_image.png") for view in range(len(cameras))]),
            masks=torch.stack([read_mask(place / f"{view:03d}_mask.png") for view in range(len(cameras))]),
            depth=read_arrays(place / "depth.npz")["depth"],
            cameras=cameras,
            body=_body(known["body"]),
            caption=known["caption"],
            recipe=known["recipe"],
        )

    return _checked(place / "orbit.json", read)


def _name(index: int) -> str:
    return f"{index:06d}"


def _write_person(place: Path, sample: PersonSample) -> None:
    write_picture(place / "image.png", sample.image)
    write_picture(place / "agnostic.png", sample.agnostic)
    write_picture(place / "agnostic_mask.png", sample.agnostic_mask)
    write_labels(place / "parts.png", sample.parts, palette())
    write_arrays(place / "maps.npz", uv=sample.uv, depth=sample.depth)
    for garment in sample.garments:
        if garment.flat is not None:
            write_picture(place / f"{garment.slot}_flat.png", garment.flat)
            write_picture(place / f"{garment.slot}_flat_mask.png", garment.flat_mask)
    known = {
        "caption": sample.caption,
        "yaw": sample.shot.yaw,
        "camera": _camera_words(sample.camera),
        "body": _body_words(sample.body),
        "garments": [
            {name: getattr(garment, name) for name in _GARMENT_WORDS}
            | {"print": garment.print and asdict(garment.print), "has_flat": garment.flat is not None}
            for garment in sample.garments
        ],
        "recipe": _plain(asdict(sample.recipe)),
    }
    write_json(place / "sample.json", known)


def _read_person(place: Path, known: dict[str, Any]) -> NativePerson:
    parts = read_labels(place / "parts.png")
    maps = read_arrays(place / "maps.npz")
    return NativePerson(
        image=read_picture(place / "image.png"),
        garments=tuple(_garment(place, words, parts) for words in known["garments"]),
        agnostic=read_picture(place / "agnostic.png"),
        agnostic_mask=read_mask(place / "agnostic_mask.png"),
        parts=parts,
        uv=maps["uv"],
        depth=maps["depth"],
        camera=_camera(known["camera"]),
        body=_body(known["body"]),
        caption=known["caption"],
        yaw=known["yaw"],
        recipe=known["recipe"],
    )


def _garment(place: Path, known: dict[str, Any], parts: Tensor) -> GarmentTruth:
    words = {name: known[name] for name in _GARMENT_WORDS}
    slot = words["slot"]
    if slot not in SLOTS:
        raise ValueError(f"'{place}' has a garment for '{slot}', which is no slot: write it again, or remove its sample.")
    flat = read_picture(place / f"{slot}_flat.png") if known["has_flat"] else None
    flat_mask = read_mask(place / f"{slot}_flat_mask.png") if known["has_flat"] else None
    printed = known["print"] and Print(**{**known["print"], "color": tuple(known["print"]["color"])})
    return GarmentTruth(**words, flat=flat, flat_mask=flat_mask, mask=parts == PART_INDEX[slot], print=printed)


def _try_on_entries(place: Path) -> list[Entry]:
    known = read_json(place / "sample.json")
    shared = {name: place / f"{name}.png" for name in ("agnostic", "agnostic_mask", "parts")}
    entries = []
    for garment in known["garments"]:
        slot = garment["slot"]
        if slot not in SLOTS:
            raise ValueError(f"there is no slot {slot!r}")
        flats = {"garment": place / f"{slot}_flat.png", "garment_mask": place / f"{slot}_flat_mask.png"}
        captions = {"caption": known["caption"], "garment_caption": garment["flat_caption"]}
        if not all(isinstance(words, str) for words in captions.values()):
            raise ValueError("a caption is no text")
        files = {"person": place / "image.png", **flats, **shared}
        if garment["has_flat"]:
            entries.append(Entry(f"{place.name} {slot}", slot, files, (), captions))
    return entries


def _listed(folder: Path) -> tuple[str, list[Path]]:
    """Return the kind of a folder's samples, and the folders of all of them."""
    known = read_json(folder / "samples.json")
    if not isinstance(known, dict) or known.get("version") != VERSION or known.get("parts") != list(PARTS):
        raise ValueError(f"'{folder / 'samples.json'}' is not of this version of the wardrobe: write the data set again.")
    kind, samples = known.get("kind"), known.get("samples")
    named = isinstance(samples, list) and all(isinstance(sample, dict) and is_file_name(sample.get("name")) for sample in samples)
    if kind not in ("people", "pairs", "avatars") or not named:
        raise ValueError(f"'{folder / 'samples.json'}' does not list samples of the wardrobe: write the data set again.")
    return kind, [folder / sample["name"] for sample in samples]


def _checked(path: Path, read: Callable[[dict[str, Any]], Any]) -> Any:
    """Read what a JSON file and its neighbours say."""
    known = read_json(path)
    try:
        return read(known)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"'{path}' or a file beside it is not what the wardrobe writes ({error}): write it again.") from error


def _camera_words(camera: Camera) -> dict[str, Any]:
    numbers = {"view": camera.view.tolist(), "intrinsics": camera.intrinsics.tolist()}
    return numbers | {"width": camera.width, "height": camera.height}


def _camera(known: dict[str, Any]) -> Camera:
    return Camera(torch.tensor(known["view"]), torch.tensor(known["intrinsics"]), known["width"], known["height"])


def _body_words(body: BodyState) -> dict[str, Any]:
    return {name: getattr(body.parameters, name).tolist() for name in ("shape", "pose", "translation")}


def _body(known: dict[str, Any]) -> BodyParameters:
    return BodyParameters(*(torch.tensor(known[name]) for name in ("shape", "pose", "translation")))


def _plain(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe as JSON gives it back: lists in place of tuples."""
    return json.loads(json.dumps(recipe))
