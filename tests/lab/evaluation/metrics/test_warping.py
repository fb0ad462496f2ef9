"""The warping error of pictures of surfaces whose colour, depth and visibility are known in closed form."""

import pytest
import torch

from modiste.lab.evaluation.metrics.warping import warping_rmse
from modiste.models.render import look_at, orbit_cameras

BLACK = torch.zeros(3)


def rays(camera):
    """Return the camera's place [3] and, for each pixel's centre, the way to z = 1 in front of it [H, W, 3], in the world."""
    y, x = torch.meshgrid(torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij")
    focal, cx, cy = camera.intrinsics[0, 0], camera.intrinsics[0, 2], camera.intrinsics[1, 2]
    return camera.position, torch.stack([(x - cx) / focal, (y - cy) / focal, torch.ones_like(x)], -1) @ camera.view[:3, :3]


def paint(points):
    """Return the colour of points [..., 3] in space: smooth, and different in every direction."""
    return 0.5 + 0.4 * torch.sin(3 * points + torch.tensor([0.0, 1.0, 2.0]))


def see_wall(camera):
    """Return colours and depths of the wall z = 0."""
    eye, away = rays(camera)
    depth = -eye[2] / away[..., 2]
    return paint(eye + depth[..., None] * away), depth


def see_ball(camera):
    """Return colours, coverage and depths of the unit ball."""
    eye, away = rays(camera)
    a, b, c = (away * away).sum(-1), away @ eye, eye @ eye - 1
    inside = b * b - a * c
    depth = torch.where(inside > 0, (-b - inside.clamp_min(0).sqrt()) / a, 0.0)
    points = eye + depth[..., None] * away
    mask = (inside > 0).float()
    return paint(points) * mask[..., None], mask, depth


@pytest.fixture
def wall():
    eyes = ((0.0, 0.0, 3.0), (0.5, 0.2, 3.0), (0.3, -0.4, 2.5))
    cameras = [look_at(torch.tensor(eye), torch.tensor([0.1, 0.0, 0.0]), 40, 96, 64) for eye in eyes]
    colors, depths = (torch.stack(seen) for seen in zip(*map(see_wall, cameras), strict=True))
    return colors, torch.ones_like(depths), depths, cameras


def test_a_painted_wall_is_consistent(wall):
    assert (warping_rmse(*wall, BLACK) < 1e-3).all()


def test_views_that_differ_by_a_known_shade_have_that_error(wall):
    colors, *rest = wall
    shades = torch.tensor([0.0, 0.03, -0.05])
    error = warping_rmse(colors + shades[:, None, None, None], *rest, BLACK)
    torch.testing.assert_close(error, torch.tensor([0.03, 0.08, 0.05]), atol=5e-4, rtol=0)


def test_a_shade_of_one_channel_counts_for_a_third(wall):
    colors, *rest = wall
    colors = colors.clone()
    colors[1, ..., 2] += 0.06
    error = warping_rmse(colors, *rest, BLACK)
    torch.testing.assert_close(error[:2], torch.full((2,), 0.06 / 3**0.5), atol=5e-4, rtol=0)


def test_a_depth_that_is_wrong_makes_the_wall_inconsistent(wall):
    colors, masks, depths, cameras = wall
    assert (warping_rmse(colors, masks, depths + 0.3, cameras, BLACK) > 0.01).all()


def test_what_the_next_view_cannot_see_does_not_count():
    cameras = orbit_cameras(torch.zeros(3), 4.0, 5.0, 6, 40.0, 120, 120)
    colors, masks, depths = (torch.stack(seen) for seen in zip(*map(see_ball, cameras), strict=True))
    assert (warping_rmse(colors, masks, depths, cameras, BLACK) < 6e-3).all()
    # A sixth of a turn hides a good part of what the first view sees; were it compared, it would be with some other colour.
    hidden = colors[0].clone()
    eye, away = rays(cameras[0])
    points = eye + depths[0][..., None] * away
    unseen = (points * (cameras[1].position - points)).sum(-1) < -0.05
    assert 0.1 < (unseen & (masks[0] > 0)).sum() / masks[0].sum() < 0.5
    hidden[unseen] = 1 - hidden[unseen]
    others = warping_rmse(torch.cat([hidden[None], colors[1:]]), masks, depths, cameras, BLACK)
    assert others[0] < 6e-3 and others[-1] > 0.05


@pytest.mark.parametrize("shade", [0.0, 0.3, 1.0])
def test_the_background_is_no_part_of_the_avatar(wall, shade):
    _, masks, depths, cameras = wall
    masks = 0.2 + 0.8 * torch.rand(masks.shape, generator=torch.Generator().manual_seed(0))
    background = torch.tensor([shade, 0.5, 1 - shade])
    pictures = masks[..., None] * torch.tensor([0.6, 0.4, 0.2]) + (1 - masks)[..., None] * background
    assert (warping_rmse(pictures, masks, depths, cameras, background) < 1e-5).all()


@pytest.mark.parametrize(
    ("view", "border"), [(0, 1e-3), (1, 0.06)]
)  # in the view warped, one column of pixels mixes with what counts
def test_pixels_that_are_mostly_background_do_not_count(wall, view, border):
    colors, masks, depths, cameras = wall
    errors = []
    for coverage in (0.4, 0.6):
        masks, pictures = masks.clone(), colors.clone()
        masks[view, :, :30] = coverage
        pictures[view, :, :30] = 0.0
        errors.append(warping_rmse(pictures, masks, depths, cameras, BLACK)[0])
    assert errors[0] < border and errors[1] > 0.1


def test_one_view_has_no_neighbour(wall):
    with pytest.raises(ValueError, match="at least two"):
        warping_rmse(*(part[:1] for part in wall), BLACK)


def test_views_of_different_places_are_refused(wall):
    colors, masks, depths, cameras = wall
    away = look_at(torch.tensor([50.0, 0, 3]), torch.tensor([50.0, 0, 0]), 40, 96, 64)
    with pytest.raises(ValueError, match="nothing in common"):
        warping_rmse(colors[:2], masks[:2], depths[:2], [cameras[0], away], BLACK)
