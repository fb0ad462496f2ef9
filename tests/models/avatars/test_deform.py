from dataclasses import replace

import numpy as np
import pytest
import torch

from modiste.models.avatars import Avatar, bind_gaussians, follow, sample_gaussians, transform, world_gaussians
from modiste.models.avatars.deform import deform_covariance
from modiste.models.geometry import Gaussians, Mesh
from modiste.models.geometry.rotation import quaternion_to_matrix
from modiste.models.geometry.spherical_harmonics import sh_to_rgb
from modiste.models.render import interpolate, look_at, rasterize, render_splats


def covariances(world):
    axes = quaternion_to_matrix(world.rotations).double() * world.scales.double()[:, None, :]
    return axes @ axes.mT


def with_rough_gaussians(mesh, count=300, terms=16):
    """An avatar whose Gaussians stand off the surface, point anywhere and show view-dependent colour."""
    generator = torch.Generator().manual_seed(5)
    near = world_gaussians(mesh, sample_gaussians(mesh, count, 0)).positions
    free = Gaussians(
        near + 0.003 * torch.randn(count, 3, generator=generator),
        0.002 + 0.02 * torch.rand(count, 3, generator=generator),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        torch.rand(count, generator=generator),
        0.2 * torch.randn(count, terms, 3, generator=generator),
    )
    return Avatar(mesh, bind_gaussians(free, mesh))


def test_a_rigid_motion_carries_shape_place_and_view_dependent_colour(shapes):
    avatar = with_rough_gaussians(shapes.cylinder())
    turn, shift = shapes.rotation(1), torch.tensor([0.3, -1.0, 2.0])
    before = world_gaussians(avatar.mesh, avatar.gaussians)
    moved = follow(avatar, avatar.mesh.vertices @ turn.T + shift)
    after = world_gaussians(moved.mesh, moved.gaussians)
    torch.testing.assert_close(after.positions, before.positions @ turn.T + shift, atol=2e-6, rtol=0)
    expected = turn.double() @ covariances(before) @ turn.double().T
    torch.testing.assert_close(covariances(after), expected, atol=1e-8, rtol=1e-4)
    directions = torch.nn.functional.normalize(torch.randn(len(before), 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    torch.testing.assert_close(sh_to_rgb(after.sh, directions @ turn.T), sh_to_rgb(before.sh, directions), atol=2e-5, rtol=0)


def test_following_nothing_changes_nothing(shapes):
    avatar = with_rough_gaussians(shapes.cylinder())
    same = follow(avatar, avatar.mesh.vertices)
    torch.testing.assert_close(
        covariances(world_gaussians(same.mesh, same.gaussians)),
        covariances(world_gaussians(avatar.mesh, avatar.gaussians)),
        atol=1e-9,
        rtol=1e-4,
    )


def test_covariance_becomes_f_sigma_f_transposed():
    generator = torch.Generator().manual_seed(0)
    gradient = torch.eye(3) + 0.4 * torch.randn(200, 3, 3, generator=generator)
    rotation = quaternion_to_matrix(torch.randn(200, 4, generator=generator))
    scale = 0.01 + torch.rand(200, 3, generator=generator)
    turned, stretched = deform_covariance(gradient, rotation, scale)
    for i in range(200):
        f, r, s = (value[i].double().numpy() for value in (gradient, rotation, scale))
        r2, s2 = turned[i].double().numpy(), stretched[i].double().numpy()
        np.testing.assert_allclose((r2 * s2**2) @ r2.T, f @ (r * s**2) @ r.T @ f.T, atol=1e-4)
        np.testing.assert_allclose(np.linalg.det(r2), 1, atol=1e-4)


def test_axes_keep_their_order_over_many_small_steps(shapes):
    mesh = shapes.plane()
    avatar = Avatar(mesh, sample_gaussians(mesh, 200, 0))
    start = quaternion_to_matrix(world_gaussians(mesh, avatar.gaussians).rotations)
    thin = avatar.gaussians.scale[:, 2]
    for _ in range(5):
        avatar = follow(avatar, avatar.mesh.vertices * torch.tensor([1.15, 1.0, 1.0]))
    end = quaternion_to_matrix(world_gaussians(avatar.mesh, avatar.gaussians).rotations)
    torch.testing.assert_close(avatar.gaussians.scale[:, 2], thin, atol=1e-6, rtol=1e-3)
    assert ((start[:, :, 2] * end[:, :, 2]).sum(-1) > 0.99).all()
    assert (torch.linalg.det(end) > 0.99).all()


def test_scales_follow_a_stretch(shapes):
    """Half a cylinder stretched to three times its height still looks like the mesh itself; without scales it falls into rings."""
    mesh = shapes.cylinder(height=0.4)
    front = mesh.vertices[mesh.faces].mean(1)[:, 2] > 0  # no back that would show through the gaps
    bands = 0.5 + 0.4 * torch.sin(4 * torch.pi * mesh.vertices[:, 1:2] / 0.4) * torch.tensor([1.0, 0.5, -1.0])
    mesh = replace(mesh, faces=mesh.faces[front], colors=bands)
    avatar = Avatar(mesh, sample_gaussians(mesh, 3000, 0))
    tall = mesh.vertices * torch.tensor([1.0, 3.0, 1.0])
    camera = look_at(torch.tensor([0.0, 0.6, 1.6]), torch.tensor([0.0, 0.6, 0.0]), 30.0, 160, 160)
    truth = interpolate(rasterize(tall, mesh.faces, camera), bands[mesh.faces])

    def quality(moved: Avatar):
        picture = render_splats(world_gaussians(moved.mesh, moved.gaussians), camera, torch.zeros(3)).color
        inner = (slice(20, 140), slice(50, 110))  # away from the borders, where discs stand out over the mesh
        return float(-10 * torch.log10((picture - truth)[inner].square().mean()))

    with_scales, without = quality(follow(avatar, tall)), quality(follow(avatar, tall, follow_scales=False))
    assert with_scales > 30
    assert with_scales > without + 10


def test_a_bent_sheet_does_not_tear(shapes):
    mesh = shapes.plane(cells=24)
    avatar = Avatar(mesh, sample_gaussians(mesh, 6000, 0))
    angle = 2 * mesh.vertices[:, 0]
    bent = torch.stack([0.5 * angle.sin(), mesh.vertices[:, 1], 0.5 * angle.cos() - 0.5], dim=-1)
    moved = follow(avatar, bent)
    camera = look_at(torch.tensor([0.0, 0, 2.0]), torch.zeros(3), 30.0, 200, 200)
    alpha = render_splats(world_gaussians(moved.mesh, moved.gaussians), camera, torch.zeros(3)).alpha
    assert alpha[50:150, 50:150].min() > 0.9


def test_collapsed_faces_leave_finite_gaussians(shapes):
    avatar = with_rough_gaussians(shapes.plane())
    flat = avatar.mesh.vertices.clone()
    flat[:40] = flat[0]
    moved = follow(avatar, flat)
    world = world_gaussians(moved.mesh, moved.gaussians)
    for name in ("positions", "scales", "rotations", "sh"):
        assert getattr(world, name).isfinite().all()
    again = follow(moved, avatar.mesh.vertices)
    assert world_gaussians(again.mesh, again.gaussians).scales.isfinite().all()


def test_another_number_of_vertices_is_refused_in_a_sentence(shapes):
    avatar = with_rough_gaussians(shapes.plane())
    with pytest.raises(ValueError, match=r"has 5 vertices and the avatar's mesh 169"):
        follow(avatar, torch.zeros(5, 3))


def test_vertices_that_are_not_numbers_are_refused(shapes):
    avatar = with_rough_gaussians(shapes.plane())
    with pytest.raises(ValueError, match="not a finite number"):
        follow(avatar, torch.full_like(avatar.mesh.vertices, float("nan")))


def test_a_similarity_is_exact(shapes):
    avatar = with_rough_gaussians(shapes.cylinder())
    turn, shift, scale = shapes.rotation(2), torch.tensor([0.1, 0.2, -0.3]), 1.7
    before = world_gaussians(avatar.mesh, avatar.gaussians)
    moved = transform(avatar, scale, turn, shift)
    after = world_gaussians(moved.mesh, moved.gaussians)
    torch.testing.assert_close(after.positions, scale * before.positions @ turn.T + shift, atol=3e-6, rtol=0)
    expected = scale**2 * turn.double() @ covariances(before) @ turn.double().T
    torch.testing.assert_close(covariances(after), expected, atol=1e-8, rtol=1e-4)
    directions = torch.nn.functional.normalize(torch.randn(len(before), 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    torch.testing.assert_close(sh_to_rgb(after.sh, directions @ turn.T), sh_to_rgb(before.sh, directions), atol=2e-5, rtol=0)


def test_the_body_inside_moves_with_the_avatar(shapes, model):
    turn, shift = shapes.rotation(4), torch.tensor([0.5, 0.0, -1.0])
    moved = transform(model, 1.0, turn, shift)
    torch.testing.assert_close(moved.body.posed().vertices, moved.mesh.vertices, atol=2e-5, rtol=0)


def test_scaling_drops_the_body(model):
    assert transform(model, 1.1).body is None


def test_a_scale_of_zero_is_refused(model):
    with pytest.raises(ValueError, match="greater than 0"):
        transform(model, 0.0)


def test_a_mesh_of_one_face_follows_exactly():
    mesh = Mesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), torch.tensor([[0, 1, 2]]))
    avatar = Avatar(mesh, sample_gaussians(mesh, 20, 0))
    shear = torch.tensor([[1.0, 0.7, 0.0], [0.0, 1.3, 0.0], [0.0, 0.0, 1.0]])
    before = world_gaussians(mesh, avatar.gaussians)
    moved = follow(avatar, mesh.vertices @ shear.T)
    after = world_gaussians(moved.mesh, moved.gaussians)
    expected = shear.double() @ covariances(before) @ shear.double().T
    torch.testing.assert_close(covariances(after), expected, atol=1e-7, rtol=1e-4)
