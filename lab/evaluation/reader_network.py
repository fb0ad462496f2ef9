"""The network that reads clothes from pictures: it finds each garment first, then looks at it closely."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from ...models.restoration.garment_finder import Block, GarmentFinder, halved
from ...wardrobe.slots import PART_INDEX, PARTS, SLOTS
from .attributes import QUALITIES, UNKNOWN, Vocabulary, head

LOOKING = (32, 64, 128, 192)  # channels at 1/2, 1/4, ... 1/16 of a close-up's size
CLOSE_UP = 80  # pixels of a close-up's sides
_REACH = 2.2  # standard deviations of a garment's pixels that a close-up shows to each side: a rectangle ends at 1.7
_LEAST = 10.0  # pixels that it shows to each side at least
_SEEN = 0.001  # share of the picture from which on a garment is there


class ReaderNet(nn.Module):
    """Reads cut, colour and pattern of every garment in pictures [B, 3, H, W], sRGB in 0..1, of about 192x256, either way up.

    A small U-Net finds the PARTS at half the picture's size; a second network looks at a close-up of each garment with the parts
    around it, at the full size. So a hat of ten pixels is as easy to read as a coat, and how long a sleeve is shows in the parts,
    whatever the colours: little is left by which an outfit could be known by heart.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = {name: tuple(words) for name, words in vocabulary.items()}
        self.finder = GarmentFinder(PARTS)
        self.stem = nn.Conv2d(3 + 1 + len(PARTS), LOOKING[0], 3, stride=2, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(LOOKING))
        self.blocks = nn.ModuleList(Block(width) for width in LOOKING)
        self.dropout = nn.Dropout(0.3)
        self.words = nn.Linear(2 * LOOKING[-1], sum(map(len, self.vocabulary.values())))

    def parts(self, pictures: Tensor) -> Tensor:
        """Return the logits of PARTS [B, parts, H/4, W/4]."""
        return self.finder(halved(pictures))

    def look(self, pictures: Tensor, parts: Tensor, boxes: Tensor, which: Tensor, slots: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head, [N, words], of which those of each garment's own slot count.

        Args:
            parts: probabilities [B, parts, h, w].
            boxes: [N, 3] middle x, y and half the side of each garment's close-up, in pixels of the picture.
            which: [N] the picture that each garment is in.
            slots: [N] index into SLOTS.
        """
        nearby = _close_ups(parts, boxes * parts.shape[3] / pictures.shape[3], which)
        own = nearby[torch.arange(len(slots), device=slots.device), PART_INDEX[SLOTS[0]] + slots]
        x = self.stem(torch.cat([2 * _close_ups(pictures, boxes, which) - 1, own[:, None], nearby], 1))
        x = self.blocks[0](x)
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(down(x))
        logits = self.words(self.dropout(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)))
        return dict(zip(self.vocabulary, logits.split([len(words) for words in self.vocabulary.values()], dim=1), strict=True))

    @torch.no_grad()
    def readings(self, pictures: Tensor) -> Tensor:
        """Return the index of each head's word [B, heads]; where no garment of a slot is seen, its cut is 0, the others UNKNOWN."""
        logits = self.parts(pictures)
        found = logits.argmax(1)
        there = torch.stack([(found == PART_INDEX[slot]).float().mean((1, 2)) > _SEEN for slot in SLOTS], 1)
        which, slots = there.nonzero(as_tuple=True)
        readings = torch.full((len(pictures), len(self.vocabulary)), UNKNOWN, device=pictures.device)
        names = list(self.vocabulary)
        readings[:, [names.index(head(slot, "cut")) for slot in SLOTS]] = 0
        if len(which):
            boxes = close_up_boxes(found[which] == PART_INDEX[SLOTS[0]] + slots[:, None, None], pictures.shape[3])
            read = self.look(pictures, logits.softmax(1), boxes, which, slots)
            for index, slot in enumerate(SLOTS):
                for quality in QUALITIES:
                    name = head(slot, quality)
                    readings[which[slots == index], names.index(name)] = read[name][slots == index].argmax(1)
        return readings


def close_up_boxes(masks: Tensor, width: int) -> Tensor:
    """Return the square that shows each mask [N, h, w] of a picture of some width: [N, 3] middle x, y and half its side, pixels.

    It follows the spread of the pixels, so that a few stray ones hardly count; of an empty mask it shows the middle of the picture.
    """
    with torch.autocast(masks.device.type, enabled=False):  # half a pixel of eighty is less than bfloat16 can tell
        weights = masks.float() + 1e-9  # none is empty
        y, x = (torch.arange(length, device=masks.device) + 0.5 for length in masks.shape[1:])
        columns, rows = weights.sum(1), weights.sum(2)
        total = columns.sum(1)
        middle = torch.stack([(columns * x).sum(1), (rows * y).sum(1)], 1) / total[:, None]
        away = (x - middle[:, :1]).square(), (y - middle[:, 1:]).square()
        spread = torch.stack([(columns * away[0]).sum(1), (rows * away[1]).sum(1)], 1) / total[:, None]
        scale = width / masks.shape[2]
        half = (_REACH * scale * spread.sqrt().amax(1)).clamp_min(_LEAST)
        return torch.cat([middle * scale, half[:, None]], 1)


def _close_ups(pictures: Tensor, boxes: Tensor, which: Tensor) -> Tensor:
    """Cut squares [N, 3], pixels, out of the pictures [B, C, H, W] that they are in: [N, C, CLOSE_UP, CLOSE_UP], 0 outside them."""
    size = torch.tensor([pictures.shape[3], pictures.shape[2]], device=pictures.device)
    steps = (2 * torch.arange(CLOSE_UP, device=pictures.device) + 1) / CLOSE_UP - 1
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    grid = 2 * (boxes[:, None, None, :2] + boxes[:, None, None, 2:] * places) / size - 1
    return grid_sample(pictures[which], grid, align_corners=False)
