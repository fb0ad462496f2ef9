"""`bench splat`: the fast splat renderer against the plain torch reference and against ComfyUI's RenderSplat, on the CPU.

100 000 Gaussians with degree-3 colour at 512x512. Two scenes: a person of surface discs over half the height of the picture, and a
random cloud that fills it. All times are the best of several in this one run, so that ratios hold on a busy machine.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...models.avatars.formats.orientation import turn_about_x
from ...models.geometry import Gaussians
from ...models.geometry.rotation import matrix_to_quaternion
from ...models.geometry.spherical_harmonics import rgb_to_sh
from ...models.render import Camera, camera_to_load3d, orbit_cameras, render_splats

_COUNT = 100_000
_SIZE = 512
_REPEATS = 7
_CENTER = torch.tensor([0.0, 0.88, 0.0])
_ROOT = Path(__file__).parents[2]
_STATUS = Path("/proc/self/status")
_FIELDS = ("positions", "scales", "rotations", "opacities", "sh")
# Capsules of a standing person: both ends and the radius, metres.
_PERSON = (
    ((0.0, 0.85, 0.0), (0.0, 1.35, 0.0), 0.17),
    ((0.0, 1.40, 0.0), (0.0, 1.60, 0.0), 0.06),
    ((0.0, 1.62, 0.0), (0.0, 1.66, 0.0), 0.10),
    ((0.18, 1.38, 0.0), (0.62, 1.05, 0.05), 0.05),
    ((-0.18, 1.38, 0.0), (-0.62, 1.05, 0.05), 0.05),
    ((0.10, 0.85, 0.0), (0.14, 0.08, 0.0), 0.08),
    ((-0.10, 0.85, 0.0), (-0.14, 0.08, 0.0), 0.08),
)


def rows() -> list[dict]:
    """Measure: one row per renderer and scene, in seconds a frame. `ratio` is the row's value over that of `against`."""
    camera = _camera()
    found = []
    for suffix, scene in (("", person(_COUNT)), ("_cloud", cloud(_COUNT))):
        seconds = {"fast": _best_seconds(scene, camera, "fast", _REPEATS)}
        seconds["reference"] = _best_seconds(scene, camera, "reference", 2)
        if (core := _core_seconds(scene, camera)) is not None:
            seconds["core"] = core
        # Once more after the others, since a busy machine changes from one minute to the next.
        seconds["fast"] = min(seconds["fast"], _best_seconds(scene, camera, "fast", _REPEATS))
        for what in seconds:
            against = "fast" if what != "fast" else "core" if "core" in seconds else "reference"
            ratio = seconds[what] / seconds[against]
            found.append({"what": what + suffix, "value": seconds[what], "unit": "s", "against": against + suffix, "ratio": ratio})
        if (memory := _peak_megabytes(scene)) is not None:
            name = f"fast{suffix}_peak_memory"
            found.append({"what": name, "value": memory, "unit": "MB", "against": None, "ratio": None})
    return found


def person(count: int, seed: int = 0) -> Gaussians:
    """A person-shaped surface of nearly opaque flat discs, as an avatar has them."""
    random = torch.Generator().manual_seed(seed)
    start, end, radius = (torch.tensor([capsule[i] for capsule in _PERSON]) for i in range(3))
    area = 2 * math.pi * radius * ((end - start).norm(dim=-1) + 2 * radius)
    part = torch.multinomial(area, count, replacement=True, generator=random)
    start, end, radius = start[part], end[part], radius[part]
    length = (end - start).norm(dim=-1)
    axis = (end - start) / length[:, None]
    along = torch.rand(count, generator=random) * (length + 2 * radius) - radius
    beyond = ((along - length).clamp_min(0) + along.clamp_max(0)) / radius  # on the caps: sine of the latitude
    side = torch.nn.functional.normalize(torch.linalg.cross(axis, torch.randn(count, 3, generator=random)), dim=-1)
    normal = side * (1 - beyond.square()).clamp_min(0).sqrt()[:, None] + axis * beyond[:, None]
    position = start + axis * along.clamp_min(0).minimum(length)[:, None] + normal * radius[:, None]
    tangent = torch.nn.functional.normalize(torch.linalg.cross(normal, torch.randn(count, 3, generator=random)), dim=-1)
    frame = torch.stack([tangent, torch.linalg.cross(normal, tangent), normal], dim=-1)
    size = 0.9 * math.sqrt(float(area.sum()) / count)
    scales = size * torch.tensor([1.0, 1.0, 0.1]) * torch.exp(0.2 * torch.randn(count, 1, generator=random))
    color = rgb_to_sh(0.5 + 0.4 * torch.sin(25 * position))
    return Gaussians(
        position, scales, matrix_to_quaternion(frame), 0.9 + 0.08 * torch.rand(count, generator=random), _with_shine(color, random)
    )


def cloud(count: int, seed: int = 0) -> Gaussians:
    """A cloud of Gaussians of all shapes and opacities."""
    random = torch.Generator().manual_seed(seed)
    return Gaussians(
        _CENTER + 0.4 * torch.randn(count, 3, generator=random),
        0.006 * torch.exp(0.5 * torch.randn(count, 3, generator=random)),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1),
        0.01 + 0.99 * torch.rand(count, generator=random),
        _with_shine(rgb_to_sh(torch.rand(count, 3, generator=random)), random),
    )


def _with_shine(base: Tensor, random: torch.Generator) -> Tensor:
    """Add bands 1 to 3 to the base colours [N, 1, 3]."""
    return torch.cat([base, 0.03 * torch.randn(len(base), 15, 3, generator=random)], dim=1)


def _camera() -> Camera:
    """A camera that shows the person over half the height of the picture."""
    distance = 1.76 / math.tan(math.radians(35.0) / 2)
    return orbit_cameras(_CENTER, distance, 5.0, 1, 35.0, _SIZE, _SIZE, start_degrees=20.0)[0]


def _best_seconds(scene: Gaussians, camera: Camera, method: str, repeats: int) -> float:
    seconds = []
    with torch.no_grad():
        for _ in range(repeats + 1):  # the first warms up
            start = time.perf_counter()
            render_splats(scene, camera, method=method)
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def _core_seconds(scene: Gaussians, camera: Camera) -> float | None:
    """Seconds of core's RenderSplat on the same Gaussians and camera; None where no ComfyUI with that node is at hand.

    The folder is $COMFYUI_DIR or ~/ComfyUI; its Python $COMFYUI_PYTHON, the folder's own venv, or this one.
    """
    folder = Path(os.environ.get("COMFYUI_DIR") or Path.home() / "ComfyUI").resolve()
    if not (folder / "comfy_extras" / "nodes_gaussian_splat.py").is_file():
        return None
    own = folder / "venv" / "bin" / "python"
    python = os.environ.get("COMFYUI_PYTHON") or str(own if own.is_file() else sys.executable)
    info = {
        "width": camera.width,
        "height": camera.height,
        "threads": torch.get_num_threads(),
        "camera": camera_to_load3d(camera, _CENTER),
    }
    with tempfile.TemporaryDirectory() as scratch:
        arrays, description = Path(scratch) / "scene.npz", Path(scratch) / "camera.json"
        _write_arrays(arrays, turn_about_x(scene))
        description.write_text(json.dumps(info), encoding="utf-8")
        script = Path(__file__).parents[2] / "host" / "comfyui_splat_bench.py"
        return _last_json([python, str(script), str(arrays), str(description), str(_REPEATS)], folder)["seconds"]


def _peak_megabytes(scene: Gaussians) -> float | None:
    """Peak memory of one fast frame above what a process holds with the Gaussians loaded; None where only Linux could tell."""
    if not _STATUS.exists():
        return None
    with tempfile.TemporaryDirectory() as scratch:
        arrays = Path(scratch) / "scene.npz"
        _write_arrays(arrays, scene)
        code = (
            "import runpy;"
            f"runpy.run_path({str(_ROOT / 'modiste.py')!r})['load_pack']();"
            "from modiste.lab.bench.splat import print_peak;"
            f"print_peak({str(arrays)!r})"
        )
        return _last_json([sys.executable, "-c", code], _ROOT)["megabytes"]


def print_peak(arrays: str) -> None:
    """Render a stored scene once in this process and print by how much its memory grew at most, as one JSON object."""
    camera = _camera()
    render_splats(person(10), camera, method="fast")  # libraries loaded, threads started
    stored = np.load(arrays, allow_pickle=False)
    scene = Gaussians(*(torch.from_numpy(stored[field]) for field in _FIELDS))
    before = _own_kilobytes("VmRSS")
    render_splats(scene, camera, method="fast")
    print(json.dumps({"megabytes": (_own_kilobytes("VmHWM") - before) * 1024 / 1e6}))


def _own_kilobytes(entry: str) -> int:
    """Memory of this process: VmRSS now, VmHWM the most so far (getrusage would count the parent's, from before exec)."""
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(entry))
    return int(line.split()[1])


def _write_arrays(path: Path, scene: Gaussians) -> None:
    arrays = {field: getattr(scene, field).numpy() for field in _FIELDS}
    np.savez(path, **arrays)


def _last_json(command: list[str], folder: Path) -> dict:
    """Run a command and read the JSON object on the last line that it prints.

    Raises:
        RuntimeError: if the command fails, with the end of what it said.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed in {folder}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
