"""The evaluation's encoder: it reads what is worn, and so learns what makes pictures of clothed people differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, cross_entropy, grid_sample
from torch.utils.data import Dataset

from ....models.weights.tensors import save_half
from ....wardrobe.samples import SHOTS, person_sample
from ...evaluation.attributes import NONE, QUALITIES, UNKNOWN, flat_words, head, person_words, targets, wardrobe_vocabulary
from ...evaluation.network import AttributeNet, halved
from ...seeds import NETWORK_SHEET_SEED
from ..shards import PICTURES, ShardPictures
from ..sheets import contact_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

SHEET_PICTURES = 12


@dataclass(frozen=True)
class Task:
    """How pictures are varied, so that the network reads them whatever little a model gets wrong, and learns no outfit by heart.

    zoom:   by which share they are enlarged or shrunk at most
    shift:  by which share of their size they are moved at most
    turn:   by how many degrees they are turned at most
    noise:  largest standard deviation of the noise that is added
    hidden: longest side, as a share of the picture's, of a patch that is hidden
    tinted: share of the pictures whose hues are turned, which then teach no colour
    """

    zoom: float = 0.2
    shift: float = 0.08
    turn: float = 6.0
    noise: float = 0.06
    hidden: float = 0.4
    tinted: float = 0.6
    kind: ClassVar[str] = "modiste-evaluation-encoder"
    architecture: ClassVar[str] = "residual CNN of 5 stages, 32 to 256 channels, an attention-pooled linear head for each attribute"

    def build(self) -> AttributeNet:
        return AttributeNet(wardrobe_vocabulary())

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        if data is None:
            raise ValueError("This network learns from rendered shards: render some, and name their folder with --data.")
        return AttributePictures(data)

    def loss(
        self, model: AttributeNet, batch: list[Tensor], generator: torch.Generator, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, aims = batch
        pictures, tinted = self.recoloured(halved(pictures.movedim(-1, 1).float() / 255), generator)
        of_color = torch.tensor([name.endswith(" color") or name == "background" for name in model.vocabulary], device=aims.device)
        aims = torch.where(tinted[:, None] & of_color, UNKNOWN, aims)
        logits = model.read(self.varied(pictures, generator))
        losses = [_loss(found, aims[:, index], name.endswith(" cut")) for index, (name, found) in enumerate(logits.items())]
        return torch.stack(losses).sum(), _accuracies(logits, aims)

    def recoloured(self, pictures: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Turn the hues of some pictures [B, 3, H, W], so that greys stay, and say of which: [B] bool."""
        uniform = torch.rand(3, len(pictures), generator=generator, device=pictures.device)
        tinted = uniform[0] < self.tinted
        angle, bright = 2 * torch.pi * uniform[1] * tinted, torch.where(tinted, 0.7 + 0.6 * uniform[2], 1.0)
        cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None] / 3**0.5
        eye = torch.eye(3, device=pictures.device)
        around = eye.roll(1, 0) - eye.roll(1, 1)  # the cross product with (1, 1, 1)
        turn = cos * eye + (1 - cos) / 3 + sin * around
        return torch.einsum("bij,bjhw->bihw", turn * bright[:, None, None], pictures).clamp(0, 1), tinted

    def varied(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Return pictures [B, 3, H, W] moved, turned, mirrored and zoomed, some blurred, and noisy; most lack a patch."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(len(pictures), *shape, generator=generator, device=pictures.device)

        scale, angle = 1 + self.zoom * (2 * uniform() - 1), torch.deg2rad(self.turn * (2 * uniform() - 1))
        mirrored = torch.where(uniform() < 0.5, -scale, scale)
        shift = 2 * self.shift * (2 * uniform(2) - 1)
        height, width = pictures.shape[2:]
        cos, sin = torch.cos(angle), torch.sin(angle)
        rows = [
            torch.stack([mirrored * cos, scale * sin * height / width, shift[:, 0]], 1),
            torch.stack([-mirrored * sin * width / height, scale * cos, shift[:, 1]], 1),
        ]
        grid = affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
        pictures = grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        blurred = avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
        pictures = torch.lerp(pictures, blurred, (2 * uniform(1, 1, 1) - 1).clamp_min(0))
        middle, half = uniform(2, 1, 1), self.hidden / 2 * uniform(2, 1, 1)
        y, x = (torch.linspace(0, 1, length, device=pictures.device) for length in (height, width))
        patch = ((y[:, None] - middle[:, 0]).abs() < half[:, 0]) & ((x - middle[:, 1]).abs() < half[:, 1])
        pictures = torch.where(patch[:, None], uniform(3, 1, 1), pictures)
        noise = torch.randn(pictures.shape, generator=generator, device=pictures.device)
        return pictures + self.noise * uniform(1, 1, 1) ** 2 * noise

    def sample_sheet(self, model: AttributeNet, generator: torch.Generator) -> Image:
        """Show people that it did not learn from, and what it reads."""
        device = next(model.parameters()).device
        images = [person_sample(NETWORK_SHEET_SEED, index * SHOTS // 2, flats=False).image for index in range(SHEET_PICTURES)]
        logits = model(torch.stack(images).movedim(-1, 1).float().to(device) / 255)
        return contact_sheet(images, [_sentence(model, logits, index) for index in range(SHEET_PICTURES)], 6)

    def export(self, model: AttributeNet, path: Path, metadata: dict[str, str]) -> None:
        save_half(model.state_dict(), path, {**metadata, "vocabulary": json.dumps(model.vocabulary)})


class AttributePictures(Dataset):
    """Pictures from shards with the index of each attribute's word: ([H, W, 3] uint8, [heads] int64).

    Whichever is fewer, people or flats, stands in the list as often as makes about as many of both.
    """

    def __init__(self, folder: Path) -> None:
        vocabulary = wardrobe_vocabulary()
        self.sets = [ShardPictures(folder, pictures) for pictures in PICTURES]
        people, *flats = self.sets
        self.targets = [torch.stack([targets(person_words(one["caption"], one["garments"]), vocabulary) for one in people.records])]
        self.targets += [torch.stack([targets(flat_words(one), vocabulary) for one in some.records]) for some in flats]
        of_people = [(0, index) for index in range(len(people))]
        of_flats = [(kind, index) for kind, some in enumerate(flats, 1) for index in range(len(some))]
        most = max(len(of_people), len(of_flats))
        self.items = of_people * round(most / len(of_people)) + of_flats * round(most / len(of_flats))
        self.buckets = torch.tensor([int(PICTURES[kind] == "landscape_flats") for kind, _ in self.items])

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        kind, index = self.items[item]
        return self.sets[kind][index][0], self.targets[kind][index]


def _loss(logits: Tensor, aims: Tensor, of_cut: bool) -> Tensor:
    """Return the mean cross entropy over the pictures that teach this head; 0 if none does.

    That of a cut is the mean where the slot is worn, plus the mean where it is not: most slots of most pictures are bare, and
    which cut is worn would hardly count.
    """
    found = cross_entropy(logits, aims, ignore_index=UNKNOWN, reduction="none", label_smoothing=0.05)
    groups = (aims > 0, aims == 0) if of_cut else (aims != UNKNOWN,)  # the first cut is "none"
    return torch.stack([(found * group).sum() / group.sum().clamp_min(1) for group in groups]).sum()


def _accuracies(logits: dict[str, Tensor], aims: Tensor) -> dict[str, Tensor]:
    """Return for each quality how often it is read right where a garment is worn."""
    found = {}
    for quality in QUALITIES:
        right = []
        for index, (name, scores) in enumerate(logits.items()):
            if name.endswith(f" {quality}"):
                worn = aims[:, index] != UNKNOWN if quality != "cut" else aims[:, index] > 0  # the first cut is "none"
                right.append((scores.argmax(1) == aims[:, index])[worn])
        found[quality] = torch.cat(right).float().mean() if sum(map(len, right)) else torch.zeros(())
    return found


def _sentence(model: AttributeNet, logits: dict[str, Tensor], index: int) -> str:
    read = {name: words[int(logits[name][index].argmax())] for name, words in model.vocabulary.items()}
    slots = [name.removesuffix(" cut") for name, word in read.items() if name.endswith(" cut") and word != NONE]
    worn = [" ".join(read[head(slot, quality)] for quality in ("pattern", "color", "cut")) for slot in slots]
    return f"{read['gender']}: {', '.join(worn)}; {read['background']}, {read['view']}"
