import math

import pytest
import torch

from modiste.models.avatars.formats.orientation import from_file_axes, to_file_axes, turn_about_x
from modiste.models.geometry.rotation import quaternion_to_matrix
from modiste.models.geometry.spherical_harmonics import sh_to_rgb

HALF_TURN = torch.diag(torch.tensor([1.0, math.cos(math.pi), math.cos(math.pi)]))


def test_the_turn_is_half_a_turn_about_x(random_gaussians):
    gaussians = random_gaussians(coefficients=16)
    turned = turn_about_x(gaussians)
    assert torch.equal(turned.positions, gaussians.positions @ HALF_TURN.T)
    torch.testing.assert_close(quaternion_to_matrix(turned.rotations), HALF_TURN @ quaternion_to_matrix(gaussians.rotations))
    assert torch.equal(turned.scales, gaussians.scales) and torch.equal(turned.opacities, gaussians.opacities)


def test_colours_seen_along_a_turned_direction_stay(random_gaussians):
    gaussians = random_gaussians(coefficients=16)
    directions = torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    turned = turn_about_x(gaussians)
    torch.testing.assert_close(
        sh_to_rgb(turned.sh, directions @ HALF_TURN.T), sh_to_rgb(gaussians.sh, directions), atol=2e-6, rtol=0
    )


def test_a_mark_in_the_file_beats_the_custom_and_the_caller_beats_the_mark(random_gaussians):
    gaussians = random_gaussians()
    down = to_file_axes(gaussians, "y-down")
    for marks, up, unmarked, expected in [
        ("", "auto", "y-down", gaussians.positions),
        ("modiste y-up", "auto", "y-down", down.positions),
        ("modiste y-down", "auto", "y-up", gaussians.positions),
        ("modiste y-up", "y-down", "y-up", gaussians.positions),
    ]:
        assert torch.equal(from_file_axes(down, up, marks, unmarked).positions, expected)


def test_an_unknown_axis_is_refused(random_gaussians):
    with pytest.raises(ValueError, match="'y-down' or 'y-up', and 'auto'"):
        to_file_axes(random_gaussians(), "auto")
