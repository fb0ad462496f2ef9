"""Gradients of the tiled renderer: against finite differences, and against autograd through the formula written out."""

from dataclasses import fields

import pytest
import torch

from modiste.models.geometry import Gaussians
from modiste.models.render import differentiable, look_at, render_splats

BACKGROUND = torch.tensor([0.2, 0.5, 0.9])
CAMERA = look_at(torch.tensor([0.4, 0.3, 2.2]), torch.zeros(3), 40.0, 37, 29)


def doubled(gaussians):
    return Gaussians(*(getattr(gaussians, field.name).double().requires_grad_() for field in fields(gaussians)))


def weights(seed=3):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, dtype=torch.float64, generator=random) for shape in ((29, 37, 3), (29, 37), (29, 37))]


def total(gaussians, method, camera=CAMERA):
    seen = render_splats(gaussians, camera, BACKGROUND, method)
    color, alpha, depth = weights()
    return (color * seen.color).sum() + (alpha * seen.alpha).sum() + (depth * seen.depth).sum()


def gradients(gaussians, method):
    total(gaussians, method).backward()
    return [getattr(gaussians, field.name).grad for field in fields(gaussians)]


def test_gradients_are_those_of_finite_differences(random_gaussians):
    gaussians = doubled(random_gaussians(6, seed=1, spread=0.25, size=0.1, degree=1))
    step = 1e-6
    for field, gradient in zip(fields(gaussians), gradients(gaussians, "differentiable"), strict=True):
        values = getattr(gaussians, field.name).detach().clone()
        for place in range(0, values.numel(), 3):
            ends = []
            for sign in (-1, 1):
                moved = values.clone()
                moved.view(-1)[place] += sign * step
                parts = {f.name: getattr(gaussians, f.name).detach() for f in fields(gaussians)} | {field.name: moved}
                ends.append(float(total(Gaussians(**parts), "differentiable")))
            expected = (ends[1] - ends[0]) / (2 * step)
            assert float(gradient.view(-1)[place]) == pytest.approx(expected, rel=1e-4, abs=1e-4), (field.name, place)


@pytest.mark.parametrize(("count", "size"), [(400, 0.05), (3000, 0.2)])  # the second ends its light early
def test_many_gaussians_have_the_gradients_of_the_formula(random_gaussians, count, size, monkeypatch):
    scene = random_gaussians(count, seed=2, size=size, degree=2)
    expected = gradients(doubled(scene), "reference")
    for block, few in ((1 << 18, 16), (1 << 10, 3)):
        monkeypatch.setattr(differentiable, "_BLOCK", block)
        monkeypatch.setattr(differentiable, "_STEP", few)
        for found, true in zip(gradients(doubled(scene), "differentiable"), expected, strict=True):
            assert torch.allclose(found, true, rtol=1e-7, atol=1e-9 * float(true.abs().max()))


def test_single_precision_keeps_four_digits(random_gaussians):
    scene = random_gaussians(2000, seed=4, size=0.1, degree=0)
    expected = gradients(doubled(scene), "reference")
    single = Gaussians(*(getattr(scene, field.name).clone().requires_grad_() for field in fields(scene)))
    for found, true in zip(gradients(single, "differentiable"), expected, strict=True):
        assert float((found - true).norm() / true.norm()) < 1e-4


def test_nothing_to_see_has_no_gradient(random_gaussians):
    behind = doubled(random_gaussians(5))
    with torch.no_grad():
        behind.positions[:, 2] += 10
    seen = render_splats(behind, CAMERA, BACKGROUND, "differentiable")
    assert torch.equal(seen.color, BACKGROUND.double().expand(29, 37, 3)) and not seen.alpha.any()
    (seen.color.sum() + seen.alpha.sum()).backward()
    assert not behind.positions.grad.any() and not behind.opacities.grad.any()
