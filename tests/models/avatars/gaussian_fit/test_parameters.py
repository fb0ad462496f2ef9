"""Parameters hold what bound Gaussians hold, and bring steps of the optimiser back into bounds."""

from dataclasses import fields, replace

import pytest
import torch

from modiste.models.avatars import BoundGaussians, world_gaussians
from modiste.models.avatars.gaussian_fit.parameters import OFFSET, OPTIMISED, pack, settle, unpack, usual_sizes, world
from modiste.models.avatars.gaussian_fit.surface import Surface
from modiste.models.geometry.rotation import quaternion_to_matrix


@pytest.fixture(scope="module")
def bound(colored):
    random = torch.Generator().manual_seed(0)
    count = 60
    barycentric = torch.rand(count, 3, generator=random)
    return BoundGaussians(
        face=torch.randint(len(colored.mesh.faces), (count,), generator=random),
        barycentric=barycentric / barycentric.sum(1, keepdim=True),
        offset=0.02 * torch.randn(count, generator=random),
        rotation=torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1),
        scale=0.02 * torch.exp(0.5 * torch.randn(count, 3, generator=random)),
        opacity=0.01 + 0.98 * torch.rand(count, generator=random),
        sh=torch.randn(count, 4, 3, generator=random),
    )


@pytest.fixture(scope="module")
def surface(colored):
    return Surface.of(colored.mesh)


def covariance(gaussians):
    half = quaternion_to_matrix(gaussians.rotations) * gaussians.scales[:, None, :]
    return half @ half.mT


def test_they_show_what_the_bound_gaussians_show(colored, bound, surface):
    ours, true = world(pack(bound, surface), surface), world_gaussians(colored.mesh, bound)
    for name in ("positions", "scales", "opacities", "sh"):
        assert torch.allclose(getattr(ours, name), getattr(true, name), atol=1e-5), name
    assert torch.allclose(covariance(ours), covariance(true), atol=1e-7)


def test_packing_and_unpacking_gives_the_same_back(bound, surface):
    again = unpack(pack(bound, surface), surface)
    for field in fields(bound):
        assert torch.allclose(getattr(again, field.name), getattr(bound, field.name), atol=1e-5), field.name


def test_nothing_is_shared_with_what_was_packed(bound, surface):
    parameters = pack(bound, surface)
    kept = [getattr(bound, field.name).clone() for field in fields(bound)]
    for name in (*OPTIMISED, "barycentric", "face"):
        getattr(parameters, name).fill_(1)
    assert all(getattr(bound, field.name).equal(old) for field, old in zip(fields(bound), kept, strict=True))


def test_a_slide_carries_a_gaussian_along_the_surface_and_keeps_its_shape_in_the_world(bound, surface, colored):
    parameters = pack(bound, surface)
    parameters = replace(parameters, offset=torch.zeros(len(bound)))
    before = world(parameters, surface)
    upwards = torch.tensor([0.0, 0.01, 0.0])
    parameters.slide.copy_(upwards.expand(len(bound), 3))
    room = before.positions[:, 1] < 0.98
    parameters = settle(parameters, surface, usual_sizes(bound, surface))
    after = world_gaussians(colored.mesh, unpack(parameters, surface))
    assert torch.allclose(
        after.positions[room], (before.positions + upwards)[room], atol=1e-5
    )  # the cylinder's sides stand upright
    assert torch.allclose(covariance(after), covariance(before), atol=1e-7)
    assert not parameters.slide.any()


def test_values_come_back_into_their_bounds(bound, surface):
    parameters = pack(bound, surface)
    parameters.offset.fill_(-1.0)
    parameters.turn.mul_(7)
    parameters.log_scale[:30], parameters.log_scale[30:] = 50.0, -50.0
    parameters.logit.fill_(1e4)
    settled = unpack(settle(parameters, surface, usual_sizes(bound, surface)), surface)
    assert torch.allclose(settled.offset, -bound.offset.abs().clamp_min(OFFSET))
    assert torch.allclose(settled.rotation.norm(dim=1), torch.ones(len(bound)))
    smallest, largest = usual_sizes(bound, surface)
    assert 0 < float(settled.scale.min()) < smallest and largest < float(settled.scale.max()) < 10 * largest
    assert float(settled.opacity.max()) < 1


def test_everything_optimised_has_a_gradient(bound, surface):
    parameters = pack(bound, surface)
    for name in OPTIMISED:
        getattr(parameters, name).requires_grad_()
    gaussians = world(parameters, surface)
    random = torch.Generator().manual_seed(1)
    total = sum((values * torch.randn(values.shape, generator=random)).sum() for values in vars(gaussians).values())
    total.backward()
    for name in OPTIMISED:
        assert (getattr(parameters, name).grad.reshape(len(bound), -1) != 0).any(1).all(), name


def test_what_is_usual_takes_in_a_person_and_what_was_there_already(bound, surface):
    smallest, largest = usual_sizes(bound, surface)
    assert smallest < 1e-3 * surface.diagonal and largest > 0.04 * surface.diagonal
    coarse = usual_sizes(replace(bound, scale=10 * bound.scale), surface)
    assert coarse[1] > 10 * float(bound.scale.amax(1).median())
    fine = usual_sizes(replace(bound, scale=1e-5 * bound.scale), surface)
    assert fine[0] < 1e-5 * float(bound.scale.amax(1).median())
