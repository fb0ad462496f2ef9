"""Where the pack runs: the one small interface that nodes see of their surroundings.

`comfyui*.py` adapts ComfyUI and alone imports it; `headless/` stands in for it on a bare machine. Both offer the same names,
re-exported here: the schema classes (`io`, `ui`, `ComfyExtension`, `ADVANCED`), 3D types (`Splat`, `SplatType`, `MeshData`,
`MeshType`, `make_mesh`), progress and interrupt, `nothing` for outputs that are to stop what follows, the device, and paths that
stay inside their folders.

MODEL, CLIP and VAE: `base_model` builds them from our base weights, `run_once` runs a MODEL's UNet once, so that its patches see
what goes by, and `with_lora` changes its weights; `managed` and `loaded` bring a module of ours to the device. In ComfyUI they are
core's own objects (`comfyui_diffusion.py`); headless they are diffusers and transformers modules behind the same methods
(`headless/diffusion/`): a MODEL has `clone`, `model_options`, `set_model_attn1_patch`, `set_model_attn1_output_patch`,
`set_model_attn1_replace`, the same for attn2, `add_patches` and `get_model_object`.
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
        nothing,
        output_path,
        ui,
    )
    from .comfyui_diffusion import base_model, loaded, managed, run_once, with_lora
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
        base_model,
        check_interrupt,
        device,
        input_files,
        input_path,
        io,
        loaded,
        make_mesh,
        managed,
        model_files,
        model_path,
        nothing,
        output_path,
        run_once,
        ui,
        with_lora,
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
