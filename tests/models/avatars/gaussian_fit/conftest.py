"""A small coloured cylinder and what cameras see of it."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import Avatar, sample_gaussians, world_gaussians
from modiste.models.avatars.views import render_views
from modiste.models.geometry.spherical_harmonics import rgb_to_sh
from modiste.models.render import orbit_cameras

BACKGROUND = (1.0, 1.0, 1.0)


@pytest.fixture(scope="session")
def colored(shapes):
    """A cylinder with a colour that changes all over it, 900 Gaussians and four views of 48 x 48."""
    mesh = shapes.cylinder(radius=0.3, around=24, along=8)
    x, y, z = (mesh.vertices / torch.tensor([0.3, 1.0, 0.3])).unbind(-1)
    mesh = replace(mesh, colors=torch.stack([0.5 + 0.4 * x, 0.2 + 0.6 * (6 * y).sin().abs(), 0.5 + 0.4 * z], dim=-1))
    return Avatar(mesh, sample_gaussians(mesh, 900, 0))


@pytest.fixture(scope="session")
def cameras():
    return orbit_cameras(torch.tensor([0.0, 0.5, 0.0]), 2.5, 10.0, 4, 35.0, 48, 48)


@pytest.fixture(scope="session")
def views(colored, cameras):
    return render_views(world_gaussians(colored.mesh, colored.gaussians), cameras, torch.tensor(BACKGROUND))


@pytest.fixture(scope="session")
def grey(colored):
    """The same mesh with 300 Gaussians that are all half-transparent grey."""
    bound = sample_gaussians(colored.mesh, 300, 1)
    sh = rgb_to_sh(torch.full((300, 3), 0.5))
    return replace(colored, gaussians=replace(bound, sh=sh, opacity=torch.full((300,), 0.5)))
