"""Unrolling keeps lengths where that is possible."""

import math

import torch

from modiste.wardrobe.flattening import flatten


def strip(columns=30, rows=12, turn=math.pi, length=0.4, radius=0.1):
    angle = torch.linspace(-turn / 2, turn / 2, columns)
    height = torch.linspace(0, length, rows)
    y, a = torch.meshgrid(height, angle, indexing="ij")
    position = torch.stack([radius * a.sin(), y, radius * a.cos()], -1).reshape(-1, 3)
    row, column = (i.flatten() for i in torch.meshgrid(torch.arange(rows - 1), torch.arange(columns - 1), indexing="ij"))
    here = row * columns + column
    faces = torch.cat(
        [torch.stack([here, here + 1, here + columns], 1), torch.stack([here + 1, here + columns + 1, here + columns], 1)]
    )
    return position, faces


def test_half_a_cylinder_unrolls_to_its_true_width():
    position, faces = strip()
    flat = flatten(position, faces, position[:, :2], rounds=40)
    width, height = (flat.amax(0) - flat.amin(0)).tolist()
    assert abs(width - math.pi * 0.1) < 0.01 * math.pi * 0.1
    assert abs(height - 0.4) < 0.004


def test_no_triangle_turns_over():
    position, faces = strip()
    flat = flatten(position, faces, position[:, :2])
    a, b, c = flat[faces].unbind(1)
    cross = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (cross > 0).all()


def test_the_layout_stays_where_the_guess_was():
    position, faces = strip()
    guess = position[:, :2] + torch.tensor([3.0, -2.0])
    torch.testing.assert_close(flatten(position, faces, guess).mean(0), guess.mean(0), atol=1e-3, rtol=0)
