"""Bodies in a pose, bare and in a shell of cloth, for fits that take seconds."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, Avatar, BoundGaussians
from modiste.models.body import PART_INDEX, BodyParameters, BodyState, load_modiste_body, named_pose
from modiste.models.geometry import Mesh
from modiste.models.geometry.mesh import vertex_normals
from modiste.models.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle


def standing(pose="walk", heading=0.0, seed=0):
    """A body in a named pose that looks somewhere, its shape drawn from a seed."""
    body = load_modiste_body()
    rotations = named_pose(pose, body).clone()
    turn = axis_angle_to_matrix(torch.tensor([0.0, heading, 0.0]))
    rotations[0] = matrix_to_axis_angle(turn @ axis_angle_to_matrix(rotations[0]))
    shape = 0.5 * torch.randn(body.shape_size, generator=torch.Generator().manual_seed(seed))
    return BodyState(body, BodyParameters(shape, rotations, torch.tensor([0.4, 0.0, -0.7])))


def no_gaussians():
    empty = torch.zeros(0)
    return BoundGaussians(
        torch.zeros(0, dtype=torch.int64), empty.view(0, 3), empty, empty.view(0, 4), empty.view(0, 3), empty, empty.view(0, 1, 3)
    )


def bare(state):
    """The body itself as an avatar that knows it is all skin."""
    mesh = Mesh(state.posed().vertices, state.model.faces)
    return Avatar(mesh, no_gaussians(), torch.full((len(mesh.vertices),), LABEL_INDEX["torso_skin"]))


def clothed(state, off=0.02):
    """The body in a shell of cloth `off` metres thick; head and hands are bare and labelled so."""
    posed = state.posed().vertices
    skin = torch.isin(state.model.parts, torch.tensor([PART_INDEX[name] for name in ("head", "left_hand", "right_hand")]))
    normals = vertex_normals(posed, state.model.faces)
    vertices = torch.where(skin[:, None], posed, posed + off * normals)
    labels = torch.where(skin, LABEL_INDEX["face"], LABEL_INDEX["clothes"])
    return replace(bare(state), mesh=Mesh(vertices, state.model.faces), labels=labels)


@pytest.fixture(scope="session")
def people():
    return SimpleNamespace(standing=standing, bare=bare, clothed=clothed)


@pytest.fixture(scope="session")
def body():
    return load_modiste_body()
