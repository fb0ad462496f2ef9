"""The host interface on ComfyUI, 0.3.64 and later; this module and comfyui_diffusion.py are the only ones that import it.

What newer versions have is asked for by `hasattr` or by signature here, so that nodes are written once, to the older schema.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management
import comfy.utils
import folder_paths
from comfy_api.v0_0_2 import ComfyExtension, Types, io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from .headless import types3d
from .paths import find_file, find_readable, list_files, list_readable, numbered_path

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["ComfyExtension", "io", "ui"]

PREVIEW_SIZE = 512  # pixels of the longer side of a picture that a running node shows
MODELS = "modiste"  # our folder in ComfyUI's models folder, and its key in extra_model_paths.yaml
SHIPPED_WEIGHTS = Path(__file__).resolve().parents[1] / "models" / "weights" / "shipped"

ADVANCED: dict[str, bool] = {"advanced": True} if "advanced" in inspect.signature(io.Float.Input).parameters else {}

# Core nodes read the attributes of these values and not their class, so ours stand in where core has none.
Splat = getattr(Types, "SPLAT", types3d.Splat)  # ComfyUI 0.23 and later
SplatType = getattr(io, "Splat", None) or io.Custom("SPLAT")
MeshData = getattr(Types, "MESH", types3d.MeshData)
if "texture" not in inspect.signature(MeshData).parameters:  # early ones hold vertices and faces alone
    MeshData = types3d.MeshData
MeshType = io.Mesh


def make_mesh(
    vertices: Tensor,
    faces: Tensor,
    uvs: Tensor | None = None,
    vertex_colors: Tensor | None = None,
    texture: Tensor | None = None,
) -> Any:
    """Return a MESH value."""
    return MeshData(vertices, faces, uvs=uvs, vertex_colors=vertex_colors, texture=texture)


def nothing() -> Any:
    """Return the value of an output that there is nothing to give for: what is connected to it does not run."""
    return ExecutionBlocker(None)


def check_interrupt() -> None:
    """Stop the running node if the user cancelled.

    Raises:
        InterruptProcessingException: ComfyUI's own, which the executor expects.
    """
    comfy.model_management.throw_exception_if_processing_interrupted()


class Progress:
    """A library function's progress callback: `progress(done, total)` moves the node's bar and checks the interrupt."""

    def __init__(self, total: int) -> None:
        self.bar = comfy.utils.ProgressBar(total)

    def __call__(self, done: int, total: int | None = None) -> None:
        check_interrupt()
        self.bar.update_absolute(done, total)

    def show(self, picture: Tensor) -> None:
        """Show a picture [H, W, 3] in 0..1 on the running node, in place of the last one."""
        from PIL import Image

        check_interrupt()
        pixels = (picture.detach().cpu().clamp(0, 1) * 255).round().byte().numpy()
        self.bar.update_absolute(self.bar.current, None, ("JPEG", Image.fromarray(pixels), PREVIEW_SIZE))


def device() -> torch.device:
    """Return the device that nodes compute on."""
    return comfy.model_management.get_torch_device()


def input_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the files with one of the suffixes (`.ply`, any case) that `input_path` finds."""
    return list_readable(_input_folder(), _output_folder(), suffixes)


def input_path(name: str) -> Path:
    """Return the path of a file in the input folder or, with core's mark " [output]" on its name, in the output folder.

    Raises:
        ValueError: if the name leads out of its folder.
        FileNotFoundError: if there is no such file.
    """
    return find_readable(_input_folder(), _output_folder(), name)


def model_files(suffixes: tuple[str, ...]) -> list[str]:
    """Return the names of the model files with one of the suffixes, sorted: the user's models/modiste and what the pack ships."""
    return sorted({name for folder in _model_folders() for name in list_files(folder, suffixes)})


def model_path(name: str) -> Path:
    """Return the path of a model file.

    Raises:
        ValueError: if the name leads out of the model folders.
        FileNotFoundError: if there is no such file.
    """
    return find_file(_model_folders(), name, "model")


def output_path(prefix: str, suffix: str) -> tuple[Path, str]:
    """Return a free, numbered path in the output folder (`modiste/avatar_00001_.ply`) and its name relative to that folder.

    Raises:
        ValueError: if the prefix is empty or leads out of the output folder, or the folder cannot be used.
    """
    return numbered_path(_output_folder(), prefix, suffix)


def also_written(*paths: Path) -> None:
    """Note files that a node wrote beside one from `output_path`; ComfyUI keeps no list of them."""


def _input_folder() -> Path:
    return Path(folder_paths.get_input_directory())


def _output_folder() -> Path:
    return Path(folder_paths.get_output_directory())


def _model_folders() -> list[Path]:
    return [*map(Path, folder_paths.get_folder_paths(MODELS)), SHIPPED_WEIGHTS]


folder_paths.add_model_folder_path(MODELS, str(Path(folder_paths.models_dir) / MODELS))  # after those of extra_model_paths.yaml
