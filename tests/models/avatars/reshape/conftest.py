"""Round things to reshape: spheres of triangles, one in another."""

from types import SimpleNamespace

import pytest
import torch

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


@pytest.fixture(scope="session")
def round_things():
    return SimpleNamespace(sphere=sphere)
