"""Garment features: how much memory they take, and the weights of blocks."""

import pytest
import torch

from modiste.models.attention import LAYERS
from modiste.models.base.sd15 import SD15_UNET
from modiste.models.restoration.features import GarmentFeatures, block_weights

MIB = 2**20
RUNNING_ORDER = [*(("input", i) for i in (1, 2, 4, 5, 7, 8)), ("middle", 0), *(("output", i) for i in range(3, 12))]


def test_features_of_sd15_at_1024_by_768_take_at_most_70_mib():
    widths = SD15_UNET["block_out_channels"]
    layers = {
        layer.block: torch.empty(1, widths[layer.level], *layer.grid(128, 96), dtype=torch.float16, device="meta")
        for layer in LAYERS
    }
    # Places times channels, for two blocks on the way down and three on the way up, and for the middle.
    values = 5 * (128 * 96 * 320 + 64 * 48 * 640 + 32 * 24 * 1280) + 16 * 12 * 1280
    assert GarmentFeatures(layers).bytes == 2 * values <= 70 * MIB


def test_what_a_full_size_garm_net_gives_takes_as_much(sd15_net):
    given = (torch.empty(shape, device="meta") for shape in ((1, 4, 128, 96), (1, 1024, 768), (1, 77, 768)))
    features = sd15_net(*given)
    assert list(features) == RUNNING_ORDER
    half = GarmentFeatures({block: feature.half() for block, feature in features.items()}).bytes
    assert 66 * MIB < half < 70 * MIB
    assert GarmentFeatures(features).bytes == 2 * half  # float32


@pytest.mark.parametrize("text", ["", "  ", "1", "1.0,", "1,1,1", " , 1"])
def test_no_weights_are_ones(text):
    assert block_weights(text) == dict.fromkeys(RUNNING_ORDER, 1.0)


@pytest.mark.parametrize("text", ["0.5, 0, 0.25", "0.5;0;0.25", "0.5,0,0.25,"])
def test_three_weights_are_for_input_middle_and_output(text):
    expected = {block: {"input": 0.5, "middle": 0.0, "output": 0.25}[block[0]] for block in RUNNING_ORDER}
    assert block_weights(text) == expected


def test_one_weight_is_for_all_and_sixteen_go_in_running_order():
    assert block_weights("0.3") == dict.fromkeys(RUNNING_ORDER, 0.3)
    numbers = [index / 16 for index in range(16)]
    assert block_weights(", ".join(map(str, numbers))) == dict(zip(RUNNING_ORDER, numbers, strict=True))


@pytest.mark.parametrize("text", ["1, 1", "strong", "1.5", "-0.1", "nan", "inf", "1, 0, much", ",".join(["1"] * 15), "1 0 1"])
def test_other_weights_are_one_sentence(text):
    with pytest.raises(ValueError, match=r"give 1, 3 \(input, middle, output\) or 16 numbers in 0\.\.1, with commas\.$") as error:
        block_weights(text)
    assert f"'{text}'" in str(error.value)
    assert "\n" not in str(error.value)
