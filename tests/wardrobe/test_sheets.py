"""Cutting keeps areas, makes clean edges, and interpolates what the sheet carries."""

import torch

from modiste.models.geometry.mesh import face_areas
from modiste.wardrobe.sheets import Sheet, clip, rim_edges, split, subdivide


def square(cells=9):
    line = torch.linspace(0, 1, cells + 1)
    y, x = torch.meshgrid(line, line, indexing="ij")
    position = torch.stack([x, y, 0 * x], -1).reshape(-1, 3)
    row, column = (index.flatten() for index in torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij"))
    a = row * (cells + 1) + column
    faces = torch.cat([torch.stack([a, a + 1, a + cells + 2], 1), torch.stack([a, a + cells + 2, a + cells + 1], 1)])
    return Sheet(faces, {"position": position, "height": position[:, 1:2].clone()})


def area(sheet):
    return float(face_areas(sheet.position, sheet.faces).sum())


def test_clipping_along_a_line_keeps_the_area_on_its_side():
    sheet = square()
    half = clip(sheet, sheet.position[:, 0] + 0.3 * sheet.position[:, 1] - 0.61)
    # The corner cut off is a trapezium of width 0.61 below and 0.31 above.
    assert abs(area(half) - (1 - (0.61 + 0.31) / 2)) < 0.004


def test_a_cut_edge_lies_on_the_line():
    sheet = square()
    kept = clip(sheet, sheet.position[:, 1] - 0.437)
    rim = torch.unique(rim_edges(kept.faces)[0])
    lower = kept.position[rim, 1] < 0.6
    inner = lower & (kept.position[rim, 0] > 0.01) & (kept.position[rim, 0] < 0.99)
    torch.testing.assert_close(kept.position[rim[inner], 1], torch.full((int(inner.sum()),), 0.437))


def test_splitting_keeps_both_sides_and_tells_them_apart():
    sheet = square()
    cut, side = split(sheet, sheet.position[:, 0] - 0.52)
    centre = cut.position[cut.faces].mean(1)[:, 0]
    assert abs(area(cut) - 1) < 1e-5
    assert torch.equal(side, centre > 0.52)


def test_values_stay_linear_across_cuts_and_refinement():
    sheet = square()
    cut, _ = split(subdivide(sheet), sheet_field(subdivide(sheet)))
    torch.testing.assert_close(cut.values["height"][:, 0], cut.position[:, 1])


def sheet_field(sheet):
    return sheet.position[:, 0] - 0.4 + 0.1 * torch.sin(7 * sheet.position[:, 1])


def test_subdivision_keeps_area_and_orientation():
    fine = subdivide(square())
    assert len(fine.faces) == 4 * len(square().faces)
    assert abs(area(fine) - 1) < 1e-6
    a, b, c = fine.position[fine.faces].unbind(1)
    assert (torch.linalg.cross(b - a, c - a, dim=1)[:, 2] > 0).all()


def test_the_rim_of_a_square_is_its_outline():
    edges, face, corner = rim_edges(square().faces)
    assert len(edges) == 4 * 9
    assert torch.equal(square().faces[face, corner], edges[:, 0])
