"""Photos with their cameras, checked before anything is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ...render import Camera, resized


@dataclass(frozen=True)
class Photos:
    """B photos of one size.

    images:  [B, H, W, 3] sRGB in 0..1
    cameras: B, of the size of the images
    masks:   [B, H, W] in 0..1, 1 on the person, or None where all of the picture counts
    """

    images: Tensor
    cameras: list[Camera]
    masks: Tensor | None

    def __len__(self) -> int:
        return len(self.cameras)

    @staticmethod
    def checked(images: Tensor, cameras: Sequence[Camera], masks: Tensor | None = None) -> Photos:
        """Check that photos, cameras and masks belong together; cameras are scaled to the photos.

        Raises:
            ValueError: if there are no photos, numbers or sizes differ, values are not finite, or all masks are empty.
        """
        if images.ndim != 4 or images.shape[-1] < 3 or 0 in images.shape:
            raise ValueError("There are no photos to fit to: connect a batch of at least one colour picture.")
        if len(images) != len(cameras):
            raise ValueError(
                f"There are {len(images)} photos and {len(cameras)} cameras: give each photo its camera, in the same order."
            )
        if not images.isfinite().all():
            raise ValueError("The photos have pixels that are not finite numbers: check what made them.")
        _, height, width, _ = images.shape
        for index, camera in enumerate(cameras):
            if not (camera.view.isfinite().all() and camera.intrinsics.isfinite().all()):
                raise ValueError(f"Camera {index + 1} has values that are not finite numbers: check the file that it came from.")
        return Photos(
            images[..., :3].float().clamp(0, 1),
            # Copies, since tensors made in inference mode cannot take part in a backward pass.
            [replace(resized(camera, width, height), view=camera.view.clone()) for camera in cameras],
            None if masks is None else _checked_masks(masks, images),
        )


def _checked_masks(masks: Tensor, images: Tensor) -> Tensor:
    if masks.shape != images.shape[:3]:
        have, want = (f"{shape[0]} of {' x '.join(map(str, shape[:0:-1]))}" for shape in (masks.shape, images.shape[:3]))
        raise ValueError(f"The masks are {have} pixels and the photos {want}: give each photo a mask of its size.")
    if not masks.isfinite().all():
        raise ValueError("The masks have values that are not finite numbers: check what made them.")
    if not masks.amax() > 0:
        raise ValueError("All masks are empty, so nothing is left to fit to: connect masks that are white on the person.")
    return masks.float().clamp(0, 1)
