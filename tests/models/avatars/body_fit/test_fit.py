"""Bodies found again from their own surface, through cloth, with and without help; each fit is made once for several tests."""

import math
from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX
from modiste.models.avatars.body_fit import Settings, fit_body
from modiste.models.avatars.body_fit.keypoints import spots
from modiste.models.avatars.body_fit.report import measure
from modiste.models.avatars.body_fit.surface import surface_of
from modiste.models.avatars.closest import closest_points
from modiste.models.body import BodyState
from modiste.models.geometry import Gaussians
from modiste.models.geometry.mesh import face_normals

MAIN = 22
DRAFT = Settings("draft")


def joint_errors(found, truth):
    """Millimetres of the 22 main joints."""
    return 1000 * (found.posed().joints - truth.posed().joints)[:MAIN].norm(dim=1)


@pytest.fixture(scope="module")
def walker(people):
    """Somebody who walks and looks elsewhere, in cloth two centimetres thick, and the fit of the body."""
    truth = people.standing("walk", heading=2.1, seed=4)
    avatar = people.clothed(truth)
    return truth, avatar, fit_body(avatar, truth.model, settings=DRAFT)


def test_a_bare_body_is_found_again_to_a_few_millimetres(people):
    truth = people.standing("contrapposto", seed=1)
    found, report = fit_body(people.bare(truth), truth.model, settings=replace(DRAFT, heading=0.0))
    assert float(joint_errors(found, truth).median()) < 5
    assert float(joint_errors(found, truth).max()) < 15
    assert report.skin < 0.004


def test_a_clothed_body_is_found_from_any_heading(walker):
    truth, _, fit = walker
    assert float(joint_errors(fit.body, truth).median()) < 20
    assert math.cos(math.radians(fit.report.heading) - 2.1) > 0.98


def test_clothes_stay_outside_of_the_body(walker):
    _, avatar, fit = walker
    cloth = avatar.mesh.vertices[avatar.labels == LABEL_INDEX["clothes"]][::7]
    posed, faces = fit.body.posed().vertices, fit.body.model.faces
    closest = closest_points(cloth, posed, faces)
    outside = ((cloth - closest.point) * face_normals(posed, faces)[closest.face]).sum(-1)
    assert float((outside < -0.005).float().mean()) < 0.02
    assert fit.report.inside < 0.02
    assert 0.005 < fit.report.surface < 0.025


def test_the_same_avatar_gives_the_same_body_whatever_body_it_had(people, walker):
    _, avatar, fit = walker
    again = fit_body(replace(avatar, body=people.standing("t_pose")), fit.body.model, settings=DRAFT)
    for name in ("shape", "pose", "translation"):
        assert torch.equal(getattr(again.body.parameters, name), getattr(fit.body.parameters, name))
    assert again.report == fit.report


def test_keypoints_find_legs_in_a_sack(people):
    """In a wide sack from the waist to the floor legs are anywhere, unless somebody says where knees and ankles are."""
    truth = people.standing("walk", seed=2)
    avatar = people.clothed(truth, off=0.02)
    posed = truth.posed()
    low = avatar.mesh.vertices[:, 1] < float(posed.joints[0, 1]) - 0.05
    middle = posed.joints[0, [0, 2]]
    across = avatar.mesh.vertices[:, [0, 2]] - middle
    vertices = avatar.mesh.vertices.clone()
    vertices[:, [0, 2]] = torch.where(low[:, None], middle + 0.45 * torch.nn.functional.normalize(across, dim=1), middle + across)
    sack = replace(avatar, mesh=replace(avatar.mesh, vertices=vertices))
    settings = replace(DRAFT, heading=0.0)
    observed = posed.joints + 0.005 * torch.randn(55, 3, generator=torch.Generator().manual_seed(0))
    blind = fit_body(sack, truth.model, settings=settings)
    helped = fit_body(sack, truth.model, [spots(observed[:MAIN], torch.ones(MAIN), "joints")], settings)
    assert float(joint_errors(helped.body, truth).max()) < 25
    assert float(joint_errors(helped.body, truth).max()) < 0.5 * float(joint_errors(blind.body, truth).max())
    assert blind.report.keypoints is None and 0.002 < helped.report.keypoints < 0.02


def test_a_start_is_followed_and_a_wrong_one_forgiven(people):
    truth = people.standing("hand_on_hip", seed=3)
    avatar = people.bare(truth)
    for start in (truth.parameters, people.standing("t_pose", heading=3.0).parameters):
        found, _ = fit_body(avatar, truth.model, settings=replace(DRAFT, heading=0.0, start=start))
        assert float(joint_errors(found, truth).median()) < 6


def test_a_splat_is_fitted_to_its_opaque_gaussians(people):
    truth = people.standing("a_pose", seed=5)
    points = truth.posed().vertices
    haze = points[::5] + 0.3 * torch.randn(points[::5].shape, generator=torch.Generator().manual_seed(1))
    count = len(points) + len(haze)
    opacities = torch.cat([torch.full((len(points),), 0.95), torch.full((len(haze),), 0.1)])
    cloud = Gaussians(torch.cat([points, haze]), torch.ones(count, 3), torch.ones(count, 4), opacities, torch.zeros(count, 1, 3))
    found, report = fit_body(cloud, truth.model, settings=replace(DRAFT, heading=0.0))
    assert float(joint_errors(found, truth).median()) < 20
    assert report.skin is None


class CancelledError(Exception):
    pass


def test_a_fit_can_be_cancelled_from_its_beginning_to_its_end(people, walker):
    _, avatar, fit = walker
    told = []
    settings = replace(DRAFT, heading=120.0)
    fit_body(avatar, fit.body.model, settings=settings, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[-1][0] == told[-1][1] and len(told) > 100
    for last in (1, len(told) // 2, len(told)):
        left = iter(range(last - 1))

        def cancel(done, total, left=left):
            if next(left, None) is None:
                raise CancelledError

        with pytest.raises(CancelledError):
            fit_body(avatar, fit.body.model, settings=settings, progress=cancel)


def test_the_report_says_in_words_what_it_measured(walker):
    _, _, fit = walker
    text = fit.report.text()
    assert f"{fit.report.height:.2f} m tall" in text and f"{1000 * fit.report.skin:.1f} mm" in text
    assert "Keypoints" not in text and "poor" not in text
    poor = replace(fit.report, inside=0.3, doubt=0.95, keypoints=0.01)
    assert "poor" in poor.text() and "another way" in poor.text() and "10.0 mm off the joints" in poor.text()


def test_a_body_that_is_off_is_reported_so(people):
    truth = people.standing("stand")
    moved = BodyState(truth.model, replace(truth.parameters, translation=truth.parameters.translation + torch.tensor([0, 0, 0.1])))
    surface = surface_of(people.bare(truth), 2000)
    assert measure(surface, truth, (), 0.0).skin < 1e-5
    off = measure(surface, moved, (), 0.0)
    assert off.skin > 0.02 and off.inside > 0.1
