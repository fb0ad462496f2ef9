"""Contact sheets: pictures in a grid, each with its caption below."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

GAP = 4
FONT_SIZE = 11


def contact_sheet(
    images: list[Tensor],  # each [H, W, 3], uint8 or 0..1
    captions: list[str] | None,
    columns: int,
) -> Image:
    """Lay pictures out row by row, on cells as large as the largest of them.

    Raises:
        ValueError: if there is no picture, or not one caption for each.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not images:
        raise ValueError("A contact sheet needs at least one picture: give some.")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"A contact sheet of {len(images)} pictures got {len(captions)} captions: give one for each.")
    font = ImageFont.load_default(FONT_SIZE)
    width = max(image.shape[1] for image in images)
    texts = [_wrapped(caption, font, width) for caption in captions or [""] * len(images)]
    line = FONT_SIZE + 2
    below = line * max(text.count("\n") + 1 for text in texts) + GAP if captions else 0
    height = max(image.shape[0] for image in images)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + below + GAP) + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        left = GAP + index % columns * (width + GAP)
        top = GAP + index // columns * (height + below + GAP)
        sheet.paste(Image.fromarray(as_bytes(image).cpu().numpy()), (left, top))
        draw.multiline_text((left, top + image.shape[0] + 1), text, fill="black", font=font, spacing=2)
    return sheet


def as_bytes(image: Tensor) -> Tensor:
    """Return a picture as uint8; one of floats is clipped to 0..1."""
    if image.dtype == torch.uint8:
        return image
    return (image.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)


def _wrapped(caption: str, font: object, width: int) -> str:
    letters = max(1, int(width / max(1.0, font.getlength("abcdefghij") / 10)))
    return "\n".join(textwrap.wrap(caption, letters))
