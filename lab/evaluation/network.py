"""The small convolutional network that the encoder is: pictures in, attributes of what they show out."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...models.restoration.garment_finder import Block, halved
from .attributes import Vocabulary

Network = TypeVar("Network", bound=nn.Module)

WIDTHS = (32, 64, 96, 160, 256)  # channels after each stage, at 1/8, 1/16, ... 1/128 of the picture's size


class AttributeNet(nn.Module):
    """Reads attributes from pictures [B, 3, H, W], sRGB in 0..1, of about 192x256 and either orientation.

    It looks at them at half their size: what is worn shows there, and four times as many can be learned from. Each head looks
    where it wants to, by softmax attention over the fourth stage, and at the whole, as the fifth stage sees it, and chooses one
    word of its vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = {head: tuple(words) for head, words in vocabulary.items()}
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0] // 2, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTHS[0] // 2, WIDTHS[0], 3, stride=2, padding=1),
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(WIDTHS))
        self.blocks = nn.ModuleList(Block(width) for width in WIDTHS)
        self.gaze = nn.Conv2d(WIDTHS[-2], len(self.vocabulary), 1)
        self.heads = nn.ModuleList(nn.Linear(WIDTHS[-2] + WIDTHS[-1], len(words)) for words in self.vocabulary.values())

    def stages(self, pictures: Tensor) -> list[Tensor]:
        """Return what each of the five stages sees: [B, C, h, w], from fine to coarse."""
        return self._stages(halved(pictures))

    def _stages(self, halves: Tensor) -> list[Tensor]:
        found = [self.blocks[0](self.stem(2 * halves - 1))]
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            found.append(block(down(found[-1])))
        return found

    def pooled(self, pictures: Tensor) -> Tensor:
        """Return one feature vector a picture: [B, 256]."""
        return self.stages(pictures)[-1].mean((2, 3))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head: [B, words]."""
        return self.read(halved(pictures))

    def read(self, halves: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head, [B, words], for pictures that are `halved` already."""
        *_, parts, whole = self._stages(halves)
        weights = self.gaze(parts).flatten(2).softmax(2)  # [B, heads, h w]
        seen = torch.einsum("bhp,bcp->hbc", weights, parts.flatten(2))
        pooled = whole.mean((2, 3))
        heads = zip(self.vocabulary, self.heads, seen, strict=True)
        return {name: head(torch.cat([part, pooled], 1)) for name, head, part in heads}


def load_network(file: Path, kind: type[Network] = AttributeNet) -> Network:
    """Return a network of some kind with a file's weights and vocabulary, in float32, frozen.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if the file holds something else.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(file).is_file():
        raise FileNotFoundError(
            f"The evaluation needs '{file.name}' in '{file.parent}': take it from the repository, or 'modiste.py train' it."
        )
    try:
        with safe_open(file, "pt") as opened:
            network = kind(json.loads(opened.metadata()["vocabulary"]))
            network.load_state_dict({name: opened.get_tensor(name).float() for name in opened.keys()})  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(f"'{file}' does not hold a network of the evaluation: train it anew with 'modiste.py train'.") from error
    return network.eval().requires_grad_(False)
