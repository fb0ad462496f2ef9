"""Small networks with random weights, and pictures to show them."""

import pytest
import torch

from modiste.lab.evaluation.attributes import flat_words, garment_vocabulary, person_words, wardrobe_vocabulary
from modiste.lab.evaluation.network import AttributeNet
from modiste.lab.evaluation.reader_network import ReaderNet
from modiste.lab.evaluation.samples import Shown

SHIRT = {"slot": "upper", "cut": "t-shirt", "pattern": "stripes", "color": "red", "named": "striped red T-shirt"}
JEANS = {"slot": "lower", "cut": "jeans", "pattern": "denim", "color": "blue", "named": "blue jeans"}
SHOES = {"slot": "shoes", "cut": "sneakers", "pattern": "plain", "color": "brown", "named": ""}
CAPTION = "a woman wearing a striped red T-shirt and blue jeans, against an olive wall, seen from behind"


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(0)
    return AttributeNet(wardrobe_vocabulary()).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def reader():
    torch.manual_seed(0)
    return ReaderNet(garment_vocabulary()).eval().requires_grad_(False)


@pytest.fixture
def pictures():
    """Six pictures [H, W, 3] uint8, the last one landscape."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(96, 64, 3)] * 5 + [(64, 96, 3)]
    return [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for shape in shapes]


@pytest.fixture
def person(pictures):
    return Shown(pictures[0], CAPTION, person_words(CAPTION, [SHIRT, JEANS, SHOES]), ("upper", "lower"))


@pytest.fixture
def flat(pictures):
    return Shown(pictures[5], "brown sneakers on a white background", flat_words(SHOES), ("shoes",))
