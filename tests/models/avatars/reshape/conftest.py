"""Round things to reshape: spheres of triangles, one in another."""

from types import SimpleNamespace

import pytest
import torch

from modiste.models.avatars.reshape.travel import Way
from modiste.models.geometry.mesh import unique_edges


def sphere(radius=1.0, times=3):
    """An octahedron whose faces are split in four a few times, on a sphere: vertices [V, 3] float64 and faces [F, 3]."""
    vertices = torch.tensor([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=torch.float64)
    faces = torch.tensor([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    for _ in range(times):
        edges = unique_edges(faces)
        place = {tuple(edge): len(vertices) + index for index, edge in enumerate(edges.tolist())}
        vertices = torch.cat([vertices, vertices[edges].mean(1)])
        split = []
        for a, b, c in faces.tolist():
            ab, bc, ca = (place[tuple(sorted(edge))] for edge in ((a, b), (b, c), (c, a)))
            split += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = torch.tensor(split)
    return radius * vertices / vertices.norm(dim=1, keepdim=True), faces


def way(grown, shells=(0.1,), goals=(0.1,)):
    """Shells of these radii that are to get these others, around a ball that grows to a radius."""
    ball, ball_faces = sphere(1.0, 3)
    shell, shell_faces = sphere(1.0, 3)
    tilt = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    shell = shell @ tilt.T  # so that no edges lie on each other
    rest, goal = (torch.cat([radius * shell for radius in radii]) for radii in (shells, goals))
    faces = torch.cat([shell_faces + index * len(shell) for index in range(len(shells))])
    body = (0.01 * ball, grown * ball, ball_faces)
    return Way(rest, goal, faces, body, torch.ones(len(rest), dtype=torch.float64))


@pytest.fixture(scope="session")
def round_things():
    return SimpleNamespace(sphere=sphere, way=way)
