import torch

from modiste.models.avatars import LABEL_INDEX, Avatar, sample_gaussians
from modiste.models.avatars.collar import clear_clothes
from modiste.models.geometry import Mesh


def tube(shapes, radius, low, high, label):
    mesh = shapes.cylinder(radius=radius, height=high - low, around=48, along=20)
    mesh = Mesh(mesh.vertices + torch.tensor([0.0, low, 0.0]), mesh.faces)
    labels = torch.full((len(mesh.vertices),), LABEL_INDEX[label])
    return Avatar(mesh, sample_gaussians(mesh, 100, 0), labels)


def radius(points):
    return torch.hypot(points[:, 0], points[:, 2])


def test_a_neck_wider_than_its_collar_is_drawn_in(shapes):
    neck, collar = tube(shapes, 0.06, 0.0, 0.2, "torso_skin"), tube(shapes, 0.055, 0.0, 0.1, "clothes")
    everything = torch.ones(len(neck.mesh.vertices), dtype=torch.bool)
    moved = clear_clothes(neck, collar, everything, over=False)
    height = neck.mesh.vertices[:, 1]
    under = (height > 0.005) & (height < 0.095)
    assert (radius(moved)[under] < 0.0545).all()
    assert torch.equal(moved[height > 0.14], neck.mesh.vertices[height > 0.14])


def test_a_neck_that_fits_its_collar_stays(shapes):
    neck, collar = tube(shapes, 0.05, 0.0, 0.2, "torso_skin"), tube(shapes, 0.06, 0.0, 0.1, "clothes")
    everything = torch.ones(len(neck.mesh.vertices), dtype=torch.bool)
    assert torch.equal(clear_clothes(neck, collar, everything, over=False), neck.mesh.vertices)


def test_only_movable_skin_moves(shapes):
    neck, collar = tube(shapes, 0.06, 0.0, 0.2, "torso_skin"), tube(shapes, 0.055, 0.0, 0.1, "clothes")
    movable = neck.mesh.vertices[:, 0] > 0
    moved = clear_clothes(neck, collar, movable, over=False)
    assert torch.equal(moved[~movable], neck.mesh.vertices[~movable])


def test_without_clothes_nothing_moves(shapes):
    neck, bare = tube(shapes, 0.06, 0.0, 0.2, "torso_skin"), tube(shapes, 0.055, 0.0, 0.1, "torso_skin")
    everything = torch.ones(len(neck.mesh.vertices), dtype=torch.bool)
    assert torch.equal(clear_clothes(neck, bare, everything, over=False), neck.mesh.vertices)


def test_hair_under_a_collar_comes_out_over_it(shapes):
    hair, collar = tube(shapes, 0.05, 0.0, 0.2, "hair"), tube(shapes, 0.055, 0.0, 0.1, "clothes")
    everything = torch.ones(len(hair.mesh.vertices), dtype=torch.bool)
    moved = clear_clothes(hair, collar, everything, over=True)
    height = hair.mesh.vertices[:, 1]
    beside = (height > 0.005) & (height < 0.095)
    assert (radius(moved)[beside] > 0.0555).all()
    assert torch.equal(moved[height > 0.14], hair.mesh.vertices[height > 0.14])
