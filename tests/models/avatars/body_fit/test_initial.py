"""First guesses stand on the floor, look where they should, and their limbs point where they are named for."""

import math

import pytest
import torch

from modiste.models.avatars.body_fit.initial import ARMS, LEGS, heading_of, starts, with_limbs
from modiste.models.avatars.body_fit.prior import pose_prior, prior_rows
from modiste.models.avatars.body_fit.rig import guess_from
from modiste.models.body import JOINT_INDEX

HEADINGS = (0.0, 2.0)


@pytest.fixture(scope="module")
def prior(body):
    return pose_prior(body)


@pytest.fixture(scope="module")
def guesses(body, prior):
    return starts(body, prior, 0.1, 1.9, torch.tensor([0.5, 1.0, -0.3]), HEADINGS)


def test_starts_stand_on_the_floor_where_the_trunk_is(body, guesses):
    for guess in guesses:
        posed = body.posed(guess.parameters())
        assert float(posed.vertices[:, 1].min()) == pytest.approx(0.1, abs=0.01)
        assert float((posed.joints[JOINT_INDEX["spine1"]] - torch.tensor([0.5, 1.0, -0.3]))[[0, 2]].norm()) < 0.1


def test_starts_look_all_the_ways_asked_for(body, guesses):
    for guess, heading in zip(guesses, HEADINGS * (len(guesses) // 2), strict=True):
        joints = body.posed(guess.parameters()).joints
        across = joints[JOINT_INDEX["left_hip"]] - joints[JOINT_INDEX["right_hip"]]
        ahead = torch.linalg.cross(across, torch.tensor([0.0, 1, 0]), dim=0)
        assert math.cos(math.atan2(float(ahead[0]), float(ahead[2])) - heading) > 0.99
        assert float(heading_of(guess)[0, 2]) == pytest.approx(math.sin(heading), abs=0.05)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("kind", "name"), [*(("arms", name) for name in ARMS), *(("legs", name) for name in LEGS)])
def test_limbs_point_where_they_are_named_for_by_hinges_that_bend_as_they_can(body, prior, people, kind, name, side):
    state = people.standing("stand", heading=1.2)
    guess = with_limbs(body, prior, guess_from(state.parameters), **{kind: name}, sides=(side,))
    joints = body.posed(guess.parameters()).joints
    chain, aims = (("shoulder", "elbow", "wrist"), ARMS) if kind == "arms" else (("hip", "knee", "ankle"), LEGS)
    turn = heading_of(guess)
    for start, end, aim in zip(chain, chain[1:], aims[name], strict=False):
        bone = joints[JOINT_INDEX[f"{side}_{end}"]] - joints[JOINT_INDEX[f"{side}_{start}"]]
        wanted = turn @ (torch.tensor(aim) * torch.tensor([1.0 if side == "left" else -1.0, 1, 1]))
        assert float(torch.nn.functional.cosine_similarity(bone, wanted, dim=0)) > 0.96
    hinge = JOINT_INDEX[f"{side}_{chain[1]}"]
    residuals = prior_rows(prior, guess.rotations)[0][hinge]
    assert float(residuals[1].abs()) < 3 and float(residuals[3]) < 3
