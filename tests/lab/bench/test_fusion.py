"""GarmFus's benchmark: the work that it counts, by hand."""

import pytest
import torch

from modiste.lab.bench import fusion
from modiste.models.attention.layers import LAYERS
from modiste.models.base import UNET_CONFIG, build_unet

CHANNELS = UNET_CONFIG["block_out_channels"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"SD15_UNET": UNET_CONFIG, "SIZE": (16, 8), "LARGE": (32, 16), "ROUNDS": 1}.items():
        monkeypatch.setattr(fusion, name, value)


def tokens(layer, size):
    height, width = layer.grid(*size)
    return height * width


@torch.inference_mode()
def test_the_work_added_is_that_of_the_garments_keys_and_values():
    """Of both rows with N tokens of C channels: K and V of N more, and the products of Q with N more keys and values."""
    added = 0
    for layer in LAYERS:
        count, channels = tokens(layer, (16, 8)), CHANNELS[layer.level]
        added += 2 * (2 * 2 * count * channels**2 + 2 * 2 * count**2 * channels)
    steps = fusion.both_steps(build_unet().eval())
    assert fusion.flops(steps["fused"]) - fusion.flops(steps["plain"]) == added


def test_rows_compare_the_time_with_the_work_and_know_the_memory_of_fp16():
    rows = {row["what"]: row for row in fusion.rows()}
    times = rows["fused_step_seconds"]["value"] / rows["plain_step_seconds"]["value"]
    over = rows["time_ratio_over_work_ratio"]
    assert over["value"] == pytest.approx(times / rows["work_ratio"]["value"])
    assert over["ratio"] == pytest.approx(over["value"] / 1.10)
    numbers = sum(CHANNELS[layer.level] * tokens(layer, (32, 16)) for layer in LAYERS)
    assert rows["feature_memory_1024x768"]["value"] == pytest.approx(2 * numbers / 2**20)
