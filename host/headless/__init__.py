"""ComfyUI's stand-in on a bare machine: it runs a workflow file in this process, with no server.

`io` and `ui` hold the part of `comfy_api` that V3 nodes use; `folders`, `progress` and `session` are the surroundings a node
sees; `workflow`, `validation` and `executor` run a file; `core_nodes*` are the few ComfyUI nodes that our templates use, and
`diffusion` is what MODEL, CLIP and VAE are here; `run`, `listing`, `doctor` and `bench` are the commands of modiste.py. It is not
a second ComfyUI: other core nodes need ComfyUI.
"""

from . import io, ui
from .diffusion.interface import base_model, loaded, managed, run_once, with_lora
from .folders import also_written, input_files, input_path, model_files, model_path, output_path
from .progress import Progress, check_interrupt
from .schema import ComfyExtension, nothing
from .session import device
from .types3d import MeshData, Splat, make_mesh

ADVANCED: dict[str, bool] = {}  # inputs take `advanced` only in newer versions than the one whose schema is mirrored here
SplatType = io.Custom("SPLAT")
MeshType = io.Mesh

__all__ = [
    "ADVANCED",
    "ComfyExtension",
    "MeshData",
    "MeshType",
    "Progress",
    "Splat",
    "SplatType",
    "also_written",
    "base_model",
    "check_interrupt",
    "device",
    "input_files",
    "input_path",
    "io",
    "loaded",
    "make_mesh",
    "managed",
    "model_files",
    "model_path",
    "nothing",
    "output_path",
    "run_once",
    "ui",
    "with_lora",
]
