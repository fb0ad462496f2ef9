"""The command `doctor`: what this machine has, what is missing, and what works without it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .folders import writing_problem
from .session import SHIPPED_WEIGHTS, Session

NEEDED = ("torch", "numpy", "scipy", "safetensors", "Pillow")
OPTIONAL = {
    "trimesh": "only reading and writing meshes (GLB, OBJ, PLY) needs it",
    "smplx": "only SMPL-X body files need it; the shipped Modiste body does not",
    "diffusers": "only diffusion models (Load Modiste Base, Load Checkpoint, KSampler) need it",
    "transformers": "only diffusion models need it, for their text encoders",
    "gsplat": "only rendering splats on a CUDA device needs it; elsewhere the pack's own renderer is used",
    "comfy-cli": "only `run` on workflows in UI format needs it; API format and ComfyUI do not",
    "rich": "only progress bars on a terminal need it",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is "ok", "missing" (something else works without it) or "broken" (nothing does)."""

    state: str
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.state:8}{self.what}: {self.detail}"


def findings(session: Session) -> Iterator[Finding]:
    """Yield what there is to say of Python, packages, devices, shipped files and folders."""
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.platform()}")
    yield from (_package(name, None) for name in NEEDED)
    yield from (_package(name, why) for name, why in OPTIONAL.items())
    if importlib.util.find_spec("torch"):
        yield _cuda()
    yield _shipped()
    yield from (_folder(name, folder) for name, folder in (("output", session.output_folder), ("temp", session.temp_folder)))
    count = sum(path.is_file() for path in session.input_folder.rglob("*"))
    yield Finding("ok", "input folder", f"{session.input_folder} holds {count} files")


def _package(name: str, why: str | None) -> Finding:
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        if why:
            return Finding("missing", name, f"not installed; {why}")
        return Finding("broken", name, "not installed; run: pip install -r requirements-headless.txt")


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("missing", "CUDA", "no device that torch can use; everything runs on the CPU, more slowly")
    return Finding("ok", "CUDA", torch.cuda.get_device_name())


def _shipped() -> Finding:
    files = sorted(SHIPPED_WEIGHTS.rglob("*.safetensors"))
    if not files:
        return Finding("broken", "shipped files", f"none in '{SHIPPED_WEIGHTS}'; get the pack again, whole")
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return Finding("ok", "shipped files", f"{', '.join(path.name for path in files)} ({megabytes:.1f} MB)")


def _folder(name: str, folder: Path) -> Finding:
    problem = writing_problem(folder)
    if problem:
        return Finding("broken", f"{name} folder", f"'{folder}' cannot be written to ({problem})")
    return Finding("ok", f"{name} folder", f"{folder} can be written to")
