"""What nodes show in the front end: the names of ComfyUI's `comfy_api.latest.ui` that our nodes use.

Nobody looks at a headless run, so previews become files in temp/ and texts are kept in the run's result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .folders import numbered_path
from .images import save_png
from .session import current

if TYPE_CHECKING:
    from torch import Tensor

    from .schema import ComfyNode


class PreviewText:
    """A line of text on the node."""

    def __init__(self, value: str) -> None:
        self.value = value

    def as_dict(self) -> dict[str, Any]:
        return {"text": (self.value,)}


class PreviewImage:
    """An image batch [B, H, W, C], written to temp/."""

    def __init__(self, image: Tensor, animated: bool = False, cls: type[ComfyNode] | None = None) -> None:
        folder = current().temp_folder
        self.animated = animated
        self.values = []
        for picture in image:
            path, name = numbered_path(folder, "ComfyUI_temp", ".png")
            save_png(picture, path, compress_level=1, texts={})
            self.values.append({"filename": name, "subfolder": "", "type": "temp"})

    def as_dict(self) -> dict[str, Any]:
        return {"images": self.values, "animated": (self.animated,)}


class PreviewUI3D:
    """A 3D file, by its name relative to the output folder, and a camera."""

    def __init__(self, model_file: str, camera_info: dict[str, Any] | None = None) -> None:
        self.model_file = model_file
        self.camera_info = camera_info

    def as_dict(self) -> dict[str, Any]:
        return {"result": [self.model_file, self.camera_info]}
