"""Times ComfyUI's own RenderSplat. Runs by itself, under ComfyUI's Python, in ComfyUI's folder; no part of the package is loaded.

Usage: python comfyui_splat_bench.py SCENE.npz CAMERA.json REPEATS, with the arrays of a SPLAT (Y down, no batch axis) in SCENE.npz.
Prints one JSON object as its last line: {"seconds": best of the repeats, "coverage": mean of the mask}.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(scene: str, camera: str, repeats: int) -> None:
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = [sys.argv[0], "--cpu"]  # ComfyUI reads its options from here
    import comfy.options

    comfy.options.enable_args_parsing()
    import numpy as np
    import torch
    from comfy_api.latest import Types
    from comfy_extras.nodes_gaussian_splat import RenderSplat

    arrays = np.load(scene, allow_pickle=False)
    splat = Types.SPLAT(*(torch.from_numpy(arrays[k])[None] for k in ("positions", "scales", "rotations", "opacities", "sh")))
    info = json.loads(Path(camera).read_text(encoding="utf-8"))
    torch.set_num_threads(info["threads"])
    settings = {
        "width": info["width"],
        "height": info["height"],
        "frames": 1,
        "splat_scale": 1.0,
        "sharpen": 1.0,  # the physical blend, and the cheaper one
        "headlight_shading": 0.0,
        "opacity_threshold": 0.0,
        "background": "#000000",
        "render_style": "color",
        "camera_info": info["camera"],
    }
    seconds = []
    with torch.no_grad():
        for _ in range(repeats + 1):  # the first warms up
            start = time.perf_counter()
            output = RenderSplat.execute(splat, **settings)
            seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": min(seconds[1:]), "coverage": float(output.args[1].mean())}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
