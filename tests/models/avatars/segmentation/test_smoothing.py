"""ICM and islands: against energies added up one by one, and shapes drawn by hand."""

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.models.avatars.segmentation.smoothing import icm, sink_islands
from modiste.models.geometry.mesh import unique_edges


def energy(labels, cost, edges, weight):
    own = sum(float(cost[vertex, label]) for vertex, label in enumerate(labels))
    return own + sum(float(w) for (a, b), w in zip(edges.tolist(), weight, strict=True) if labels[a] != labels[b])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(2, 3))
def test_no_single_vertex_could_do_better(seed, count, labels):
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.tensor(list(itertools.combinations(range(count), 2)))
    edges = pairs[torch.rand(len(pairs), generator=generator) < 0.6]
    cost, weight = torch.rand(count, labels, generator=generator), torch.rand(len(edges), generator=generator)
    found = icm(cost, edges, weight, sweeps=50).tolist()
    best = energy(found, cost, edges, weight)
    assert best <= energy(cost.argmin(1).tolist(), cost, edges, weight) + 1e-5
    for vertex, label in itertools.product(range(count), range(labels)):
        other = [*found[:vertex], label, *found[vertex + 1 :]]
        assert energy(other, cost, edges, weight) >= best - 1e-5


def test_without_smoothing_every_vertex_takes_its_cheapest_label(shapes):
    mesh = shapes.plane()
    cost = torch.rand(len(mesh.vertices), 4, generator=torch.Generator().manual_seed(0))
    edges = unique_edges(mesh.faces)
    assert icm(cost, edges, torch.zeros(len(edges))).equal(cost.argmin(1))


def test_faces_that_name_a_vertex_twice_do_no_harm():
    faces = torch.tensor([[0, 1, 2], [1, 1, 2], [2, 2, 2]])
    edges = unique_edges(faces)
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert icm(torch.rand(3, 2), edges, torch.ones(len(edges))).shape == (3,)


def test_a_lonely_vote_gives_way_and_a_border_stays(shapes):
    mesh = shapes.plane()
    true = (mesh.vertices[:, 0] > 0.04).long()
    cost = torch.nn.functional.one_hot(1 - true, 2).float()
    wrong = mesh.vertices[:, :2].sub(torch.tensor([-0.25, 0.25])).norm(dim=1).argmin()
    cost[wrong] = cost[wrong].flip(0)
    edges = unique_edges(mesh.faces)
    assert icm(cost, edges, torch.full((len(edges),), 0.3)).equal(true)


def test_islands_sink_into_what_surrounds_them_and_large_patches_stay(shapes):
    mesh = shapes.plane(1.0, 20)
    x, y = mesh.vertices[:, 0], mesh.vertices[:, 1]
    labels = (x > 0.02).long()
    islands = labels.clone()
    islands[(x + 0.3).abs().maximum((y - 0.3).abs()) < 0.08] = 2
    islands[(x - 0.3).abs().maximum((y + 0.3).abs()) < 0.03] = 0
    assert not islands.equal(labels)
    assert sink_islands(islands, mesh.vertices, mesh.faces, 0.05).equal(labels)
    assert sink_islands(islands, mesh.vertices, mesh.faces, 0.0).equal(islands)


def test_islands_within_islands_all_sink(shapes):
    mesh = shapes.plane(1.0, 20)
    ring = mesh.vertices[:, :2].norm(dim=1)
    labels = torch.where(ring < 0.06, 2, torch.where(ring < 0.12, 1, 0))
    assert not sink_islands(labels, mesh.vertices, mesh.faces, 0.1).any()


def test_a_piece_of_its_own_keeps_its_label(shapes):
    mesh = shapes.plane(1.0, 6)
    vertices = torch.cat([mesh.vertices, 0.01 * mesh.vertices[:3] + 1])
    faces = torch.cat([mesh.faces, torch.tensor([[0, 1, 2]]) + len(mesh.vertices)])
    labels = torch.cat([torch.zeros(len(mesh.vertices), dtype=torch.int64), torch.ones(3, dtype=torch.int64)])
    assert sink_islands(labels, vertices, faces, 0.05).equal(labels)
