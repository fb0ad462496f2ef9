"""The evaluation's reader: it learns to find the parts of people and flat garments, and what each garment is, from close up."""

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
from ....wardrobe.slots import PART_INDEX, PARTS, SLOTS
from ...evaluation.attributes import QUALITIES, UNKNOWN, garment_vocabulary, head
from ...evaluation.reader import readings
from ...evaluation.reader_network import ReaderNet, close_up_boxes
from ...seeds import NETWORK_SHEET_SEED
from ..attribute_pictures import AttributePictures
from ..sheets import contact_sheet
from ..variations import Variations, without_colors

if TYPE_CHECKING:
    from PIL.Image import Image

SHEET_PICTURES = 12
_LEAST_SHOWN = 3  # pixels of the parts' map that a garment must still have after a picture was moved


@dataclass(frozen=True)
class Task(Variations):
    """How pictures are varied, as `Variations` says, and close-ups of garments.

    jitter: by which share of its size a close-up is moved, shrunk or enlarged at most, since parts are found with errors
    """

    hidden: float = 0.0
    jitter: float = 0.15
    kind: ClassVar[str] = "modiste-evaluation-reader"
    architecture: ClassVar[str] = (
        "U-Net of 4 levels, 32 to 160 channels, for the parts; residual CNN of 4 stages, 32 to 192 channels, for close-ups"
    )

    def build(self) -> ReaderNet:
        return ReaderNet(garment_vocabulary())

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        return AttributePictures(data, garment_vocabulary(), parts=True)

    def loss(
        self, model: ReaderNet, batch: list[Tensor], generator: torch.Generator, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, aims, parts = batch
        pictures, tinted = self.recoloured(pictures.movedim(-1, 1).float() / 255, generator)
        pictures, parts = self.moved(pictures, generator, parts[:, 1::2, 1::2])  # every fourth pixel, the third of four
        pictures = self.spoiled(pictures, generator)
        logits = model.parts(pictures).float()
        finding = _balanced(logits, parts)

        names = list(model.vocabulary)
        shown = torch.stack([(parts == PART_INDEX[slot]).sum((1, 2)) >= _LEAST_SHOWN for slot in SLOTS], 1)
        worn = aims[:, [names.index(head(slot, "cut")) for slot in SLOTS]] > 0  # the first cut is "none"
        which, slots = (worn & shown).nonzero(as_tuple=True)
        boxes = close_up_boxes(parts[which] == PART_INDEX[SLOTS[0]] + slots[:, None, None], pictures.shape[3])
        uniform = 2 * torch.rand(boxes.shape, generator=generator, device=boxes.device) - 1
        moved = boxes + self.jitter * uniform * boxes[:, 2:]
        read = model.look(pictures, logits.detach().softmax(1), moved, which, slots)

        aims = without_colors(aims, tinted, names)[which]
        losses, right = [finding], {"parts": (logits.argmax(1) == parts)[parts > 0].float().mean()}
        for quality in QUALITIES:
            errors, hits = [], []
            for index, slot in enumerate(SLOTS):
                name, here = head(slot, quality), slots == index
                wanted = aims[here, names.index(name)]
                found = read[name][here][wanted != UNKNOWN].float()
                wanted = wanted[wanted != UNKNOWN]
                errors.append(cross_entropy(found, wanted, reduction="none", label_smoothing=0.05))
                hits.append(found.argmax(1) == wanted)
            total = torch.cat(errors)
            losses.append(total.sum() / max(len(total), 1))
            right[quality] = torch.cat(hits).sum() / max(len(total), 1)
        return torch.stack(losses).sum(), right

    def sample_sheet(self, model: ReaderNet, generator: torch.Generator) -> Image:
        """Show people that it did not learn from, and what it reads."""
        images = [person_sample(NETWORK_SHEET_SEED, index * SHOTS // 2, flats=False).image for index in range(SHEET_PICTURES)]
        found = readings(model, images)
        return contact_sheet(images, [_sentence(model, reading) for reading in found], 6)

    def export(self, model: ReaderNet, path: Path, metadata: dict[str, str]) -> None:
        """Write the reader, and as `NAME_finder.safetensors` its part that the pack finds garments with."""
        save_half(model.state_dict(), path, {**metadata, "vocabulary": json.dumps(model.vocabulary)})
        finder = {**metadata, "kind": "garment-finder", "taken_from": "the evaluation's reader", "parts": json.dumps(PARTS)}
        save_half(model.finder.state_dict(), path.with_name(f"{path.stem}_finder.safetensors"), finder)


def _balanced(logits: Tensor, parts: Tensor) -> Tensor:
    """Return the mean cross entropy of parts [B, h, w], in which rare ones, such as hats, weigh more: by one over root of count."""
    counts = torch.bincount(parts.flatten(), minlength=len(PARTS)).float()
    weights = counts.clamp_min(parts[0].numel()).rsqrt()
    return cross_entropy(logits, parts, weight=weights)


def _sentence(model: ReaderNet, reading: Tensor) -> str:
    names = list(model.vocabulary)

    def word(slot: str, quality: str) -> str:
        name = head(slot, quality)
        return model.vocabulary[name][int(reading[names.index(name)])]

    worn = [slot for slot in SLOTS if reading[names.index(head(slot, "cut"))] > 0]
    return ", ".join(" ".join(word(slot, quality) for quality in ("pattern", "color", "cut")) for slot in worn)
