"""A randomly initialised tiny base, made once; tests clone what they change."""

import pytest
import torch

from modiste.host.headless.diffusion.clip import HeadlessClip
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.host.headless.diffusion.vae import HeadlessVae
from modiste.models import base


def made(build):
    torch.manual_seed(0)
    return build().eval().requires_grad_(False)


@pytest.fixture(scope="package")
def unet():
    return made(base.build_unet)


@pytest.fixture(scope="package")
def encoder():
    return made(base.build_text_encoder)


@pytest.fixture(scope="package")
def autoencoder():
    return made(base.build_vae)


@pytest.fixture
def model(unet):
    return HeadlessModel(unet, "v_prediction")


@pytest.fixture
def clip(encoder):
    return HeadlessClip(encoder)


@pytest.fixture
def vae(autoencoder):
    return HeadlessVae(autoencoder)


@pytest.fixture(scope="package")
def prompts():
    """Three conditionings of 77 tokens, as their text does not matter."""
    generator = torch.Generator().manual_seed(1)
    return [[[torch.randn(1, 77, 192, generator=generator), {}]] for _ in range(3)]
