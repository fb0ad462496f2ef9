"""ComfyUI's image nodes that our templates use, with the ids, inputs and results of core."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from . import io, ui
from .folders import input_files, input_path, output_path
from .images import load_image, load_mask, save_png, save_webp, scale

if TYPE_CHECKING:
    from torch import Tensor

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LARGEST = 16384  # core's MAX_RESOLUTION, pixels


class LoadImage(io.ComfyNode):
    """A picture of the input folder as IMAGE and, inverted, its alpha as MASK."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadImage",
            display_name="Load Image",
            category="image",
            inputs=[io.Combo.Input("image", options=input_files(IMAGE_SUFFIXES), upload=io.UploadType.image)],
            outputs=[io.Image.Output(), io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image: str) -> bool:
        input_path(image)
        return True

    @classmethod
    def fingerprint_inputs(cls, image: str) -> str:
        return _digest(input_path(image))

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        return io.NodeOutput(*load_image(input_path(image)))


class LoadImageMask(io.ComfyNode):
    """One channel of a picture of the input folder as MASK; alpha is inverted."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadImageMask",
            display_name="Load Image (as Mask)",
            category="mask",
            inputs=[
                io.Combo.Input("image", options=input_files(IMAGE_SUFFIXES), upload=io.UploadType.image),
                io.Combo.Input("channel", options=["alpha", "red", "green", "blue"]),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image: str) -> bool:
        input_path(image)
        return True

    @classmethod
    def fingerprint_inputs(cls, image: str, channel: str) -> str:
        return _digest(input_path(image))

    @classmethod
    def execute(cls, image: str, channel: str) -> io.NodeOutput:
        return io.NodeOutput(load_mask(input_path(image), channel))


class SaveImage(io.ComfyNode):
    """Each image of a batch as a numbered PNG in the output folder, with the workflow in its text chunks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveImage",
            display_name="Save Image",
            category="image",
            description="Saves the input images to your ComfyUI output directory.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="The images to save."),
                io.String.Input("filename_prefix", default="ComfyUI", tooltip="The prefix for the file to save."),
            ],
        )

    @classmethod
    def execute(cls, images: Tensor, filename_prefix: str) -> io.NodeOutput:
        texts: dict[str, Any] = {"prompt": cls.hidden.prompt} | (cls.hidden.extra_pnginfo or {})
        saved = []
        for image in images:
            path, name = output_path(filename_prefix, ".png")
            save_png(image, path, compress_level=4, texts=texts)
            folder, _, file = name.rpartition("/")
            saved.append({"filename": file, "subfolder": folder, "type": "output"})
        return io.NodeOutput(ui={"images": saved})


class SaveAnimatedWEBP(io.ComfyNode):
    """An image batch as one animated WebP in the output folder."""

    EFFORT: ClassVar = {"default": 4, "fastest": 0, "slowest": 6}

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveAnimatedWEBP",
            display_name="Save Animated WEBP",
            category="image/animation",
            is_output_node=True,
            inputs=[
                io.Image.Input("images"),
                io.String.Input("filename_prefix", default="ComfyUI"),
                io.Float.Input("fps", default=6.0, min=0.01, max=1000.0, step=0.01),
                io.Boolean.Input("lossless", default=True),
                io.Int.Input("quality", default=80, min=0, max=100),
                io.Combo.Input("method", options=list(cls.EFFORT)),
            ],
        )

    @classmethod
    def execute(cls, images: Tensor, filename_prefix: str, fps: float, lossless: bool, quality: int, method: str) -> io.NodeOutput:
        path, name = output_path(filename_prefix, ".webp")
        save_webp(images, path, fps, lossless, quality, cls.EFFORT[method])
        folder, _, file = name.rpartition("/")
        return io.NodeOutput(ui={"images": [{"filename": file, "subfolder": folder, "type": "output"}], "animated": (True,)})


class PreviewImage(io.ComfyNode):
    """Each image of a batch as a PNG in the temp folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PreviewImage",
            display_name="Preview Image",
            category="image",
            is_output_node=True,
            inputs=[io.Image.Input("images")],
        )

    @classmethod
    def execute(cls, images: Tensor) -> io.NodeOutput:
        return io.NodeOutput(ui=ui.PreviewImage(images))


class ImageScale(io.ComfyNode):
    """An image batch at another size; a width or height of 0 keeps the shape, both 0 the image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ImageScale",
            display_name="Upscale Image",
            category="image/upscaling",
            inputs=[
                io.Image.Input("image"),
                io.Combo.Input("upscale_method", options=["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]),
                io.Int.Input("width", default=512, min=0, max=LARGEST, step=1),
                io.Int.Input("height", default=512, min=0, max=LARGEST, step=1),
                io.Combo.Input("crop", options=["disabled", "center"]),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: Tensor, upscale_method: str, width: int, height: int, crop: str) -> io.NodeOutput:
        return io.NodeOutput(scale(image, width, height, upscale_method, crop == "center"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


NODES = [LoadImage, LoadImageMask, SaveImage, SaveAnimatedWEBP, PreviewImage, ImageScale]
