"""Fitting a small coloured cylinder to four small pictures of it."""

from dataclasses import fields, replace

import pytest
import torch

from modiste.models.avatars import world_gaussians
from modiste.models.avatars.gaussian_fit import FitReport, FitSettings, Photos, comparisons, fit_gaussians
from modiste.models.avatars.views import render_views

SETTINGS = FitSettings(steps=60, most_gaussians=400, learning_rate=3.0)


class CancelledError(Exception):
    pass


@pytest.fixture(scope="module")
def done(grey, views, cameras):
    return fit_gaussians(grey, views.images, cameras, settings=SETTINGS)


def ratio(avatar, views, cameras):
    """PSNR in dB over all pictures at once."""
    seen = render_views(world_gaussians(avatar.mesh, avatar.gaussians), cameras, torch.ones(3)).images
    return -10 * float((seen - views.images).square().mean().log10())


def values(avatar):
    return [getattr(avatar.gaussians, field.name) for field in fields(avatar.gaussians)]


def test_pictures_come_nearer_by_far(grey, views, cameras, done):
    fitted, report = done
    assert ratio(fitted, views, cameras) > ratio(grey, views, cameras) + 10
    assert fitted.mesh is grey.mesh and fitted.gaussians.sh.shape[1:] == grey.gaussians.sh.shape[1:]
    assert len(grey.gaussians) < len(fitted.gaussians) <= 400
    assert report.count == (300, len(fitted.gaussians)) == (300, 300 + report.split - report.removed)
    assert report.psnr[1] > report.psnr[0] + 10 and report.loss[1] < 0.3 * report.loss[0]


def test_the_report_tells_what_the_pictures_show(views, cameras, done):
    fitted, report = done
    seen = render_views(world_gaussians(fitted.mesh, fitted.gaussians), cameras, torch.ones(3)).images
    each = -10 * (seen - views.images).square().mean((1, 2, 3)).log10()
    assert report.psnr[1] == pytest.approx(float(each.mean()), abs=0.01)


def test_a_report_is_one_sentence():
    report = FitReport(12, 500, (0.0723, 0.0029), (19.3, 40.7), (4000, 7990), 4000, 10)
    assert str(report) == (
        "500 steps on 12 views: PSNR 19.3 to 40.7 dB, loss 0.0723 to 0.0029, 4000 to 7990 Gaussians (4000 split, 10 removed)."
    )


def test_the_avatar_that_came_in_is_untouched_and_the_result_is_whole(grey, views, cameras):
    before = [value.clone() for value in values(grey)]
    fitted, _ = fit_gaussians(grey, views.images, cameras, settings=FitSettings(steps=8, most_gaussians=400))
    assert all(value.equal(old) for value, old in zip(values(grey), before, strict=True))
    bound = fitted.gaussians
    assert all(value.isfinite().all() and not value.requires_grad for value in values(fitted))
    assert bound.barycentric.min() >= 0 and torch.allclose(bound.barycentric.sum(1), torch.ones(len(bound)), atol=1e-5)
    assert bound.scale.min() > 0 and 0 < bound.opacity.min() <= bound.opacity.max() < 1
    assert bound.offset.abs().max() <= 0.03 + 1e-6
    assert torch.allclose(bound.rotation.norm(dim=1), torch.ones(len(bound)), atol=1e-5)


def test_the_same_seed_gives_the_same_avatar_and_another_another(grey, views, cameras):
    first, again, other = (
        fit_gaussians(grey, views.images, cameras, settings=FitSettings(steps=9, most_gaussians=400, seed=seed))[0]
        for seed in (1, 1, 2)
    )
    assert all(value.equal(twin) for value, twin in zip(values(first), values(again), strict=True))
    assert not first.gaussians.sh.equal(other.gaussians.sh)


def test_in_inference_mode_as_nodes_run_it_is_the_same(grey, views, cameras):
    settings = FitSettings(steps=4, most_gaussians=400)
    expected, _ = fit_gaussians(grey, views.images, cameras, views.masks, settings)
    with torch.inference_mode():
        mesh = replace(grey.mesh, vertices=grey.mesh.vertices.clone())
        bound = replace(
            grey.gaussians, **{field.name: getattr(grey.gaussians, field.name).clone() for field in fields(grey.gaussians)}
        )
        made = [replace(camera, view=camera.view.clone(), intrinsics=camera.intrinsics.clone()) for camera in cameras]
        fitted, _ = fit_gaussians(
            replace(grey, mesh=mesh, gaussians=bound), views.images.clone(), made, views.masks.clone(), settings
        )
    assert all(value.equal(twin) for value, twin in zip(values(fitted), values(expected), strict=True))


def test_without_densify_nothing_is_split(grey, views, cameras):
    settings = replace(SETTINGS, steps=20, densify=False)
    fitted, report = fit_gaussians(grey, views.images, cameras, settings=settings)
    assert report.split == 0 and len(fitted.gaussians) <= 300


def test_higher_degrees_are_kept_and_fitted(grey, views, cameras):
    shiny = replace(grey, gaussians=replace(grey.gaussians, sh=torch.cat([grey.gaussians.sh, torch.zeros(300, 3, 3)], dim=1)))
    fitted, _ = fit_gaussians(shiny, views.images, cameras, settings=FitSettings(steps=8, most_gaussians=400))
    assert fitted.gaussians.sh.shape[1] == 4 and fitted.gaussians.sh[:, 1:].abs().max() > 0


def test_a_mask_keeps_colours_outside_away_and_empties_what_lies_there(grey, views, cameras):
    """The pictures' lower half is painted over; the masks keep the upper half, which alone is fitted."""
    upper = torch.zeros_like(views.masks)
    upper[:, :24] = (views.masks[:, :24] > 0.5).float()
    painted = views.images.clone()
    painted[:, 24:] = torch.tensor([1.0, 0.0, 1.0])
    settings = replace(SETTINGS, densify=False)
    fitted, report = fit_gaussians(grey, painted, cameras, upper, settings)
    seen = render_views(world_gaussians(fitted.mesh, fitted.gaussians), cameras, torch.ones(3))
    below = upper.clone().zero_()
    below[:, 30:40] = (views.masks[:, 30:40] > 0.5).float()
    assert float((seen.masks * below).sum() / below.sum()) < 0.15  # 0.9 of it was covered before
    assert report.psnr[1] > report.psnr[0] + 8
    inside = views.masks.new_zeros(views.masks.shape)
    inside[:, 12:20] = upper[:, 12:20]
    error = ((seen.images - views.images).square().mean(-1) * inside).sum() / inside.sum()
    assert -10 * float(error.log10()) > 18


def test_progress_counts_to_the_end_and_pictures_are_shown(grey, views, cameras):
    told, shown = [], []
    settings = FitSettings(steps=5, most_gaussians=400)
    fit_gaussians(grey, views.images, cameras, None, settings, lambda done, total: told.append((done, total)), shown.append)
    assert told == sorted(told) and told[0] == (0, 5) and told[-1] == (5, 5)
    assert shown and all(picture.shape == (48, 96, 3) and 0 <= picture.min() <= picture.max() <= 1 for picture in shown)
    assert shown[0][:, :48].equal(views.images[0])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_can_be_stopped_anywhere(grey, views, cameras, share):
    told = []
    settings = FitSettings(steps=4, most_gaussians=400)
    fit_gaussians(grey, views.images, cameras, settings=settings, progress=lambda *at: told.append(at))
    left = iter(range(round(share * (len(told) - 1))))

    def cancel(done, total):
        if next(left, None) is None:
            raise CancelledError

    with pytest.raises(CancelledError):
        fit_gaussians(grey, views.images, cameras, settings=settings, progress=cancel)


def test_photos_of_another_size_are_fitted_where_the_shape_agrees(grey, views, cameras):
    photos = Photos.checked(views.images[:, ::2, ::2], cameras)
    assert all((camera.width, camera.height) == (24, 24) for camera in photos.cameras)
    k, half = cameras[0].intrinsics, photos.cameras[0].intrinsics
    assert torch.allclose(half[:2], 0.5 * k[:2]) and half[2].equal(k[2])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda i, c, m: (i[:3], c, m), "3 photos and 4 cameras"),
        (lambda i, c, m: (i[:0], [], m[:0]), "no photos"),
        (lambda i, c, m: (i[:, :30], c, m[:, :30]), "another shape"),
        (lambda i, c, m: (i * torch.nan, c, m), "photos have pixels that are not finite"),
        (lambda i, c, m: (i, [replace(c[0], view=c[0].view * torch.inf), *c[1:]], m), "Camera 1 has values"),
        (lambda i, c, m: (i, c, m[:2]), "masks are 2 of 48 x 48 pixels and the photos 4 of 48 x 48"),
        (lambda i, c, m: (i, c, m * torch.nan), "masks have values that are not finite"),
        (lambda i, c, m: (i, c, 0 * m), "All masks are empty"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_sentence(grey, views, cameras, change, sentence):
    images, given, masks = change(views.images, cameras, views.masks)
    with pytest.raises(ValueError, match=sentence):
        fit_gaussians(grey, images, given, masks, SETTINGS)


def test_an_avatar_that_cannot_be_fitted_is_refused(grey, views, cameras):
    empty = replace(grey, gaussians=type(grey.gaussians)(*(value[:0] for value in values(grey))))
    with pytest.raises(ValueError, match="no Gaussians to begin with"):
        fit_gaussians(empty, views.images, cameras)
    with pytest.raises(ValueError, match="300 Gaussians, more than the 200"):
        fit_gaussians(grey, views.images, cameras, settings=FitSettings(most_gaussians=200))
    with pytest.raises(ValueError, match="at least one step"):
        fit_gaussians(grey, views.images, cameras, settings=FitSettings(steps=0))


def test_comparisons_show_photos_over_the_background_outside_their_masks(grey, views, cameras):
    background = torch.tensor([0.0, 1.0, 0.0])
    masks = torch.zeros(4, 48, 48)
    masks[:, :, 24:] = 1
    photos = Photos.checked(views.images, cameras, masks)
    picture = comparisons(world_gaussians(grey.mesh, grey.gaussians), photos, background, 2)
    assert picture.shape == (2, 48, 96, 3)
    assert picture[0, :, :24].equal(background.expand(48, 24, 3)) and picture[1, :, 24:48].equal(views.images[2, :, 24:])
    assert torch.allclose(picture[0, 0, 48], background)
