"""The mesh z-buffer against rays cast one by one at triangles (Moeller and Trumbore, float64)."""

import numpy as np
import pytest
import torch

from modiste.models.render import Camera, interpolate, look_at, rasterize, rasterize_layers, texture_lookup


def cast_rays(vertices, faces, camera, near=0.01):
    """Face, barycentrics and depth per pixel, and how far the ray passes from the nearest edge of any triangle in front."""
    view, k = camera.view.double().numpy(), camera.intrinsics.double().numpy()
    corners = (vertices.double().numpy() @ view[:3, :3].T + view[:3, 3])[faces.numpy()]
    shape = camera.height, camera.width
    face, weight, depth = np.full(shape, -1), np.zeros((*shape, 3)), np.zeros(shape)
    clear = np.full(shape, np.inf)
    for row in range(camera.height):
        for column in range(camera.width):
            ray = np.linalg.solve(k, [column + 0.5, row + 0.5, 1.0])
            best = np.inf
            for index, (a, b, c) in enumerate(corners):
                matrix = np.stack([b - a, c - a, -ray], axis=1)
                if abs(np.linalg.det(matrix)) < 1e-14:
                    continue
                u, v, t = np.linalg.solve(matrix, -a)
                inside = min(u, v, 1 - u - v)
                if t > near:
                    clear[row, column] = min(clear[row, column], abs(inside))
                if inside >= 0 and near < t < best:
                    best = t
                    face[row, column], weight[row, column], depth[row, column] = index, [1 - u - v, u, v], t
    return face, weight, depth, clear


def check_against_rays(vertices, faces, camera):
    drawn = rasterize(vertices, faces, camera)
    face, weight, depth, clear = cast_rays(vertices, faces, camera)
    sure = clear > 1e-4  # where a ray grazes an edge, rounding decides
    assert sure.mean() > 0.9 and (face >= 0).any()
    assert np.array_equal(drawn.face.numpy()[sure], face[sure])
    assert np.allclose(drawn.barycentric.numpy()[sure], weight[sure], atol=2e-4)
    assert np.allclose(drawn.depth.numpy()[sure], depth[sure], rtol=1e-4)


def camera_at(*eye, width=36, height=28, fov=50.0):
    return look_at(torch.tensor(eye), torch.zeros(3), fov, width, height)


def soup(count, seed, size=0.4, spread=0.7):
    random = torch.Generator().manual_seed(seed)
    centers = spread * torch.randn(count, 1, 3, generator=random)
    vertices = (centers + size * torch.randn(count, 3, 3, generator=random)).reshape(-1, 3)
    return vertices, torch.arange(3 * count).reshape(-1, 3)


@pytest.mark.parametrize("seed", range(3))
def test_each_pixel_sees_what_its_ray_hits(seed):
    check_against_rays(*soup(25, seed), camera_at(0.5, 0.4, 3.0))


@pytest.mark.parametrize("seed", range(3))
def test_triangles_across_the_near_plane_are_drawn_right(seed):
    # The camera stands inside the scene, so some triangles reach behind it.
    check_against_rays(*soup(25, 10 + seed, size=1.5), camera_at(0.1, 0.05, 0.2, fov=80.0))


def test_unequal_focal_lengths_and_off_centre_axis():
    base = camera_at(0.0, 0.3, 3.0)
    camera = Camera(base.view, torch.tensor([[30.0, 0, 10.5], [0, 41.0, 17.0], [0, 0, 1]]), 36, 28)
    check_against_rays(*soup(25, 20), camera)


def floor():
    """A floor seen at a slant: two triangles, y = -1, with the world x and z as corner values."""
    vertices = torch.tensor([[-4.0, -1.0, 3.0], [4.0, -1.0, 3.0], [4.0, -1.0, -9.0], [-4.0, -1.0, -9.0]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    return vertices, faces


def test_attributes_are_perspective_correct():
    vertices, faces = floor()
    camera = look_at(torch.tensor([0.0, 0.5, 2.0]), torch.tensor([0.0, -1.0, -4.0]), 60.0, 64, 48)
    drawn = rasterize(vertices, faces, camera)
    seen = drawn.face >= 0
    world = interpolate(drawn, vertices[faces])[seen].double().numpy()
    rows, columns = seen.nonzero(as_tuple=True)
    rays = np.linalg.solve(
        camera.intrinsics.double().numpy(), np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))]).astype(np.float64)
    )
    rays = camera.view[:3, :3].double().numpy().T @ rays
    expected = np.array([[0.0], [0.5], [2.0]]) + rays * (-1.5 / rays[1])  # where the ray meets the plane y = -1
    assert len(world) > 500
    assert np.allclose(world, expected.T, atol=2e-3)


def test_shared_edges_leave_no_cracks():
    n = 60
    axis = torch.linspace(-2, 2, n + 1)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    vertices = torch.stack([x, y, 0.1 * torch.sin(3 * x)], dim=-1).reshape(-1, 3)
    corner = (torch.arange(n)[:, None] * (n + 1) + torch.arange(n)).reshape(-1)
    faces = torch.cat(
        [torch.stack([corner, corner + 1, corner + n + 2], 1), torch.stack([corner, corner + n + 2, corner + n + 1], 1)]
    )
    for size in (64, 127, 300):  # the grid reaches beyond the picture, so a pixel without a face is a crack
        assert (rasterize(vertices, faces, camera_at(0.0, 0.0, 2.5, width=size, height=size)).face >= 0).all()


def test_equal_depth_goes_to_the_lower_face_index():
    vertices = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    faces = torch.tensor([[0, 1, 2], [1, 2, 0], [0, 1, 2]])
    face = rasterize(vertices, faces[[0, 0, 0]], camera_at(0.0, 0.0, 3.0)).face
    assert set(face.unique().tolist()) == {-1, 0}


def test_both_sides_are_drawn():
    vertices, faces = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([[0, 1, 2]])
    front = rasterize(vertices, faces, camera_at(0.0, 0.0, 3.0)).face >= 0
    back = rasterize(vertices, faces.flip(1), camera_at(0.0, 0.0, 3.0)).face >= 0
    assert front.any() and torch.equal(front, back)


def test_many_faces_over_several_chunks_equal_the_nearest_plane():
    # 40 sheets that fill the picture make more candidates than one chunk holds; only the nearest may show.
    depths = torch.linspace(0, 1, 40)
    sheet = torch.tensor([[-9.0, -9.0, 0.0], [9.0, -9.0, 0.0], [0.0, 18.0, 0.0]])
    vertices = (sheet + torch.tensor([0.0, 0.0, -1.0]) * depths[:, None, None]).reshape(-1, 3)
    faces = torch.arange(120).reshape(40, 3).flip(0)
    drawn = rasterize(vertices, faces, camera_at(0.0, 0.0, 3.0, width=300, height=260))
    assert (drawn.face == 39).all()
    assert torch.allclose(drawn.depth, torch.full_like(drawn.depth, 3.0), rtol=1e-5)


@pytest.mark.parametrize("target_z", [10.0, -10.0])
def test_nothing_in_sight_is_empty(target_z):
    vertices, faces = (torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64)) if target_z > 0 else soup(5, 0, 0.1, 0.1)
    drawn = rasterize(vertices, faces, look_at(torch.tensor([0.0, 0, -5.0]), torch.tensor([0.0, 0, -15.0]), 40.0, 8, 6))
    assert (drawn.face == -1).all() and not drawn.depth.any() and not drawn.barycentric.any()
    assert interpolate(drawn, torch.zeros(len(faces), 3, 2)).shape == (6, 8, 2)


def test_triangles_without_area_are_invisible():
    vertices = torch.tensor([[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert (rasterize(vertices, torch.tensor([[0, 1, 2], [0, 0, 0], [0, 1, 1]]), camera_at(0.3, 0.1, 3.0)).face == -1).sum() > 990


def test_interpolation_passes_gradients_to_the_values():
    vertices, faces = soup(10, 3)
    values = torch.rand(10, 3, 2, requires_grad=True)
    image = interpolate(rasterize(vertices, faces, camera_at(0.0, 0.0, 3.0)), values)
    image.sum().backward()
    assert values.grad.sum().item() == pytest.approx(float((image.detach() != 0).any(-1).sum()) * 2, rel=1e-3)


def test_texture_is_read_with_v_upwards_and_blended_between_texels():
    texture = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])  # top row 1 2, bottom row 3 4
    centers = torch.tensor([[0.25, 0.75], [0.75, 0.75], [0.25, 0.25], [0.75, 0.25]])
    assert texture_lookup(texture, centers)[:, 0].tolist() == pytest.approx([1, 2, 3, 4])
    between = torch.tensor([[[0.5, 0.5], [0.5, 0.75]], [[-1.0, 5.0], [0.0, 0.0]]])
    assert texture_lookup(texture, between)[..., 0].flatten().tolist() == pytest.approx([2.5, 1.5, 1, 3])


def test_layers_share_the_buffer_and_count_what_each_would_cover_alone():
    generator = torch.Generator().manual_seed(4)
    vertices = torch.rand(90, 3, generator=generator) * torch.tensor([2.0, 2.0, 1.0]) + torch.tensor([-1.0, -1.0, 2.0])
    faces, layer = torch.arange(90).reshape(-1, 3), torch.tensor([0, 2, 1]).repeat(10)
    camera = Camera(torch.eye(4), torch.tensor([[40.0, 0, 24], [0, 40.0, 16], [0, 0, 1]]), 48, 32)
    fragments, alone = rasterize_layers(vertices, faces, layer, 3, camera)
    together = rasterize(vertices, faces, camera)
    assert torch.equal(fragments.face, together.face) and torch.equal(fragments.depth, together.depth)
    expected = [int((rasterize(vertices, faces[layer == index], camera).face >= 0).sum()) for index in range(3)]
    assert alone.tolist() == expected
