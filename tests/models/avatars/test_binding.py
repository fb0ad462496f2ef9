import numpy as np
import pytest
import torch
import trimesh

from modiste.models.avatars import BoundGaussians, bind_gaussians, world_gaussians
from modiste.models.geometry import Gaussians, Mesh
from modiste.models.geometry.rotation import quaternion_to_matrix


def blob():
    mesh = trimesh.creation.icosphere(4)
    return Mesh(torch.tensor(mesh.vertices).float() * torch.tensor([0.3, 0.9, 0.2]), torch.tensor(mesh.faces))


def free_gaussians(mesh, count, spread, seed=0):
    generator = torch.Generator().manual_seed(seed)
    near = mesh.vertices[torch.randint(len(mesh.vertices), (count,), generator=generator)]
    return Gaussians(
        near + spread * torch.randn(count, 3, generator=generator),
        0.001 + 0.01 * torch.rand(count, 3, generator=generator),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        torch.rand(count, generator=generator),
        torch.randn(count, 4, 3, generator=generator),
    )


def test_world_gaussians_follow_the_definition_of_the_binding():
    mesh = blob()
    generator = torch.Generator().manual_seed(3)
    count = 20
    weights = torch.rand(count, 3, generator=generator)
    bound = BoundGaussians(
        torch.randint(len(mesh.faces), (count,), generator=generator),
        weights / weights.sum(1, keepdim=True),
        0.01 * torch.randn(count, generator=generator),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        torch.rand(count, 3, generator=generator),
        torch.rand(count, generator=generator),
        torch.randn(count, 1, 3, generator=generator),
    )
    world = world_gaussians(mesh, bound)
    vertices, faces = mesh.vertices.double().numpy(), mesh.faces.numpy()
    normals = np.zeros_like(vertices)
    for face in faces:
        a, b, c = vertices[face]
        for corner in face:
            normals[corner] += np.cross(b - a, c - a)
    for i in range(count):
        corners = faces[bound.face[i]]
        a, b, c = vertices[corners]
        share = bound.barycentric[i].double().numpy()
        normal = share @ (normals[corners] / np.linalg.norm(normals[corners], axis=1, keepdims=True))
        position = share @ np.stack([a, b, c]) + float(bound.offset[i]) * normal / np.linalg.norm(normal)
        np.testing.assert_allclose(world.positions[i].numpy(), position, atol=1e-6)
        e1 = (b - a) / np.linalg.norm(b - a)
        n = np.cross(b - a, c - a)
        n /= np.linalg.norm(n)
        local = quaternion_to_matrix(bound.rotation[i]).numpy()
        turned = np.stack([e1, np.cross(n, e1), n], axis=1) @ local
        np.testing.assert_allclose(quaternion_to_matrix(world.rotations[i]).numpy(), turned, atol=1e-5)


def test_binding_near_the_surface_gives_the_gaussians_back():
    mesh = blob()
    free = free_gaussians(mesh, 5000, 0.005)
    world = world_gaussians(mesh, bind_gaussians(free, mesh))
    torch.testing.assert_close(world.positions, free.positions, atol=1e-6, rtol=0)
    torch.testing.assert_close(quaternion_to_matrix(world.rotations), quaternion_to_matrix(free.rotations), atol=1e-5, rtol=0)
    for name in ("scales", "opacities", "sh"):
        assert torch.equal(getattr(world, name), getattr(free, name))


def test_binding_far_from_the_surface_stays_close_and_finite():
    mesh = blob()
    free = free_gaussians(mesh, 2000, 0.3)
    world = world_gaussians(mesh, bind_gaussians(free, mesh))
    assert world.positions.isfinite().all()
    error = (world.positions - free.positions).norm(dim=-1)
    assert error.quantile(0.9) < 1e-5


def test_binding_at_a_border_gives_the_gaussians_back(shapes):
    mesh = shapes.plane()
    free = free_gaussians(mesh, 2000, 0.01)
    world = world_gaussians(mesh, bind_gaussians(free, mesh))
    torch.testing.assert_close(world.positions, free.positions, atol=1e-6, rtol=0)


def test_binding_in_a_sharp_valley_gives_the_gaussians_back():
    vertices = torch.tensor([[-1.0, 1, 0], [0, 0, 0], [1, 1, 0], [-1, 1, 2], [0, 0, 2], [1, 1, 2]])
    faces = torch.tensor([[0, 4, 1], [0, 3, 4], [1, 5, 2], [1, 4, 5]])
    mesh = Mesh(vertices, faces)
    free = free_gaussians(mesh, 300, 0.05)
    inside = (free.positions[:, 2] > 0.2) & (free.positions[:, 2] < 1.8)
    free = free[inside]
    world = world_gaussians(mesh, bind_gaussians(free, mesh))
    torch.testing.assert_close(world.positions, free.positions, atol=1e-5, rtol=0)


def test_a_binding_of_another_mesh_is_refused_in_a_sentence(shapes):
    bound = bind_gaussians(free_gaussians(blob(), 50, 0.01), blob())
    with pytest.raises(ValueError, match="load the mesh that these Gaussians were bound to"):
        world_gaussians(Mesh(torch.eye(3), torch.tensor([[0, 1, 2]])), bound)
