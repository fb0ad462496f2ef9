"""The reader: says which clothes it sees, so that pictures can be held against the words that they were made from.

A network of its own beside the encoder, so that agreement is not measured by the features that distances use.
It errs too: every agreement is reported beside that on real pictures of the wardrobe.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from .attributes import UNKNOWN, Words, garment_vocabulary, head, targets
from .batches import over
from .network import load_network
from .reader_network import ReaderNet

READER_FILE = Path(__file__).parent / "weights" / "reader.safetensors"


def load_reader(file: Path = READER_FILE) -> ReaderNet:
    """Return the shipped reader, frozen.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if it is another file, or knows less than the wardrobe shows.
    """
    reader = load_network(file, ReaderNet)
    for name, words in garment_vocabulary().items():
        unknown = sorted(set(words) - set(reader.vocabulary.get(name, ())))
        if unknown:
            raise ValueError(f"'{file}' was trained before the wardrobe had the {name} '{unknown[0]}': train it anew.")
    return reader


def readings(reader: ReaderNet, pictures: Sequence[Tensor]) -> Tensor:
    """Return the index of the word that each head reads in each of N pictures [H, W, 3] uint8: [N, heads]."""
    device = next(reader.parameters()).device
    return torch.stack(over(lambda batch: reader.readings(batch.to(device)).cpu(), pictures))


def agreement(
    reader: ReaderNet,
    found: Tensor,  # [N, heads] of `readings`
    wanted: Sequence[Words],  # N
    slots: Sequence[Sequence[str]],  # N times the slots that were asked for
    qualities: Sequence[str],
) -> Tensor:
    """Return for each picture the share of its asked-for garments of which all these qualities are read as wanted: [N] in 0..1.

    Raises:
        ValueError: if a picture has no such garment, or a word that the reader does not know.
    """
    names = list(reader.vocabulary)
    shares = []
    for reading, words, asked in zip(found, wanted, slots, strict=True):
        if not asked:
            raise ValueError("A caption without a garment cannot be agreed with: leave it out.")
        aims = targets(words, reader.vocabulary)
        right = (reading == aims) & (aims != UNKNOWN)
        garments = [all(right[names.index(head(slot, quality))] for quality in qualities) for slot in asked]
        shares.append(sum(garments) / len(garments))
    return torch.tensor(shares)
