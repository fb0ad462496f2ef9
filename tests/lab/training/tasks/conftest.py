"""A folder of two small shards, written by hand."""

import json

import pytest
import torch
from safetensors.torch import save_file


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for first in (0, 64):
        tensors, records = {}, {}
        for kind, count, size in (("people", 3, (64, 48)), ("portrait_flats", 2, (64, 48)), ("landscape_flats", 2, (48, 64))):
            tensors[kind] = torch.randint(256, (count, *size, 3), generator=generator, dtype=torch.uint8)
            records[kind] = json.dumps([{"caption": f"{kind} {first + index}", "index": first + index} for index in range(count)])
        save_file(tensors, folder / f"wardrobe_seed0_{first:08d}.safetensors", records)
    return folder
