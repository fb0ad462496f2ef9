"""Splitting and removing: on the surface, within the count, and only what the evidence asks for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.avatars import world_gaussians
from modiste.models.avatars.closest import closest_points
from modiste.models.avatars.gaussian_fit.density import GROWTH, LEAST_GRADIENT, Evidence, revise
from modiste.models.avatars.gaussian_fit.parameters import pack, unpack, usual_sizes, world
from modiste.models.avatars.gaussian_fit.surface import Surface
from modiste.models.render import look_at


@pytest.fixture(scope="module")
def surface(grey):
    return Surface.of(grey.mesh)


@pytest.fixture(scope="module")
def sizes(grey, surface):
    return usual_sizes(grey.gaussians, surface)


@pytest.fixture
def parameters(grey, surface):
    return pack(grey.gaussians, surface)


def pulled(count, strongest):
    """Evidence of one picture that pulls at some of the Gaussians."""
    evidence = Evidence.none(count)
    evidence.seen += 1
    evidence.pull[strongest] = 10 * LEAST_GRADIENT
    return evidence


def test_halves_stay_on_the_mesh_beside_where_the_whole_was(grey, parameters, surface, sizes):
    chosen = torch.tensor([3, 50, 200])
    revision = revise(parameters, surface, sizes, pulled(300, chosen), 1000)
    assert (revision.split, revision.removed, len(revision.parameters)) == (3, 0, 303)
    assert revision.source[revision.fresh].tolist() == [3, 50, 200, 3, 50, 200]
    halves = world_gaussians(grey.mesh, unpack(revision.parameters, surface))[revision.fresh]
    assert float(closest_points(halves.positions, grey.mesh.vertices, grey.mesh.faces).distance.max()) < 1e-6
    whole = world(parameters, surface)[chosen]
    sigma = whole.scales.amax(1)
    apart = (halves.positions.view(2, 3, 3) - whole.positions).norm(dim=-1)
    assert ((apart < 0.61 * sigma) & (apart > 0.5 * sigma)).all()  # straight on a face, shorter over edges of the cylinder
    assert torch.allclose(halves.scales.view(2, 3, 3).prod(-1), whole.scales.prod(-1).expand(2, 3) / 1.6, rtol=1e-4)
    others = [i for i in range(300) if i not in chosen.tolist()]
    assert revision.source[~revision.fresh].tolist() == others
    assert revision.parameters.color[~revision.fresh].equal(parameters.color[others])


@given(st.data())
def test_there_are_never_more_than_allowed_unless_there_were(grey, surface, sizes, data):
    most, pulled_at, clear = (data.draw(st.integers(*ends)) for ends in ((1, 700), (0, 300), (0, 299)))
    parameters = pack(grey.gaussians, surface)
    parameters.logit[:clear] = -10
    revision = revise(parameters, surface, sizes, pulled(300, torch.arange(pulled_at)), most)
    left = 300 - clear
    assert revision.removed == clear
    assert len(revision.parameters) == left + revision.split <= max(left, most)
    assert revision.split <= GROWTH * left and revision.split <= max(0, pulled_at - clear)
    assert len(revision.source) == len(revision.fresh) == len(revision.parameters)


def test_the_strongest_are_split_first_and_the_weak_never(parameters, surface, sizes):
    evidence = Evidence(torch.linspace(0, 4, 300) * LEAST_GRADIENT, torch.ones(300))
    few = revise(parameters, surface, sizes, evidence, 310)
    assert sorted(few.source[few.fresh].unique().tolist()) == list(range(290, 300))
    weak = revise(parameters, surface, sizes, Evidence(torch.full((300,), 0.9 * LEAST_GRADIENT), torch.ones(300)), 1000)
    assert weak.split == 0
    seldom = Evidence(torch.full((300,), 0.9 * LEAST_GRADIENT), torch.full((300,), 0.1))
    seldom.seen[:] = 3
    assert revise(parameters, surface, sizes, seldom, 1000).split == 0  # a mean, not a sum


def test_what_shows_nothing_goes(parameters, surface, sizes):
    parameters.logit[:10] = -6.0
    parameters.log_scale[10:20] = torch.tensor(0.5 * sizes[0]).log()
    parameters.log_scale[20:30, 0] = torch.tensor(1.5 * sizes[1]).log()
    parameters.log_scale[30:40, 2] = torch.tensor(0.5 * sizes[0]).log()  # a thin disc is no dust
    revision = revise(parameters, surface, sizes, None, 1000)
    assert revision.removed == 30 and revision.source.tolist() == list(range(30, 300))


def test_one_gaussian_stays_when_all_should_go(parameters, surface, sizes):
    parameters.logit.fill_(-8.0)
    parameters.logit[7] = -7.0
    assert revise(parameters, surface, sizes, None, 1000).source.tolist() == [7]


def test_pull_is_the_gradient_in_the_picture():
    camera = look_at(torch.tensor([0.5, 1.0, 3.0]), torch.zeros(3), 40.0, 80, 60)
    random = torch.Generator().manual_seed(0)
    points = (0.5 * torch.randn(50, 3, generator=random)).requires_grad_()
    pull = torch.randn(50, 2, generator=random)
    inside = points @ camera.view[:3, :3].T + camera.view[:3, 3]
    pixels = (inside @ camera.intrinsics.T)[:, :2] / inside[:, 2:]
    (pixels * pull).sum().backward()
    evidence = Evidence.none(50)
    evidence.add(points.detach(), points.grad, camera)
    evidence.add(points.detach(), torch.zeros(50, 3), camera)  # a picture that shows none of them
    assert torch.allclose(evidence.mean(), (pull * torch.tensor([40.0, 30.0])).norm(dim=1), rtol=1e-4)
