"""The loss against its formula and another implementation of SSIM."""

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from modiste.models.avatars.gaussian_fit.losses import OUTSIDE, picture_loss, squared_error, ssim_map


def pictures(seed=0, size=(40, 33)):
    random = torch.Generator().manual_seed(seed)
    first = torch.rand(*size, 3, generator=random)
    return first, (first + 0.2 * torch.randn(*size, 3, generator=random)).clamp(0, 1)


def test_similarity_is_that_of_others_away_from_the_border():
    first, second = pictures()
    _, theirs = structural_similarity_index_measure(
        first.permute(2, 0, 1)[None], second.permute(2, 0, 1)[None], data_range=1.0, return_full_image=True
    )
    assert torch.allclose(ssim_map(first, second)[5:-5, 5:-5], theirs[0].permute(1, 2, 0)[5:-5, 5:-5], atol=1e-4)
    assert torch.allclose(ssim_map(first, first), torch.ones_like(first), atol=1e-4)


def test_gradients_are_those_of_finite_differences():
    first, second = (picture.double() for picture in pictures(size=(9, 14)))
    mask = (torch.rand(9, 14, generator=torch.Generator().manual_seed(1)) > 0.4).double()
    alpha = torch.full((9, 14), 0.3, dtype=torch.float64, requires_grad=True)
    first.requires_grad_()
    assert torch.autograd.gradcheck(lambda color, cover: picture_loss(color, cover, second, mask), (first, alpha))
    assert torch.autograd.gradcheck(lambda color: picture_loss(color, alpha, second), (first,))


def test_loss_is_l1_and_dissimilarity_in_the_shares_of_3dgs():
    first, second = pictures(2)
    expected = 0.8 * (first - second).abs().mean() + 0.2 * (1 - ssim_map(first, second).mean())
    assert float(picture_loss(first, torch.ones(40, 33), second)) == pytest.approx(float(expected), abs=1e-6)
    assert float(picture_loss(first, torch.ones(40, 33), first)) == pytest.approx(0, abs=1e-5)


def test_a_full_mask_is_no_mask():
    first, second = pictures(3)
    full, alpha = torch.ones(40, 33), torch.rand(40, 33)
    assert float(picture_loss(first, alpha, second, full)) == pytest.approx(float(picture_loss(first, alpha, second)), rel=1e-5)
    assert float(squared_error(first, second, full)) == pytest.approx(float((first - second).square().mean()), rel=1e-5)


def test_outside_a_mask_colours_do_not_count_and_coverage_costs():
    first, second = pictures(4)
    mask = torch.zeros(40, 33)
    mask[10:30, 8:25] = 1
    other = torch.where(mask[..., None] > 0, first, 1 - first)
    none, all_ = torch.zeros(40, 33), torch.ones(40, 33)
    assert float(picture_loss(first, none, second, mask)) == pytest.approx(float(picture_loss(other, none, second, mask)), rel=1e-6)
    assert float(squared_error(first, second, mask)) == pytest.approx(float(squared_error(other, second, mask)), rel=1e-6)
    cost = float(picture_loss(first, all_, second, mask) - picture_loss(first, none, second, mask))
    assert cost == pytest.approx(OUTSIDE, rel=1e-4)
    assert float(picture_loss(first, mask, second, mask)) == pytest.approx(float(picture_loss(first, none, second, mask)), rel=1e-6)


def test_an_empty_mask_of_one_view_leaves_only_its_coverage():
    first, second = pictures(5)
    loss = picture_loss(first, torch.full((40, 33), 0.5), second, torch.zeros(40, 33))
    assert float(loss) == pytest.approx(0.5 * OUTSIDE)
