"""Where the pack runs: the one small interface that nodes see of their surroundings.

`comfyui.py` adapts ComfyUI and is the only module that imports it; `headless/` stands in for it on a bare machine. Both offer
the same names, re-exported here: the schema classes (`io`, `ui`, `ComfyExtension`, `ADVANCED`), 3D types (`Splat`, `SplatType`,
`MeshData`, `MeshType`, `make_mesh`), progress and interrupt, the device, and paths that stay inside their folders.

MODEL, CLIP and VAE have their place here too: the base model brings `clone and patch a MODEL`, `run its UNet once with capture`
and `build a MODEL/CLIP/VAE from our base weights` as functions of this interface, whose headless side is headless/diffusion.py.
Their socket types (`io.Model`, `io.Clip`, `io.Vae`, `io.Conditioning`, `io.Latent`) stand already.
"""

import sys

if "folder_paths" in sys.modules:  # only a running ComfyUI has loaded it
    from .comfyui import (
        ADVANCED,
        ComfyExtension,
        MeshData,
        MeshType,
        Progress,
        Splat,
        SplatType,
        also_written,
        check_interrupt,
        device,
        input_files,
        input_path,
        io,
        make_mesh,
        model_files,
        model_path,
        output_path,
        ui,
    )
else:
    from .headless import (
        ADVANCED,
        ComfyExtension,
        MeshData,
        MeshType,
        Progress,
        Splat,
        SplatType,
        also_written,
        check_interrupt,
        device,
        input_files,
        input_path,
        io,
        make_mesh,
        model_files,
        model_path,
        output_path,
        ui,
    )

__all__ = [
    "ADVANCED",
    "ComfyExtension",
    "MeshData",
    "MeshType",
    "Progress",
    "Splat",
    "SplatType",
    "also_written",
    "check_interrupt",
    "device",
    "input_files",
    "input_path",
    "io",
    "make_mesh",
    "model_files",
    "model_path",
    "output_path",
    "ui",
]
