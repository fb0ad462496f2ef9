from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import Avatar, sample_gaussians


@pytest.fixture
def avatar(shapes):
    mesh = shapes.plane(cells=2)
    return Avatar(mesh, sample_gaussians(mesh, 10, 0), torch.zeros(9, dtype=torch.int64), torch.zeros(9, 55))


def test_labels_of_another_mesh_are_refused(avatar):
    with pytest.raises(ValueError, match="8 labels and its mesh 9 vertices"):
        replace(avatar, labels=avatar.labels[1:])


def test_skinning_weights_of_another_mesh_are_refused(avatar):
    with pytest.raises(ValueError, match="8 skinning weights and its mesh 9 vertices"):
        replace(avatar, skinning=avatar.skinning[1:])


@pytest.mark.parametrize("face", [-1, 8])
def test_gaussians_on_faces_that_the_mesh_lacks_are_refused(avatar, face):
    with pytest.raises(ValueError, match="the mesh has 8 faces"):
        replace(avatar, gaussians=replace(avatar.gaussians, face=torch.full((10,), face)))


def test_an_avatar_may_be_without_gaussians_labels_and_skinning(avatar):
    none = sample_gaussians(avatar.mesh, 1, 0)
    none = type(none)(*(getattr(none, name)[:0] for name in none.__dataclass_fields__))
    assert len(Avatar(avatar.mesh, none).gaussians) == 0
