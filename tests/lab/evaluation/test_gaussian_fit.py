"""The evaluation of Fit Gaussians, in miniature."""

import torch

from modiste.lab.evaluation import gaussian_fit
from modiste.models.avatars import world_gaussians
from modiste.models.avatars.views import render_views


def test_a_case_is_fitted_and_judged_by_pictures_that_it_was_not_fitted_to(monkeypatch):
    for name, value in {"TRUTH": 4000, "START": 400, "MOST": 500, "VIEWS": 3, "HELD_OUT": 2, "SIZE": (32, 48)}.items():
        monkeypatch.setattr(gaussian_fit, name, value)
    case = gaussian_fit.draw_fit_case(1, 0)
    eyes = [camera.position for camera in (*case.cameras, *case.held_cameras)]
    assert torch.pdist(torch.stack(eyes)).min() > 0.3  # metres
    assert case.start.gaussians.sh.abs().max() < 1e-6 and len(case.start.gaussians) == 400
    outcome = gaussian_fit.measure_fit(case, steps=30)
    figures = outcome.figures
    assert {name for name, _ in figures} == {"none", "fitted", "sampled"}
    for metric in ("psnr", "ssim", "person_psnr"):
        assert figures["fitted", metric] > figures["none", metric]
    seen = render_views(world_gaussians(case.start.mesh, case.start.gaussians), case.held_cameras, torch.ones(3)).images
    each = -10 * (seen - case.held.images).square().mean((1, 2, 3)).log10()
    assert abs(figures["none", "psnr"] - float(each.mean())) < 0.01
    assert 400 <= figures["fitted", "gaussians"] <= 500
    assert [(picture.shape, picture.dtype) for picture in outcome.pictures] == [((48, 32, 3), torch.uint8)] * 3
