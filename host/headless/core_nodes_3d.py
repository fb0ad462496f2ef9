"""ComfyUI's 3D nodes that our templates use, with the ids and inputs of core 0.33; nobody looks, so previews are files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths
from . import io, ui
from .folders import numbered_path, output_path
from .session import current
from .types3d import File3D, Splat

if TYPE_CHECKING:
    from torch import Tensor

SplatType = io.Custom("SPLAT")
ModelInfo = io.Custom("LOAD3D_MODEL_INFO")
File3DAny = io.Custom("FILE_3D")
File3DSplatAny = io.Custom("FILE_3D_SPLAT_ANY")
SPLAT_FILES = [File3DSplatAny, *(io.Custom(f"FILE_3D_{kind}") for kind in ("PLY", "SPLAT", "SPZ", "KSPLAT"))]
MESH_FILES = [*(io.Custom(f"FILE_3D_{kind}") for kind in ("GLB", "GLTF", "FBX", "OBJ", "STL", "USDZ")), File3DAny]


class SplatToFile3D(io.ComfyNode):
    """A splat as a file in memory, in the axes it has; a batch gives its first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatToFile3D",
            display_name="Create 3D File (from Splat)",
            category="3d/splat",
            inputs=[SplatType.Input("splat"), io.Combo.Input("format", options=["ply", "spz"])],
            outputs=[File3DSplatAny.Output(display_name="model_3d")],
        )

    @classmethod
    def execute(cls, splat: Splat, format: str) -> io.NodeOutput:
        from ...models.avatars.formats.gaussian_ply import write_gaussian_ply
        from ...models.avatars.formats.orientation import turn_about_x
        from ...models.avatars.formats.spz import write_spz
        from ...models.geometry import Gaussians

        real = slice(None if splat.counts is None else int(splat.counts[0]))
        gaussians = Gaussians(
            splat.positions[0, real],
            splat.scales[0, real],
            splat.rotations[0, real],
            splat.opacities[0, real, 0],
            splat.sh[0, real],
        )
        if not len(gaussians):
            raise ValueError("The splat holds no Gaussians, so there is no file to make.")
        write = {"ply": write_gaussian_ply, "spz": write_spz}[format]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"splat.{format}"
            write(path, turn_about_x(gaussians))  # the writer turns it back: core writes a splat as it lies, Y down by custom
            return io.NodeOutput(File3D(path.read_bytes(), format))


class Preview3D(io.ComfyNode):
    """A 3D file of the output folder, by its name there, or one from another node; a run counts it among its outputs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="Preview3D",
            display_name="Preview 3D & Animation",
            category="3d",
            is_experimental=True,
            is_output_node=True,
            inputs=[
                io.MultiType.Input(
                    io.String.Input("model_file", default="", multiline=False),
                    types=MESH_FILES,
                    tooltip="3D model file or path string",
                ),
                io.Load3DCamera.Input("camera_info", optional=True),
                io.Image.Input("bg_image", optional=True),
            ],
        )

    @classmethod
    def execute(
        cls, model_file: str | File3D, camera_info: dict[str, Any] | None = None, bg_image: Tensor | None = None
    ) -> io.NodeOutput:
        if isinstance(model_file, File3D):
            path, name = output_path("preview3d", f".{model_file.format}")
            model_file.save_to(path)
        else:
            name = model_file
            current().written.append(paths.find_file([current().output_folder], name, "output"))
        return io.NodeOutput(ui=ui.PreviewUI3D(name, camera_info))


class _SplatFileNode(io.ComfyNode):
    """What Save Splat and Preview Splat share: their sockets, which pass the file on."""

    ID: str
    TITLE: str
    EXTRA_INPUTS: tuple[io.Input, ...] = ()

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id=cls.ID,
            display_name=cls.TITLE,
            category="3d",
            is_experimental=True,
            is_output_node=True,
            inputs=[
                io.MultiType.Input("model_3d", types=SPLAT_FILES, tooltip="A gaussian splat 3D file."),
                *cls.EXTRA_INPUTS,
                io.Load3D.Input("viewport_state"),
                ModelInfo.Input("model_3d_info", optional=True),
                io.Load3DCamera.Input("camera_info", optional=True),
                io.Int.Input("width", default=1024, min=1, max=4096, step=1),
                io.Int.Input("height", default=1024, min=1, max=4096, step=1),
            ],
            outputs=[
                File3DSplatAny.Output(display_name="model_3d"),
                ModelInfo.Output(display_name="model_3d_info"),
                io.Load3DCamera.Output(display_name="camera_info"),
                io.Int.Output(display_name="width"),
                io.Int.Output(display_name="height"),
            ],
        )

    @classmethod
    def save(cls, model_3d: File3D, place: tuple[Path, str], inputs: dict[str, Any]) -> io.NodeOutput:
        """Write the file and pass it on, with the camera and model info of the inputs or else of the viewport."""
        path, name = place
        model_3d.save_to(path)
        viewport = inputs["viewport_state"] if isinstance(inputs["viewport_state"], dict) else {}
        camera = inputs.get("camera_info") or viewport.get("camera_info")
        info = inputs.get("model_3d_info") or viewport.get("model_3d_info", [])
        return io.NodeOutput(model_3d, info, camera, inputs["width"], inputs["height"], ui=ui.PreviewUI3D(name, camera))


class SaveGaussianSplat(_SplatFileNode):
    """A splat file, numbered, in the output folder."""

    ID = "SaveGaussianSplat"
    TITLE = "Save Splat"
    EXTRA_INPUTS = (io.String.Input("filename_prefix", default="3d/ComfyUI"),)

    @classmethod
    def execute(cls, model_3d: File3D, filename_prefix: str, **inputs: Any) -> io.NodeOutput:
        return cls.save(model_3d, output_path(filename_prefix, f".{model_3d.format}"), inputs)


class PreviewGaussianSplat(_SplatFileNode):
    """A splat file in the temp folder."""

    ID = "PreviewGaussianSplat"
    TITLE = "Preview Splat"

    @classmethod
    def execute(cls, model_3d: File3D, **inputs: Any) -> io.NodeOutput:
        return cls.save(model_3d, numbered_path(current().temp_folder, "preview_splat", f".{model_3d.format}"), inputs)


NODES = [SplatToFile3D, Preview3D, SaveGaussianSplat, PreviewGaussianSplat]
