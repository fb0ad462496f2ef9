import torch

from modiste.models.avatars.graph import components, harmonic_fill, smooth


def test_filling_an_open_cylinder_between_its_rims_is_linear_in_height(shapes):
    mesh = shapes.cylinder(height=1.0)
    height = mesh.vertices[:, 1:2]
    known = (height[:, 0] == 0) | (height[:, 0] == 1)
    filled = harmonic_fill(torch.where(known[:, None], 3 * height + 1, -99.0), known, mesh.vertices, mesh.faces)
    torch.testing.assert_close(filled, 3 * height + 1, atol=1e-4, rtol=0)


def test_filled_values_are_means_of_known_ones(shapes):
    mesh = shapes.plane()
    generator = torch.Generator().manual_seed(0)
    known = torch.rand(len(mesh.vertices), generator=generator) < 0.1
    values = torch.rand(len(mesh.vertices), 4, generator=generator)
    values = values / values.sum(1, keepdim=True)
    filled = harmonic_fill(values, known, mesh.vertices, mesh.faces)
    torch.testing.assert_close(filled.sum(1), torch.ones(len(filled)), atol=1e-5, rtol=0)
    assert (filled >= values[known].amin(0) - 1e-6).all()
    assert (filled <= values[known].amax(0) + 1e-6).all()
    assert torch.equal(filled[known], values[known])


def test_pieces_without_a_known_vertex_keep_their_values(shapes):
    mesh = shapes.plane()
    count = len(mesh.vertices)
    vertices, faces = mesh.vertices.repeat(2, 1), torch.cat([mesh.faces, mesh.faces + count])
    values = torch.cat([torch.zeros(count, 1), torch.ones(count, 1)])
    known = torch.zeros(2 * count, dtype=torch.bool)
    known[0] = True
    assert torch.equal(harmonic_fill(values, known, vertices, faces), values)


def test_filling_copes_with_non_manifold_edges_and_loose_vertices():
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, -1, 0], [9, 9, 9]])
    faces = torch.tensor([[0, 1, 2], [0, 1, 3], [0, 1, 4]])  # three faces on one edge, and a vertex without any
    known = torch.tensor([False, False, True, True, True, False])
    filled = harmonic_fill(torch.tensor([[0.0], [0], [1], [1], [1], [7]]), known, vertices, faces)
    torch.testing.assert_close(filled, torch.tensor([[1.0], [1], [1], [1], [1], [7]]))


def test_components_are_the_connected_pieces():
    faces = torch.tensor([[0, 1, 2], [2, 3, 4], [5, 6, 7]])
    label = components(faces, 9)
    assert len(label[:5].unique()) == 1
    assert len(label[5:8].unique()) == 1
    assert len(label[[0, 5, 8]].unique()) == 3


def test_smoothing_moves_only_what_may_move(shapes):
    mesh = shapes.plane()
    values = torch.rand(len(mesh.vertices), 2, generator=torch.Generator().manual_seed(0))
    moving = mesh.vertices[:, 0] > 0
    smoothed = smooth(values, moving, mesh.faces, 5, 0.2)
    assert torch.equal(smoothed[~moving], values[~moving])
    assert smoothed[moving].std() < 0.8 * values[moving].std()
