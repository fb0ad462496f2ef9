"""Shards of made-up people, whose garments are rectangles in known places, each of a colour of its own."""

import json
from dataclasses import dataclass

import torch

from modiste.models.weights.tensors import save_tensors
from modiste.wardrobe.slots import PART_INDEX, WIDE_SLOTS

HEIGHT, WIDTH = 64, 48
GROUND = 90


@dataclass(frozen=True)
class Garment:
    """box: top, bottom, left, right, of the parts, which have half the picture's size; occlusion: as the wardrobe tells it"""

    slot: str
    box: tuple[int, int, int, int] = (8, 24, 6, 18)
    occlusion: float = 0.0


@dataclass(frozen=True)
class Person:
    index: int
    garments: tuple[Garment, ...]
    caption: str = "a man, against a grey wall"


def color(seed, outfit, slot):
    """Return the colour (R, G, B), 0..255, of a garment."""
    return 200 - 9 * outfit, 20 + 13 * seed, 255 - 15 * PART_INDEX[slot]


def write_shard(folder, seed, people, flats, first=0, parts=True):
    """Write people and flats, the latter given as (index, slot); without `parts` as shards once were."""
    pictures, seen, records = ({"people": [], "portrait_flats": [], "landscape_flats": []} for _ in range(3))
    for person in people:
        picture, parts_seen = torch.full((HEIGHT, WIDTH, 3), GROUND), torch.zeros(HEIGHT // 2, WIDTH // 2)
        for garment in person.garments:
            top, bottom, left, right = garment.box
            parts_seen[top:bottom, left:right] = PART_INDEX[garment.slot]
            picture[2 * top : 2 * bottom, 2 * left : 2 * right] = torch.tensor(color(seed, person.index // 8, garment.slot))
        picture[0, 0] = person.index  # no two are alike
        worn = [_record(garment.slot) | {"named": "", "occlusion": garment.occlusion} for garment in person.garments]
        pictures["people"].append(picture)
        seen["people"].append(parts_seen)
        records["people"].append({"caption": person.caption, "index": person.index, "garments": worn})
    for index, slot in flats:
        kind, size = ("landscape_flats", (WIDTH, HEIGHT)) if slot in WIDE_SLOTS else ("portrait_flats", (HEIGHT, WIDTH))
        pictures[kind].append(torch.tensor(color(seed, index // 8, slot)).expand(*size, 3))
        seen[kind].append(torch.full((size[0] // 2, size[1] // 2), PART_INDEX[slot]))
        records[kind].append({"caption": f"{slot} alone", "index": index, **_record(slot)})
    tensors = pictures | ({f"{kind}_parts": found for kind, found in seen.items()} if parts else {})
    folder.mkdir(exist_ok=True)
    save_tensors(
        {name: torch.stack(found).to(torch.uint8) for name, found in tensors.items() if found},
        folder / f"wardrobe_seed{seed}_{first:08d}.safetensors",
        {kind: json.dumps(known) for kind, known in records.items()},
    )


def _record(slot):
    return {"slot": slot, "cut": "a cut", "pattern": "plain", "color": "red", "words": slot}
