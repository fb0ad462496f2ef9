"""The last touch: a restored garment on pure white, and its outline as a mask."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

SPECK = 0.002  # share of a picture; what is smaller and lies apart is no garment


def finished(
    images: Tensor, tolerance: float = 0.06, feather: int = 1, progress: Callable[[int, int], None] | None = None
) -> tuple[Tensor, Tensor]:
    """Find the garment on its white ground and put it on pure white.

    Ground is what is nearly white and hangs together with the picture's edge, so that white inside a print stays.

    Args:
        images: [B, H, W, 3] in 0..1.
        tolerance: how far from white, in each channel, ground may be.
        feather: pixels over which the outline fades.

    Returns:
        The pictures, and masks [B, H, W], 1 on the garment.
    """
    masks = []
    for number, image in enumerate(images):
        masks.append(_garment(image, tolerance))
        if progress:
            progress(number + 1, len(images))
        if not masks[-1].any():
            logging.warning("No garment stands out from the white ground of picture %d: lower the tolerance.", number + 1)
    mask = torch.stack(masks).to(images)
    if feather:
        around = (feather,) * 4
        mask = avg_pool2d(pad(mask[:, None], around, mode="replicate"), 2 * feather + 1, 1)[:, 0]
    return torch.lerp(torch.ones_like(images), images, mask[..., None]), mask


def _garment(image: Tensor, tolerance: float) -> Tensor:
    """Return where the garment is in a picture [H, W, 3]: [H, W] bool."""
    from scipy import ndimage

    light = pad((image.amin(-1) >= 1 - tolerance).cpu(), (1, 1, 1, 1), value=True).numpy()  # the frame joins all edges
    regions, _ = ndimage.label(light)
    garment = regions != regions[0, 0]
    pieces, count = ndimage.label(garment)
    if count:
        sizes = torch.from_numpy(ndimage.sum_labels(garment, pieces, range(1, count + 1)))
        kept = 1 + (sizes >= SPECK * garment.size).nonzero()[:, 0]
        garment = torch.isin(torch.from_numpy(pieces), kept).numpy()
    return torch.from_numpy(garment)[1:-1, 1:-1]
