from dataclasses import replace

import numpy as np
import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians, transfer_skin_tone
from modiste.models.avatars.selection import gaussians_labelled
from modiste.models.avatars.skin_tone import LabStatistics, lab_statistics, transfer_lab_statistics
from modiste.models.geometry.color import srgb_to_lab
from modiste.models.geometry.spherical_harmonics import SH_C0

SKIN_PARTS = ("torso_skin", "left_arm", "right_arm", "left_leg", "right_leg", "hands")


def lab_of(avatar, names):
    chosen = gaussians_labelled(avatar, names)
    return srgb_to_lab((0.5 + SH_C0 * avatar.gaussians.sh[chosen, 0]).clamp(0, 1))


def test_statistics_are_weighted_by_opacity():
    generator = torch.Generator().manual_seed(0)
    lab = torch.randn(300, 3, generator=generator) * torch.tensor([9.0, 3.0, 2.0]) + torch.tensor([60.0, 15.0, 20.0])
    opacity = torch.rand(300, generator=generator)
    found = lab_statistics(lab, opacity)
    ab = lab[:, 1:].numpy()
    away = (ab - np.median(ab, 0)) / (1.4826 * np.median(np.abs(ab - np.median(ab, 0)), 0))
    weight = opacity.numpy() * (np.hypot(*away.T) <= 4)
    mean = np.average(lab.numpy(), 0, weight)
    spread = np.sqrt(np.average((lab.numpy() - mean) ** 2, 0, weight))
    np.testing.assert_allclose(found.mean.numpy(), mean, atol=0.15)
    np.testing.assert_allclose(found.spread.numpy(), spread, atol=0.15)


def test_lips_and_brows_do_not_move_the_mean():
    generator = torch.Generator().manual_seed(1)
    skin = torch.randn(900, 3, generator=generator) + torch.tensor([70.0, 12.0, 18.0])
    lips = torch.randn(60, 3, generator=generator) + torch.tensor([45.0, 45.0, 20.0])
    found = lab_statistics(torch.cat([skin, lips]), torch.ones(960))
    torch.testing.assert_close(found.mean, skin.mean(0), atol=0.2, rtol=0)


def test_the_map_is_affine_in_each_channel():
    present = LabStatistics(torch.tensor([50.0, 10, 20]), torch.tensor([10.0, 4, 2]))
    wanted = LabStatistics(torch.tensor([70.0, 8, 15]), torch.tensor([15.0, 3, 3]))
    moved = transfer_lab_statistics(torch.tensor([[60.0, 14, 20]]), present, wanted)
    torch.testing.assert_close(moved, torch.tensor([[85.0, 11, 15]]))
    half = transfer_lab_statistics(torch.tensor([[60.0, 14, 20]]), present, wanted, strength=0.5)
    torch.testing.assert_close(half, torch.tensor([[72.5, 12.5, 17.5]]))


def test_an_unlike_spread_is_bounded():
    present = LabStatistics(torch.zeros(3), torch.tensor([1.0, 1, 1]))
    wanted = LabStatistics(torch.zeros(3), torch.tensor([100.0, 0.0, 1.5]))
    moved = transfer_lab_statistics(torch.ones(1, 3), present, wanted)
    torch.testing.assert_close(moved, torch.tensor([[2.0, 0.5, 1.5]]))


@pytest.mark.parametrize("method", ["opacity_weighted", "per_part"])
def test_the_mean_skin_becomes_the_users_and_shading_stays(user, model, method):
    toned = transfer_skin_tone(model, user, method)
    before, after = lab_of(model, SKIN_PARTS), lab_of(toned, SKIN_PARTS)
    goal = lab_of(user, ("face",) if method == "opacity_weighted" else SKIN_PARTS).mean(0)
    assert (after.mean(0) - goal).norm() < 2.5
    assert (before.mean(0) - goal).norm() > 20
    lightness = torch.stack([lab_of(avatar, ("torso_skin",))[:, 0] for avatar in (model, toned)])
    assert torch.corrcoef(lightness)[0, 1] > 0.97


def test_only_skin_changes(user, model):
    toned = transfer_skin_tone(model, user)
    skin = gaussians_labelled(model, ("face", *SKIN_PARTS))
    assert torch.equal(toned.gaussians.sh[~skin], model.gaussians.sh[~skin])
    assert not torch.equal(toned.gaussians.sh[skin], model.gaussians.sh[skin])
    shoes = model.labels == LABEL_INDEX["shoes"]
    assert torch.equal(toned.mesh.colors[shoes], model.mesh.colors[shoes])


def test_the_texture_changes_where_it_shows_skin(shapes, user):
    mesh = shapes.plane(cells=8)
    left = mesh.vertices[:, 0] < 0.01
    labels = torch.where(left, LABEL_INDEX["torso_skin"], LABEL_INDEX["clothes"])
    mesh = replace(mesh, texture=0.3 + 0.02 * torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(0)))
    toned = transfer_skin_tone(Avatar(mesh, sample_gaussians(mesh, 500, 0), labels), user)
    assert torch.equal(toned.mesh.texture[:, 36:], mesh.texture[:, 36:])
    goal = lab_of(user, ("face",)).mean(0)
    assert (srgb_to_lab(toned.mesh.texture[:, :30]).mean((0, 1)) - goal).norm() < 3


def test_strength_zero_changes_nothing_visible(user, model):
    same = transfer_skin_tone(model, user, strength=0.0)
    torch.testing.assert_close(same.gaussians.sh, model.gaussians.sh, atol=1e-4, rtol=0)


def test_view_dependence_is_kept(user, model):
    rich = torch.cat([model.gaussians.sh, torch.randn(len(model.gaussians), 3, 3)], dim=1)
    shiny = replace(model, gaussians=replace(model.gaussians, sh=rich))
    assert torch.equal(transfer_skin_tone(shiny, user).gaussians.sh[:, 1:], rich[:, 1:])


def test_a_part_the_reference_hides_falls_back_to_another(user, model):
    labels = user.labels.clone()
    labels[labels == LABEL_INDEX["left_arm"]] = LABEL_INDEX["clothes"]
    sleeved = replace(user, labels=labels)
    sh = user.gaussians.sh.clone()
    sh[gaussians_labelled(user, ("left_arm",))] = 0  # its grey sleeve must not be taken for skin
    toned = transfer_skin_tone(model, replace(sleeved, gaussians=replace(user.gaussians, sh=sh)), "per_part")
    assert (lab_of(toned, ("left_arm",)).mean(0) - lab_of(user, ("right_arm",)).mean(0)).norm() < 3


def test_transparent_skin_is_refused_in_a_sentence(user, model):
    clear = replace(user, gaussians=replace(user.gaussians, opacity=torch.zeros(len(user.gaussians))))
    with pytest.raises(ValueError, match="reference avatar shows no skin"):
        transfer_skin_tone(model, clear)
    with pytest.raises(ValueError, match="fully transparent"):
        lab_statistics(torch.ones(4, 3), torch.zeros(4))


def test_missing_labels_are_named_in_a_sentence(user, model):
    with pytest.raises(ValueError, match="no labels"):
        transfer_skin_tone(replace(model, labels=None), user)
