"""Small avatars made of nothing but arithmetic, and naked people from the shipped body."""

import math
from types import SimpleNamespace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians
from modiste.models.body import PARTS, BodyParameters, BodyState, load_modiste_body
from modiste.models.geometry import Mesh


def cylinder(radius=0.2, height=1.0, around=48, along=24):
    """An open cylinder around the Y axis, seen from outside."""
    angle = torch.arange(around) / around * 2 * math.pi
    y = torch.linspace(0, height, along + 1)
    ring = torch.stack([radius * angle.sin(), torch.zeros(around), radius * angle.cos()], dim=-1)
    vertices = (ring[None] + torch.stack([torch.zeros_like(y), y, torch.zeros_like(y)], dim=-1)[:, None]).reshape(-1, 3)
    faces = []
    for row in range(along):
        for column in range(around):
            a, b = row * around + column, row * around + (column + 1) % around
            c, d = a + around, b + around
            faces += [(a, b, d), (a, d, c)]
    return Mesh(vertices, torch.tensor(faces))


def plane(size=1.0, cells=12):
    """A square in the XY plane that faces +Z, with the unit square as its UVs."""
    ticks = torch.linspace(0, 1, cells + 1)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    uv = torch.stack([x, y], dim=-1).reshape(-1, 2)
    faces = []
    for row in range(cells):
        for column in range(cells):
            a = row * (cells + 1) + column
            c = a + cells + 1
            faces += [(a, a + 1, c + 1), (a, c + 1, c)]
    faces = torch.tensor(faces)
    vertices = torch.cat([size * (uv - 0.5), torch.zeros(len(uv), 1)], dim=1)
    return Mesh(vertices, faces, corner_uv=uv[faces])


def rotation(seed=0):
    """A random proper rotation."""
    q, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)))
    return q * torch.linalg.det(q)


def person(seed=0, pose=None, color=(0.8, 0.6, 0.5), count=12_000, translation=(0.0, 0.0, 0.0)):
    """A naked, labelled and rigged person from the shipped body."""
    body = load_modiste_body()
    shape = 0.4 * torch.randn(body.shape_size, generator=torch.Generator().manual_seed(seed))
    pose = torch.zeros(55, 3) if pose is None else pose
    state = BodyState(body, BodyParameters(shape, pose, torch.tensor(translation)))
    names = [_label(part) for part in PARTS]
    labels = torch.tensor([LABEL_INDEX[name] for name in names])[body.parts]
    vertices = state.posed().vertices
    shade = 1 + 0.1 * torch.sin(25 * vertices[:, 1:2])
    mesh = Mesh(vertices, body.faces, colors=(torch.tensor(color) * shade).clamp(0, 1))
    return Avatar(mesh, sample_gaussians(mesh, count, seed), labels, body.weights, state)


def _label(part):
    if part == "head":
        return "face"
    side = part.split("_")[0]
    if "hand" in part:
        return "hands"
    if "arm" in part:
        return f"{side}_arm"
    if "leg" in part:
        return f"{side}_leg"
    return "shoes" if "foot" in part else "torso_skin"


@pytest.fixture(scope="session")
def shapes():
    return SimpleNamespace(cylinder=cylinder, plane=plane, rotation=rotation, person=person)


@pytest.fixture(scope="session")
def user():
    return person(seed=1, color=(0.85, 0.66, 0.56))


@pytest.fixture(scope="session")
def model():
    pose = torch.zeros(55, 3)
    pose[16], pose[17], pose[12] = torch.tensor([0, 0, -0.7]), torch.tensor([0, 0, 0.7]), torch.tensor([0.1, 0.3, 0.0])
    return person(seed=2, pose=pose, color=(0.45, 0.3, 0.22), translation=(0.3, 0.1, -0.2))
