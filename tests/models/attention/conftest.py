"""A tiny base with random weights, patched as a MODEL of the headless host."""

import pytest
import torch

from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.models.attention import LAYERS, run_unet
from modiste.models.base import UNET_CONFIG, build_unet

CHANNELS = UNET_CONFIG["block_out_channels"]
SIZE = (16, 12)  # of the latents here


@pytest.fixture(scope="session")
def unet():
    torch.manual_seed(0)
    return build_unet().eval().requires_grad_(False)


@pytest.fixture
def model(unet):
    return HeadlessModel(unet, "v_prediction")


@pytest.fixture(scope="session")
def inputs():
    """Latents, timesteps and text of a positive and a negative row."""
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(2, 16, *SIZE, generator=generator),
        torch.tensor([400.0, 400.0]),
        torch.randn(2, 77, UNET_CONFIG["cross_attention_dim"], generator=generator),
    )


def run(model, inputs, rows=(0, 1), parts=(0, 1), sigma=2.0):
    """Run a model's UNet on some rows of `inputs` under the given layout of the batch."""
    x, timesteps, context = (tensor[list(rows)] for tensor in inputs)
    options = model.model_options["transformer_options"] | {"cond_or_uncond": list(parts), "sigmas": torch.full((len(x),), sigma)}
    with torch.no_grad():
        return run_unet(model.get_model_object("diffusion_model"), x, timesteps, context, options)


def garment_maps(seed=0, count=1, size=SIZE):
    """Return made-up garment features, a feature map for each block."""
    generator = torch.Generator().manual_seed(seed)
    return {layer.block: 3 * torch.randn(count, CHANNELS[layer.level], *layer.grid(*size), generator=generator) for layer in LAYERS}


def garment_tokens(seed=0, count=1, length=10):
    """Return made-up keys or values, some tokens for each block."""
    generator = torch.Generator().manual_seed(seed)
    return {layer.block: 3 * torch.randn(count, length, CHANNELS[layer.level], generator=generator) for layer in LAYERS}
