"""Photos and masks as artists give them, checked and brought to what the networks take."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .crop import SMALL, main_box, masked_pixels

FACTOR = 8  # pixels of a latent's place
FILLED = 0.8  # of a photo's height or width that the garment takes up in what GarmNet sees


def checked_masks(images: Tensor, masks: Tensor) -> Tensor:
    """Return one mask for each image: [B, H, W] for images [B, H, W, 3].

    A garment smaller than SMALL pixels is warned of.

    Raises:
        ValueError: if a mask is empty or of another size, or there are neither one nor as many as images.
    """
    masks = (masks[None] if masks.ndim == 2 else masks).to(images)
    if not masks.any():
        raise ValueError("The mask is empty: paint the garment white in it, in the mask editor of Load Image.")
    if masks.shape[1:] != images.shape[1:3]:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (masks.shape[1:], images.shape[1:3])]
        raise ValueError(f"The mask is {sizes[0]} and the image {sizes[1]}: give a mask of the image's size.")
    if len(masks) not in (1, len(images)):
        raise ValueError(f"There are {len(masks)} masks for {len(images)} images: give one, or one for each image.")
    for number, mask in enumerate(masks, 1):
        pixels = masked_pixels(mask)
        which = f"Mask {number}" if len(masks) > 1 else "The mask"
        if not pixels:
            raise ValueError(f"{which} is empty: paint the garment white in it.")
        if pixels < SMALL:
            logging.warning(
                "%s shows a garment only %d pixels large, in which little can be seen: use a closer photo.", which, pixels
            )
    return masks.expand(len(images), -1, -1)


def limited(height: int, width: int, longest: int) -> tuple[int, int]:
    """Return a size of about a photo's shape with no side longer than some pixels, in whole places of a latent."""
    scale = min(1.0, longest / max(height, width))
    return tuple(max(1, round(scale * length / FACTOR)) * FACTOR for length in (height, width))


def closer(images: Tensor, masks: Tensor, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
    """Return the part of each photo in which its garment fills FILLED of the height or width.

    Garments then lie where they lie in a picture of them alone, and the small ones of people far away keep their prints. Data sets
    of shops are framed so. Nothing beyond the photo is shown, and nothing is stretched: where a garment fills more than that, all
    of the photo that has the shape asked for is shown.

    Args:
        images: [B, H, W, 3] in 0..1.
        masks: [B, H, W], none of them empty.
        size: height and width of what comes back; the photos' own if not given.
    """
    size = size or (images.shape[1], images.shape[2])
    both = torch.cat([images, masks[..., None]], -1).movedim(-1, 1)
    near = [interpolate(one[None, :, *_around(one[3], size)], size, mode="bicubic", antialias=True) for one in both]
    both = torch.cat(near).movedim(1, -1).clamp(0, 1)
    return both[..., :3], both[..., 3]


def _around(mask: Tensor, size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of the part of a size's shape that shows what a mask [H, W] does."""
    box = main_box(mask)
    wanted = max((side.stop - side.start) / length for side, length in zip(box, size, strict=True)) / FILLED
    scale = min(wanted, *(whole / length for whole, length in zip(mask.shape, size, strict=True)))
    found = []
    for side, whole, length in zip(box, mask.shape, size, strict=True):
        part = max(1, min(whole, round(scale * length)))
        start = min(max(0, (side.start + side.stop - part) // 2), whole - part)
        found.append(slice(start, start + part))
    return found[0], found[1]


def on_white(images: Tensor, masks: Tensor) -> Tensor:
    """Return what masks [B, H, W] show of images [B, H, W, 3], on white."""
    return torch.lerp(torch.ones_like(images), images, masks[..., None])


def fitted(image: Tensor, width: int, height: int, ground: float = 1.0) -> Tensor:
    """Return a picture [H, W, 3] in 0..1 at a size, whole and not stretched, with white, or `ground`, where its shape differs."""
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = max(1, round(scale * image.shape[0])), max(1, round(scale * image.shape[1]))
    small = interpolate(image.movedim(-1, 0)[None], inner, mode="bicubic", antialias=True)[0].movedim(0, -1).clamp(0, 1)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas = image.new_full((height, width, 3), ground)
    canvas[top : top + inner[0], left : left + inner[1]] = small
    return canvas


def read_photo(path: Path) -> Tensor:
    """Return a picture file as [H, W, 3] in 0..1, turned as its camera says.

    Raises:
        ValueError: if it is no picture that can be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"'{path.name}' is no picture that can be read: choose a PNG or JPEG.") from error
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(picture.height, picture.width, 3) / 255
