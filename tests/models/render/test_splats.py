"""Splat renderers against the formula of 3DGS written out per pixel in float64, and against each other."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from modiste.models.geometry import Gaussians
from modiste.models.render import Camera, look_at, orbit_cameras, render_splats

METHODS = ["reference", "differentiable", "fast"]


# --- the formula, independently: NumPy, float64, one Gaussian and one pixel at a time ---


def real_harmonics(direction, degree):
    """Real spherical harmonics by associated Legendre functions with the Condon-Shortley phase, bands m = -l..l."""
    x, y, z = direction
    phi = math.atan2(y, x)
    values = []
    for band in range(degree + 1):
        for m in range(-band, band + 1):
            norm = math.sqrt((2 * band + 1) / (4 * math.pi) * math.factorial(band - abs(m)) / math.factorial(band + abs(m)))
            value = norm * legendre(band, abs(m), z)
            if m > 0:
                value *= math.sqrt(2) * math.cos(m * phi)
            if m < 0:
                value *= math.sqrt(2) * math.sin(-m * phi)
            values.append(value)
    return np.array(values)


def legendre(band, m, z):
    """P_l^m(z) with (-1)^m, by the upward recurrence."""
    lower = (-1.0) ** m * math.prod(range(1, 2 * m, 2)) * max(0.0, 1 - z * z) ** (m / 2)
    if band == m:
        return lower
    upper = z * (2 * m + 1) * lower
    for n in range(m + 2, band + 1):
        lower, upper = upper, ((2 * n - 1) * z * upper - (n + m - 1) * lower) / (n - m)
    return upper


def expected_picture(gaussians, camera, background):
    view = camera.view.double().numpy()
    fx, fy = float(camera.intrinsics[0, 0]), float(camera.intrinsics[1, 1])
    cx, cy = float(camera.intrinsics[0, 2]), float(camera.intrinsics[1, 2])
    eye = np.linalg.inv(view)[:3, 3]
    degree = math.isqrt(gaussians.sh.shape[1]) - 1
    flat = []
    for position, scale, quaternion, opacity, sh in zip(
        *(getattr(gaussians, f).double().numpy() for f in ("positions", "scales", "rotations", "opacities", "sh")), strict=True
    ):
        x, y, z = view[:3, :3] @ position + view[:3, 3]
        if z <= 0.01:
            continue
        turn = view[:3, :3] @ Rotation.from_quat(quaternion[[1, 2, 3, 0]]).as_matrix()
        covariance = turn @ np.diag(scale**2) @ turn.T
        # The Jacobian is taken at most 0.3 half pictures beyond the border.
        tx = z * min(max(x / z, -cx / fx - 0.15 * camera.width / fx), (camera.width - cx) / fx + 0.15 * camera.width / fx)
        ty = z * min(max(y / z, -cy / fy - 0.15 * camera.height / fy), (camera.height - cy) / fy + 0.15 * camera.height / fy)
        jacobian = np.array([[fx / z, 0, -fx * tx / z**2], [0, fy / z, -fy * ty / z**2]])
        inverse = np.linalg.inv(jacobian @ covariance @ jacobian.T + 0.3 * np.eye(2))
        direction = (position - eye) / np.linalg.norm(position - eye)
        color = np.maximum(real_harmonics(direction, degree) @ sh + 0.5, 0)
        flat.append((z, np.array([fx * x / z + cx, fy * y / z + cy]), inverse, opacity, color))
    flat.sort(key=lambda entry: entry[0])

    picture = np.zeros((camera.height, camera.width, 5))
    for row in range(camera.height):
        for column in range(camera.width):
            transmittance, total = 1.0, np.zeros(5)
            for z, mean, inverse, opacity, color in flat:
                offset = np.array([column + 0.5, row + 0.5]) - mean
                alpha = min(0.999, opacity * math.exp(-0.5 * offset @ inverse @ offset))
                if alpha < 1 / 255:
                    continue
                if transmittance * (1 - alpha) <= 1e-4:
                    break
                total += transmittance * alpha * np.array([*color, 1.0, z])
                transmittance *= 1 - alpha
            picture[row, column] = total
    alpha = picture[..., 3]
    color = picture[..., :3] + (1 - alpha)[..., None] * background
    depth = np.divide(picture[..., 4], alpha, out=np.zeros_like(alpha), where=alpha > 0)
    return color, alpha, depth


def check_against_formula(gaussians, camera, method):
    background = torch.tensor([0.2, 0.5, 0.9])
    image = render_splats(gaussians, camera, background, method)
    color, alpha, depth = expected_picture(gaussians, camera, background.double().numpy())
    # A contribution within rounding of a threshold may fall on either side of it, so a few pixels may differ by one such step.
    assert np.quantile(np.abs(image.color.numpy() - color).max(-1), 0.995) < 2e-5
    assert np.abs(image.color.numpy() - color).max() < 0.01
    assert np.quantile(np.abs(image.alpha.numpy() - alpha), 0.995) < 2e-5
    assert np.quantile(np.abs(image.depth.numpy() - depth), 0.995) < 2e-4
    assert alpha.max() > 0.5


def psnr(first, second):
    error = float(((first - second) ** 2).mean())
    return math.inf if error == 0 else -10 * math.log10(error)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_picture_is_the_formula(random_gaussians, method, degree):
    camera = look_at(torch.tensor([0.3, 0.4, 2.5]), torch.zeros(3), 40.0, 40, 28)
    check_against_formula(random_gaussians(40, seed=degree, size=0.08, degree=degree), camera, method)


@pytest.mark.parametrize("method", METHODS)
def test_gaussians_off_axis_at_the_edge_and_behind_follow_the_formula(random_gaussians, method):
    # The camera stands inside the scene: some Gaussians are behind it, some far outside the picture, where the Jacobian is clamped.
    camera = look_at(torch.tensor([0.1, 0.0, 0.2]), torch.tensor([0.4, 0.1, -1.0]), 70.0, 30, 34)
    check_against_formula(random_gaussians(60, seed=5, size=0.1), camera, method)


@pytest.mark.parametrize("method", METHODS)
def test_off_centre_principal_point_and_oblong_pixels_follow_the_formula(random_gaussians, method):
    base = look_at(torch.tensor([0.0, 0.2, 2.0]), torch.zeros(3), 50.0, 33, 27)
    camera = Camera(base.view, torch.tensor([[30.0, 0, 12.0], [0, 42.0, 16.0], [0, 0, 1]]), 33, 27)
    check_against_formula(random_gaussians(40, seed=6, size=0.08), camera, method)


@pytest.mark.parametrize("method", METHODS)
def test_opaque_stack_stops_as_the_formula_does(random_gaussians, method):
    scene = random_gaussians(50, seed=7, spread=0.1, size=0.3)
    scene = Gaussians(scene.positions, scene.scales, scene.rotations, torch.full((50,), 0.97), scene.sh)
    camera = look_at(torch.tensor([0.0, 0.0, 3.0]), torch.zeros(3), 40.0, 24, 24)
    check_against_formula(scene, camera, method)


# --- fast against reference ---


def scenes():
    def make(count, seed, spread, size, opacity=None):
        random = torch.Generator().manual_seed(seed)
        return Gaussians(
            spread * torch.randn(count, 3, generator=random),
            size * torch.exp(0.8 * torch.randn(count, 3, generator=random)),
            torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1),
            torch.rand(count, generator=random) if opacity is None else torch.full((count,), opacity),
            0.5 * torch.randn(count, 16, 3, generator=random),
        )

    return {
        "one": make(1, 1, 0.0, 0.1),
        "cloud": make(4000, 2, 0.5, 0.01),
        "large": make(200, 3, 0.5, 0.3),
        "huge": make(3, 4, 0.1, 30.0),
        "opaque heap in one tile": make(2500, 5, 0.004, 0.004, 0.99),
        "faint heap in one tile": make(2500, 6, 0.004, 0.002, 0.02),
        "points": make(3000, 7, 0.5, 1e-6),
        "mixed": joined(make(2000, 8, 0.5, 0.003), make(20, 9, 0.5, 0.4)),
    }


def fields(gaussians):
    return gaussians.positions, gaussians.scales, gaussians.rotations, gaussians.opacities, gaussians.sh


def joined(first, second):
    return Gaussians(*(torch.cat(pair) for pair in zip(fields(first), fields(second), strict=True)))


@pytest.mark.parametrize("name", scenes())
@pytest.mark.parametrize("size", [(128, 96), (61, 131)])
def test_fast_equals_reference(name, size):
    scene = scenes()[name]
    for camera in orbit_cameras(torch.zeros(3), 2.0, 15.0, 2, 45.0, *size, start_degrees=10.0):
        fast, reference = (render_splats(scene, camera, torch.tensor([0.1, 0.6, 0.3]), m) for m in ("fast", "reference"))
        assert reference.alpha.max() > 0.01
        assert psnr(fast.color, reference.color) >= 60
        assert psnr(fast.alpha, reference.alpha) >= 60
        assert psnr(fast.depth, reference.depth) >= 60


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 5])
def test_nothing_in_sight_gives_the_background(random_gaussians, method, count):
    scene = random_gaussians(count)
    behind = look_at(torch.tensor([0.0, 0.0, 50.0]), torch.tensor([0.0, 0.0, 60.0]), 40.0, 20, 10)
    image = render_splats(scene, behind, torch.tensor([0.25, 0.5, 0.75]), method)
    assert image.color.shape == (10, 20, 3)
    assert torch.equal(image.color, torch.tensor([0.25, 0.5, 0.75]).expand(10, 20, 3))
    assert not image.alpha.any() and not image.depth.any()


@pytest.mark.parametrize("method", METHODS)
def test_broken_gaussians_disappear_alone(random_gaussians, method):
    good = random_gaussians(30, seed=3, size=0.1)
    bad = Gaussians(*(f[:3].clone() for f in fields(good)))
    bad.positions[0], bad.scales[1], bad.opacities[2] = math.nan, math.nan, math.nan
    both = joined(bad, good)
    camera = look_at(torch.tensor([0.0, 0.0, 2.5]), torch.zeros(3), 40.0, 32, 32)
    assert torch.equal(render_splats(both, camera, method=method).color, render_splats(good, camera, method=method).color)


def test_equal_depths_composite_in_their_own_order():
    red_first = Gaussians(
        torch.zeros(2, 3),
        torch.full((2, 3), 0.2),
        torch.tensor([[1.0, 0, 0, 0]]).expand(2, 4),
        torch.tensor([0.9, 0.9]),
        torch.tensor([[[1.7, -1.7, -1.7]], [[-1.7, 1.7, -1.7]]]),
    )
    camera = look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 40.0, 16, 16)
    for method in METHODS:
        center = render_splats(red_first, camera, method=method).color[8, 8]
        assert center[0] > 5 * center[1]


def test_gradients_of_the_reference_are_those_of_finite_differences(random_gaussians):
    scene = random_gaussians(12, seed=4, spread=0.25, size=0.15)
    camera = look_at(torch.tensor([0.2, 0.1, 2.0]), torch.zeros(3), 40.0, 20, 20)
    values = [f.clone().double() for f in fields(scene)]
    values[3] = 0.3 + 0.4 * values[3]  # away from the clamps
    target = torch.rand(20, 20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(parameters):
        image = render_splats(Gaussians(*parameters), camera, torch.ones(3).double(), "reference")
        return ((image.color - target) ** 2).sum() + 0.1 * image.alpha.sum() + 0.01 * image.depth.sum()

    parameters = [v.clone().requires_grad_() for v in values]
    loss(parameters).backward()
    random = torch.Generator().manual_seed(1)
    for index, parameter in enumerate(parameters):
        assert torch.isfinite(parameter.grad).all() and parameter.grad.abs().max() > 0
        direction = torch.randn(parameter.shape, generator=random, dtype=torch.float64) * values[index].abs().mean()
        step = 1e-5
        ends = []
        for sign in (1, -1):
            moved = list(values)
            moved[index] = values[index] + sign * step * direction
            ends.append(loss(moved))
        numeric = (ends[0] - ends[1]) / (2 * step)
        analytic = (parameter.grad * direction).sum()
        # Cuts at alpha 1/255 are steps in the picture, so the two agree closely and not exactly.
        assert torch.isclose(numeric, analytic, rtol=0.03, atol=0.02), index


def test_unknown_method_lists_the_known_ones(random_gaussians):
    camera = look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 40.0, 8, 8)
    with pytest.raises(ValueError, match="auto, reference, differentiable, fast, gsplat"):
        render_splats(random_gaussians(2), camera, method="raytraced")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_auto_is_fast_and_gsplat_is_refused(random_gaussians):
    scene, camera = random_gaussians(50), look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 40.0, 24, 24)
    assert torch.equal(render_splats(scene, camera).color, render_splats(scene, camera, method="fast").color)
    with pytest.raises(ValueError, match="CUDA"):
        render_splats(scene, camera, method="gsplat")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gsplat_equals_reference(random_gaussians):
    scene = random_gaussians(2000, size=0.02)
    camera = look_at(torch.tensor([0.3, 0.2, 2.5]), torch.zeros(3), 40.0, 128, 96)
    try:
        image = render_splats(scene, camera, torch.ones(3), "gsplat")
    except ValueError as unavailable:
        pytest.skip(str(unavailable))
    reference = render_splats(scene, camera, torch.ones(3), "reference")
    assert psnr(image.color, reference.color) >= 50
    assert psnr(image.alpha, reference.alpha) >= 50


def test_rendering_warns_of_nothing(random_gaussians):
    camera = look_at(torch.tensor([0.0, 0.0, 2.0]), torch.zeros(3), 40.0, 24, 24)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in METHODS:
            render_splats(random_gaussians(20), camera, method=method)
