"""Image tensors to and from files, and to other sizes, with the conventions of ComfyUI's image nodes.

An IMAGE is [B, H, W, C] sRGB in 0..1, a MASK [B, H, W] in 0..1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.files import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

NO_MASK = (64, 64)  # the size of the empty mask that core gives for a picture without alpha


def load_image(path: Path) -> tuple[Tensor, Tensor]:
    """Read a picture, all frames of an animation, as IMAGE [B, H, W, 3] and MASK [B, H, W], 1 where it is transparent.

    Raises:
        ValueError: if the file is not a picture that can be read.
    """
    import torch

    frames = _frames(path)
    frames = [frame for frame in frames if frame.size == frames[0].size]
    images = torch.stack([_tensor(frame.convert("RGB")) for frame in frames])
    masks = torch.stack([_transparency(frame) for frame in frames])
    return images, masks


def load_mask(path: Path, channel: str) -> Tensor:
    """Read one channel ("red", "green", "blue" or, inverted, "alpha") of a picture as MASK [1, H, W].

    Raises:
        ValueError: if the file is not a picture that can be read.
    """
    frame = _frames(path)[0].convert("RGBA")
    mask = _tensor(frame.getchannel(channel[0].upper()))[None]
    return 1 - mask if channel == "alpha" else mask


def save_png(image: Tensor, path: Path, compress_level: int, texts: dict[str, Any]) -> None:
    """Write an image [H, W, 1, 3 or 4] as PNG, with `texts` as JSON in its text chunks."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, json.dumps(value))
    with atomic_write(path) as temporary:
        _picture(image).save(temporary, format="PNG", pnginfo=info, compress_level=compress_level)


def save_webp(images: Tensor, path: Path, fps: float, lossless: bool, quality: int, effort: int) -> None:
    """Write images [B, H, W, 3 or 4] as one animated WebP that repeats for ever; `effort` is 0 (fast) to 6 (small)."""
    first, *rest = map(_picture, images)
    with atomic_write(path) as temporary:
        first.save(
            temporary,
            format="WEBP",
            save_all=True,
            append_images=rest,
            duration=int(1000 / fps),
            loop=0,
            lossless=lossless,
            quality=quality,
            method=effort,
        )


def scale(image: Tensor, width: int, height: int, method: str, crop: bool) -> Tensor:
    """Resize an IMAGE; a width or height of 0 follows from the other, and `crop` first cuts it to the new shape."""
    import torch

    _, old_height, old_width, _ = image.shape
    if width == 0 and height == 0:
        return image
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    if crop:
        x = max(0, round((old_width - old_height * width / height) / 2))
        y = max(0, round((old_height - old_width * height / width) / 2))
        image = image[:, y : old_height - y, x : old_width - x]
    if method == "lanczos":
        return _lanczos(image, width, height)
    return torch.nn.functional.interpolate(image.movedim(-1, 1), size=(height, width), mode=method).movedim(1, -1)


def _lanczos(image: Tensor, width: int, height: int) -> Tensor:
    import torch
    from PIL import Image

    pictures = [_picture(one).resize((width, height), Image.Resampling.LANCZOS) for one in image]
    return torch.stack([_tensor(picture) for picture in pictures]).to(image)


def _picture(image: Tensor) -> Picture:
    """Turn an image [H, W, 1, 3 or 4] into a picture of 8 bits, rounding down as core does."""
    import numpy as np
    from PIL import Image

    pixels = (image.detach().cpu().float().clamp(0, 1).numpy() * 255.0).astype(np.uint8)
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def _frames(path: Path) -> list[Picture]:
    from PIL import Image, ImageOps, ImageSequence

    try:
        with Image.open(path) as picture:
            frames = [ImageOps.exif_transpose(frame).copy() for frame in ImageSequence.Iterator(picture)]
            multiple = picture.format != "MPO"  # its second frame is the other eye's view
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"'{path.name}' is not a picture that can be read: save it again as PNG or JPEG.") from error
    frames = [_eight_bit(frame) if frame.mode.startswith("I") else frame for frame in frames]
    return frames if multiple else frames[:1]


def _eight_bit(frame: Picture) -> Picture:
    """Return a 16-bit grey picture with 8 bits, divided by 255 as core does."""
    import numpy as np
    from PIL import Image

    return Image.fromarray((np.asarray(frame) / 255).clip(0, 255).astype(np.uint8))


def _transparency(frame: Picture) -> Tensor:
    import torch

    if "A" in frame.getbands() or (frame.mode == "P" and "transparency" in frame.info):
        return 1 - _tensor(frame.convert("RGBA").getchannel("A"))
    return torch.zeros(NO_MASK)


def _tensor(picture: Picture) -> Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255.0)
