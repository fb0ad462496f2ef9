"""`bench reshape`: GSReshape's two qualities on one person, with 10 000 and with 50 000 vertices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {(10_000, "fast"): 5.0, (10_000, "exact"): 60.0}  # seconds
SIZES, QUALITIES = (10_000, 50_000), ("fast", "exact")

# Runs in a fresh process with the number of vertices and the quality; prints the seconds, the peak memory in megabytes, and the
# share of faces that cross.
PROBE = """
import json, resource, runpy, sys, time
runpy.run_path(sys.argv[1], run_name="__mp_main__")
from modiste.lab.bench.reshape import person
from modiste.models.avatars.reshape import reshape
avatar, user = person(int(sys.argv[2]))
started = time.perf_counter()
_, check = reshape(avatar, user, sys.argv[3])
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
print(json.dumps({"seconds": seconds, "memory": peak, "crossing": check.crossing}))
"""


def rows() -> list[dict[str, Any]]:
    """Reshape one person made heavier, by both qualities and in both sizes, each in a process of its own.

    Raises:
        ValueError: if a process failed.
    """
    found = []
    for size in SIZES:
        for quality in QUALITIES:
            told, limit = probe(size, quality), LIMITS.get((size, quality))
            against, ratio = (f"limit of {limit:g} s", told["seconds"] / limit) if limit else (None, None)
            name = f"{quality}_{size // 1000}k"
            found += [
                {"what": f"{name}_seconds", "value": told["seconds"], "unit": "s", "against": against, "ratio": ratio},
                {"what": f"{name}_peak_memory", "value": told["memory"], "unit": "MB", "against": None, "ratio": None},
                {"what": f"{name}_crossing", "value": 100 * told["crossing"], "unit": "%", "against": None, "ratio": None},
            ]
    return found


def probe(vertices: int, quality: str) -> dict[str, float]:
    """Reshape the person in a fresh process.

    Raises:
        ValueError: if the process failed; its last words are in the sentence.
    """
    command = [sys.executable, "-c", PROBE, str(ROOT / "modiste.py"), str(vertices), quality]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"The person could not be reshaped: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def person(vertices: int) -> tuple[Any, Any]:
    """Return a dressed avatar of about so many vertices, and the heavier body that it is to take on."""
    from dataclasses import replace

    import torch
    from fast_simplification import simplify

    from ...models.avatars import sample_gaussians
    from ...models.avatars.closest import closest_points, nearest_corners
    from ...models.geometry import Mesh
    from ...models.geometry.mesh import face_areas
    from ...wardrobe import procedural_avatar, random_recipe

    recipe = replace(random_recipe(3, gaussians=1000), weight=0.4)
    avatar, user = procedural_avatar(recipe), procedural_avatar(replace(recipe, weight=0.8)).body
    points, faces = avatar.mesh.vertices, avatar.mesh.faces
    if vertices > len(points):  # the largest faces in three each, at their middles
        split = face_areas(points, faces).argsort(descending=True)[: vertices - len(points)]
        whole, middle = torch.ones(len(faces), dtype=torch.bool).index_fill(0, split, False), len(points) + torch.arange(len(split))
        points = torch.cat([points, points[faces[split]].mean(1)])
        thirds = [torch.stack([faces[split, i], faces[split, (i + 1) % 3], middle], 1) for i in range(3)]
        faces = torch.cat([faces[whole], *thirds])
    else:
        found, found_faces = simplify(points.numpy(), faces.int().numpy(), target_count=2 * vertices)
        points, faces = torch.from_numpy(found).float(), torch.from_numpy(found_faces).long()
    corner = nearest_corners(closest_points(points, avatar.mesh.vertices, avatar.mesh.faces), avatar.mesh.faces)
    mesh = Mesh(points, faces, colors=torch.full_like(points, 0.5))
    gaussians = sample_gaussians(mesh, 10_000, seed=0)
    return replace(avatar, mesh=mesh, gaussians=gaussians, labels=avatar.labels[corner], skinning=avatar.skinning[corner]), user
