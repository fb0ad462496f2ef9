"""The evaluation's encoder: it reads what is worn, and so learns what makes pictures of clothed people differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from ....models.weights.tensors import save_half
from ....wardrobe.samples import SHOTS, person_sample
from ...evaluation.attributes import NONE, QUALITIES, UNKNOWN, head, wardrobe_vocabulary
from ...evaluation.network import AttributeNet, halved
from ...seeds import NETWORK_SHEET_SEED
from ..attribute_pictures import AttributePictures
from ..sheets import contact_sheet
from ..variations import Variations, without_colors

if TYPE_CHECKING:
    from PIL.Image import Image

SHEET_PICTURES = 12


@dataclass(frozen=True)
class Task(Variations):
    kind: ClassVar[str] = "modiste-evaluation-encoder"
    architecture: ClassVar[str] = "residual CNN of 5 stages, 32 to 256 channels, an attention-pooled linear head for each attribute"

    def build(self) -> AttributeNet:
        return AttributeNet(wardrobe_vocabulary())

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        return AttributePictures(data, wardrobe_vocabulary())

    def loss(
        self, model: AttributeNet, batch: list[Tensor], generator: torch.Generator, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, aims = batch
        pictures, tinted = self.recoloured(halved(pictures.movedim(-1, 1).float() / 255), generator)
        pictures, _ = self.moved(pictures, generator)
        logits = model.read(self.spoiled(pictures, generator))
        aims = without_colors(aims, tinted, model.vocabulary)
        losses = [_loss(found, aims[:, index], name.endswith(" cut")) for index, (name, found) in enumerate(logits.items())]
        return torch.stack(losses).sum(), _accuracies(logits, aims)

    def sample_sheet(self, model: AttributeNet, generator: torch.Generator) -> Image:
        """Show people that it did not learn from, and what it reads."""
        device = next(model.parameters()).device
        images = [person_sample(NETWORK_SHEET_SEED, index * SHOTS // 2, flats=False).image for index in range(SHEET_PICTURES)]
        logits = model(torch.stack(images).movedim(-1, 1).float().to(device) / 255)
        return contact_sheet(images, [_sentence(model, logits, index) for index in range(SHEET_PICTURES)], 6)

    def export(self, model: AttributeNet, path: Path, metadata: dict[str, str]) -> None:
        save_half(model.state_dict(), path, {**metadata, "vocabulary": json.dumps(model.vocabulary)})


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
