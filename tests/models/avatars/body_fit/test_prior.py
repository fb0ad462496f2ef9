"""Likely poses cost nothing, joints bend one way, and the prior's slopes are those of its residuals."""

import pytest
import torch

from modiste.models.avatars.body_fit.prior import pose_prior, prior_rows
from modiste.models.avatars.body_fit.rig import TURNED
from modiste.models.body import JOINT_INDEX, BodyParameters, named_pose
from modiste.models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle


@pytest.fixture(scope="module")
def prior(body):
    return pose_prior(body)


def cost(prior, rotations):
    return float(prior_rows(prior, rotations)[0].square().sum())


def test_a_quiet_stance_costs_nothing_wherever_it_looks(body, prior):
    rotations = axis_angle_to_matrix(named_pose("stand", body))
    rotations[0] = axis_angle_to_matrix(torch.tensor([0.0, 2.0, 0.0])) @ rotations[0]
    assert cost(prior, rotations) < 1e-6


@pytest.mark.parametrize("joint", ["left_knee", "right_knee", "left_elbow", "right_elbow"])
def test_hinges_bend_one_way_and_not_aside(body, prior, joint):
    quiet = axis_angle_to_matrix(named_pose("stand", body))
    index = JOINT_INDEX[joint]

    def turned(axis, degrees):
        rotations = quiet.clone()
        rotations[index] = quiet[index] @ axis_angle_to_matrix(prior.axes[index, axis] * torch.deg2rad(torch.tensor(degrees)))
        return rotations

    forwards, backwards, aside = (cost(prior, turned(*turn)) for turn in ((0, 40.0), (0, -40.0), (1, 40.0)))
    assert backwards > 10 * forwards
    assert aside > 10 * forwards


@pytest.mark.parametrize(("joint", "end", "ahead"), [("left_knee", "left_ankle", -1), ("right_elbow", "right_wrist", 1)])
def test_a_bent_knee_goes_backwards_and_a_bent_elbow_forwards(body, prior, joint, end, ahead):
    index = JOINT_INDEX[joint]
    quiet = axis_angle_to_matrix(named_pose("stand", body))
    bent = quiet.clone()
    bent[index] = quiet[index] @ axis_angle_to_matrix(0.6 * prior.axes[index, 0])
    rest = body.rest()
    before, after = (
        body.posed(BodyParameters(rest.shape, matrix_to_axis_angle(turns), rest.translation)).joints[JOINT_INDEX[end]]
        for turns in (quiet, bent)
    )
    assert ahead * float(after[2] - before[2]) > 0.05


def test_slopes_are_differences_of_residuals(prior):
    rotations = axis_angle_to_matrix(0.7 * torch.randn(55, 3, generator=torch.Generator().manual_seed(2)))
    _, slopes = prior_rows(prior, rotations)
    step = 2e-3
    for axis in range(3):
        turn = torch.zeros(3)
        turn[axis] = step
        sides = []
        for sign in (1, -1):
            turned = rotations.clone()
            turned[:TURNED] = axis_angle_to_matrix(sign * turn) @ rotations[:TURNED]
            sides.append(prior_rows(prior, turned)[0])
        torch.testing.assert_close(slopes[..., axis], (sides[0] - sides[1]) / (2 * step), atol=0.05, rtol=0.02)
