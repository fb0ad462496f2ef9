"""Image tensors to and from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor


def save_png(image: Tensor, path: Path, compress_level: int, texts: dict[str, Any]) -> None:
    """Write an image [H, W, 1, 3 or 4] in 0..1 as PNG, with `texts` as JSON in its text chunks."""
    import numpy as np
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, json.dumps(value))
    pixels = (image.detach().cpu().float().clamp(0, 1).numpy() * 255.0).astype(np.uint8)
    picture = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    with atomic_write(path) as temporary:
        picture.save(temporary, format="PNG", pnginfo=info, compress_level=compress_level)
