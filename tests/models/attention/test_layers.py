"""The table of blocks against diffusers' own order and against the names in checkpoints."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from modiste.models.attention import ADAPTER_ORDER, LAYERS, sd15_layers
from modiste.models.base.keys import unet_to_ldm

RUN_TIME_KEYS = [*(("input", i) for i in (1, 2, 4, 5, 7, 8)), ("middle", 0), *(("output", i) for i in range(3, 12))]


def sd15():
    with torch.device("meta"):
        return UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)


def test_the_keys_are_those_of_sd15_in_running_order():
    assert [layer.block for layer in LAYERS] == RUN_TIME_KEYS


def test_adapters_number_the_layers_as_diffusers_lists_its_processors():
    processors = [name.removesuffix(".processor") for name in sd15().attn_processors]
    assert processors == [f"{layer.diffusers}.{kind}" for layer in ADAPTER_ORDER for kind in ("attn1", "attn2")]


def test_both_layouts_name_the_same_weights():
    weights = {f"{layer.diffusers}.attn1.to_q.weight": torch.tensor(index) for index, layer in enumerate(LAYERS)}
    assert list(unet_to_ldm(weights)) == [f"{layer.ldm}.attn1.to_q.weight" for layer in LAYERS]


@pytest.mark.parametrize("width", ["sd15", "tiny"])
def test_blocks_are_found_at_any_width(width, unet):
    module = sd15() if width == "sd15" else unet
    found = sd15_layers(module)
    assert list(found) == RUN_TIME_KEYS
    assert found["middle", 0] is module.mid_block.attentions[0].transformer_blocks[0]


def test_a_model_of_another_shape_is_refused():
    with torch.device("meta"):
        deeper = UNet2DConditionModel(transformer_layers_per_block=2, block_out_channels=(32, 64, 64, 64))
    with pytest.raises(ValueError, match=r"load an SD1.5 checkpoint"):
        sd15_layers(deeper)
