"""Networks of SD1.5's shape: a very narrow one with random weights, and SD1.5's own without any."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from modiste.models.base.architecture import UNET_CONFIG
from modiste.models.base.sd15 import SD15_UNET
from modiste.models.restoration.garm_net import build_garm_net

NARROW = UNET_CONFIG | {
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (8, 16, 24, 32),
    "attention_head_dim": (1, 2, 3, 4),
    "cross_attention_dim": 20,
    "norm_num_groups": 4,
}
# ComfyUI's name of each of diffusers' transformer blocks.
PLACES = {
    "down_blocks.0.attentions.0": ("input", 1),
    "down_blocks.0.attentions.1": ("input", 2),
    "down_blocks.1.attentions.0": ("input", 4),
    "down_blocks.1.attentions.1": ("input", 5),
    "down_blocks.2.attentions.0": ("input", 7),
    "down_blocks.2.attentions.1": ("input", 8),
    "mid_block.attentions.0": ("middle", 0),
    "up_blocks.1.attentions.0": ("output", 3),
    "up_blocks.1.attentions.1": ("output", 4),
    "up_blocks.1.attentions.2": ("output", 5),
    "up_blocks.2.attentions.0": ("output", 6),
    "up_blocks.2.attentions.1": ("output", 7),
    "up_blocks.2.attentions.2": ("output", 8),
    "up_blocks.3.attentions.0": ("output", 9),
    "up_blocks.3.attentions.1": ("output", 10),
    "up_blocks.3.attentions.2": ("output", 11),
}


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def unet():
    torch.manual_seed(0)
    return UNet2DConditionModel(**NARROW).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def sd15_unet():
    with torch.device("meta"):
        return UNet2DConditionModel(**SD15_UNET)


@pytest.fixture(scope="session")
def sd15_net():
    with torch.device("meta"):
        return build_garm_net(SD15_UNET)


def one_sentence(error):
    """Return what an error says if it is one sentence."""
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text
    return text
