"""Crossing faces against cases made by hand, exact arithmetic on whole numbers, and spheres whose crossing is known."""

from fractions import Fraction
from itertools import combinations

import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.lab.evaluation.metrics.crossings import against_body, crossing_faces, newly_crossing
from modiste.models.geometry.rotation import axis_angle_to_matrix

FLOOR = [(0, 0, 0), (4, 0, 0), (0, 4, 0)]


def soup(*triangles):
    """Return vertices and faces of triangles that share nothing."""
    vertices = torch.tensor(triangles, dtype=torch.float64).reshape(-1, 3)
    return vertices, torch.arange(len(vertices)).reshape(-1, 3)


def pairs_of(*triangles):
    return crossing_faces(*soup(*triangles)).tolist()


@pytest.mark.parametrize(
    ("name", "triangle"),
    [
        ("a corner pokes through the middle", [(1, 1, -1), (1, 1.5, 2), (1.5, 1, 2)]),
        ("an edge of each pierces the other", [(1, -1, 1), (1, 1, 1), (1, 0, -2)]),
        ("a corner lies in the plane, its far edge pierces", [(1, 1, 0), (1, 1, 1), (2, 1, -1)]),
        ("the cuts are one and the same", [(0, 1, 1), (3, 1, 1), (1.5, 1, -1)]),
        ("it dips in by ten times the tolerance", [(1, 1, -1e-8), (0, 1, 2), (2, 1, 2)]),
    ],
)
def test_faces_that_cross(name, triangle):
    assert pairs_of(FLOOR, triangle) == [[0, 1]]
    assert pairs_of(triangle, FLOOR) == [[0, 1]]


@pytest.mark.parametrize(
    ("name", "triangle"),
    [
        ("above", [(1, 1, 1), (1, 2, 2), (2, 1, 2)]),
        ("through the plane beside the face", [(5, 5, -1), (5, 5, 1), (6, 5, 1)]),
        ("a corner touches from above", [(1, 1, 0), (1, 2, 2), (2, 1, 2)]),
        ("a corner dips in by half the tolerance", [(1, 1, -5e-10), (0, 1, 2), (2, 1, 2)]),
        ("an edge lies on it", [(1, 1, 0), (2, 1, 0), (1, 1, 2)]),
        ("edge touches edge", [(2, 0, -1), (2, 0, 1), (2, -3, 0)]),
        ("it overlaps in the plane", [(1, 1, 0), (5, 1, 0), (1, 5, 0)]),
        ("it has no area", [(1, 1, -1), (1, 1, 1), (1, 1, 3)]),
    ],
)
def test_faces_that_do_not_cross(name, triangle):
    assert pairs_of(FLOOR, triangle) == []
    assert pairs_of(triangle, FLOOR) == []


def exactly_crosses(first, second):
    """Cut the first triangle with the second's plane and the piece of line with the second's sides, in fractions."""
    first, second = ([tuple(Fraction(x) for x in corner) for corner in triangle] for triangle in (first, second))
    if not (straddles(first, second) and straddles(second, first)):
        return False
    plane, normal = second[0], normal_of(second)
    ends = []
    for p, q in combinations(first, 2):
        hp, hq = dot(minus(p, plane), normal), dot(minus(q, plane), normal)
        if hp * hq < 0:
            ends.append(tuple(a + (b - a) * hp / (hp - hq) for a, b in zip(p, q, strict=True)))
    ends += [corner for corner in first if dot(minus(corner, plane), normal) == 0]
    start, end = ends[0], ends[1]
    low, high = Fraction(0), Fraction(1)
    for k in range(3):  # inside means left of every side
        inward = cross(normal, minus(second[(k + 1) % 3], second[k]))
        a, b = (dot(minus(point, second[k]), inward) for point in (start, end))
        if a < 0 and b < 0:
            return False
        if a < 0:
            low = max(low, a / (a - b))
        elif b < 0:
            high = min(high, a / (a - b))
    return start != end and low < high


def straddles(triangle, other):
    heights = [dot(minus(corner, other[0]), normal_of(other)) for corner in triangle]
    return min(heights) < 0 < max(heights)


def normal_of(triangle):
    return cross(minus(triangle[1], triangle[0]), minus(triangle[2], triangle[0]))


def minus(a, b):
    return tuple(x - y for x, y in zip(a, b, strict=True))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


corner = st.tuples(*[st.integers(-4, 4)] * 3)
triangles = st.lists(st.tuples(corner, corner, corner), min_size=2, max_size=9)


@settings(max_examples=150, deadline=None)
@given(triangles)
def test_whole_numbers_agree_with_exact_arithmetic(triangles):
    expected = [[i, j] for i, j in combinations(range(len(triangles)), 2) if exactly_crosses(triangles[i], triangles[j])]
    assert pairs_of(*triangles) == expected


@settings(max_examples=50, deadline=None)
@given(triangles, st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-9, 9)] * 3), st.randoms(use_true_random=False))
def test_neither_a_rigid_motion_nor_order_changes_who_crosses(triangles, turn, shift, random):
    expected = pairs_of(*triangles)
    order = list(range(len(triangles)))
    random.shuffle(order)
    vertices, faces = soup(*(random.sample(triangles[i], 3) for i in order))
    moved = vertices @ axis_angle_to_matrix(torch.tensor(turn, dtype=torch.float64)).T + torch.tensor(shift, dtype=torch.float64)
    assert sorted(sorted((order[i], order[j])) for i, j in crossing_faces(moved, faces).tolist()) == expected


def sphere(subdivisions, radius, center=(0.0, 0.0, 0.0)):
    mesh = trimesh.creation.icosphere(subdivisions, radius=radius)
    return torch.tensor(mesh.vertices) + torch.tensor(center, dtype=torch.float64), torch.tensor(mesh.faces)


def test_two_spheres_cross_along_a_circle():
    first, second = sphere(4, 1.0), sphere(4, 1.0, (1.2, 0, 0))
    pairs = crossing_faces(*first, *second)
    for (vertices, faces), side in ((first, 0), (second, 1)):
        middles = vertices[faces[pairs[:, side]]].mean(1)
        # Both surfaces are where x = 0.6 and the radius about the x axis is 0.8, to within a face's size.
        assert (middles[:, 0] - 0.6).abs().max() < 0.08
        assert (middles[:, 1:].norm(dim=1) - 0.8).abs().max() < 0.08
        around = torch.atan2(middles[:, 1], middles[:, 2]).sort().values
        assert around.diff().max() < 0.2  # the circle is closed
    assert crossing_faces(*first).numel() == 0
    assert crossing_faces(*first, *sphere(4, 0.9)).numel() == 0
    assert crossing_faces(*first, *sphere(2, 1.0, (3, 0, 0))).numel() == 0


def test_pairs_are_found_among_faces_of_very_different_sizes():
    vertices, faces = sphere(3, 0.05, (0.3, 0.2, 0.0))
    blade = ([(-50, -40, 0.001), (60, -30, 0.001), (0, 70, 0.001)],)
    pairs = crossing_faces(*soup(*blade), vertices, faces)
    heights = vertices[faces][..., 2] - 0.001
    expected = ((heights.amin(1) < 0) & (heights.amax(1) > 0)).nonzero()[:, 0]
    assert pairs[:, 0].eq(0).all() and pairs[:, 1].tolist() == expected.tolist()


def test_a_long_list_of_pairs_is_handled_in_parts(monkeypatch):
    from modiste.lab.evaluation.metrics import crossings

    first, second = sphere(2, 1.0), sphere(2, 1.0, (0.3, 0.1, 0.2))
    expected = crossing_faces(*first, *second)
    monkeypatch.setattr(crossings, "_PAIRS", 7)
    assert len(expected) > 50 and torch.equal(crossing_faces(*first, *second), expected)


def test_neighbours_in_a_mesh_are_left_out():
    vertices = torch.tensor([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [2, 1, -2], [2, 1, 2]])
    folded = torch.tensor([[0, 1, 2], [0, 3, 4]])  # through each other, from a corner that they share
    assert crossing_faces(vertices, folded).numel() == 0
    assert crossing_faces(vertices, folded[:1], vertices, folded[1:]).tolist() == [[0, 0]]


def test_only_pairs_that_did_not_cross_before_are_new():
    poking, above, away = [(1, 1, -1), (1, 1.5, 2), (1.5, 1, 2)], [(2, 1, 1), (2, 1.5, 2), (2.5, 1, 2)], [(9, 9, 9)] * 3
    before, faces = soup(FLOOR, poking, above, away)
    after = before.clone()
    after[6, 2] = -1  # the third dips into the floor too
    assert newly_crossing(before, before, faces).tolist() == [False] * 4
    assert newly_crossing(before, after, faces).tolist() == [True, False, True, False]
    assert newly_crossing(after, before, faces).tolist() == [False] * 4


def test_faces_of_exempt_corners_do_not_count_against_the_body():
    poking = [[(x, 1, -1), (x, 1.5, 2), (x + 0.5, 1, 2)] for x in (0.5, 1.0, 1.5)] + [[(9, 9, 8), (9, 8, 9), (8, 9, 9)]]
    vertices, faces = soup(*poking)
    body = soup(FLOOR)
    exempt = torch.zeros(len(vertices), dtype=torch.bool)
    assert against_body(vertices, faces, *body).tolist() == [True, True, True, False]
    exempt[0:3] = True
    exempt[3:5] = True  # of the second face only two
    assert against_body(vertices, faces, *body, exempt).tolist() == [False, True, True, False]


def test_meshes_without_faces_cross_nothing():
    nothing = (torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    assert crossing_faces(*nothing).shape == crossing_faces(*soup(FLOOR), *nothing).shape == (0, 2)


def test_coordinates_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not a finite number"):
        crossing_faces(torch.full((3, 3), float("nan")), torch.tensor([[0, 1, 2]]))
