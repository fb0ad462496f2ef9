"""Contact: what crosses, how far a step may go, and a barrier that is the gradient of itself."""

import numpy as np
import pytest

from modiste.models.avatars.reshape.contact import ATTACHED, SEAM, Contact, crossings

TRIANGLE = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
FACES = np.array([[0, 1, 2], [3, 4, 5]])


def two(height):
    """Two triangles, one above the other and turned, so that nothing is parallel."""
    above = np.array([[0.2, 0.15, height], [0.9, 0.3, height + 0.1], [0.1, 0.8, height + 0.05]])
    return np.concatenate([TRIANGLE, above])


def test_an_edge_through_a_face_crosses_it_and_one_beside_does_not():
    points = np.concatenate([TRIANGLE, [[0.2, 0.2, -0.5], [0.2, 0.3, 0.5], [0.3, 0.2, 0.6]]])
    edges, faces = crossings(points, FACES)
    assert {tuple(sorted(edge)) for edge in edges.tolist()} == {(3, 4), (3, 5)} and faces.tolist() == [0, 0]
    points[3:, 0] += 3
    assert not len(crossings(points, FACES)[0])


def test_crossings_are_those_of_a_plain_search():
    draw = np.random.default_rng(5)
    points = draw.uniform(size=(60, 3))
    faces = np.arange(60).reshape(20, 3)
    expected = set()
    for index, face in enumerate(faces):
        normal = np.cross(points[face[1]] - points[face[0]], points[face[2]] - points[face[0]])
        for other in faces[np.arange(20) != index]:
            for first, second in ((0, 1), (1, 2), (2, 0)):
                start, end = points[other[first]], points[other[second]]
                low, high = (start - points[face[0]]) @ normal, (end - points[face[0]]) @ normal
                if low * high > 0:
                    continue
                at = start + (end - start) * low / (low - high)
                corners = points[face]
                around = [np.cross(corners[(k + 1) % 3] - corners[k], at - corners[k]) @ normal for k in range(3)]
                if min(around) >= 0:
                    expected.add((min(other[first], other[second]), max(other[first], other[second]), index))
    edges, found = crossings(points, faces)
    assert {(*sorted(edge), face) for edge, face in zip(edges.tolist(), found.tolist(), strict=True)} == expected
    assert expected


def test_a_step_ends_before_the_first_touch():
    points = two(1.0)
    contact = Contact(points, FACES, 6, 0.01)
    down = points.copy()
    down[3:, 2] -= 2.0  # touches half way
    share = contact.free_share(points, down)
    assert 0.4 < share < 0.5
    assert contact.free_share(points, points + np.array([0, 0, 5.0])) == 1.0
    assert not len(crossings(points + share * (down - points), FACES)[0])


def test_obstacles_pass_through_each_other_and_free_points_do_not():
    points, down = two(1.0), two(1.0)
    down[3:, 2] -= 2.0
    assert Contact(points, FACES, 0, 0.01).free_share(points, down) == 1.0
    assert Contact(points, FACES, 3, 0.01).free_share(points, down) < 0.5


def test_what_is_attached_at_rest_is_let_alone():
    points = np.concatenate([TRIANGLE, TRIANGLE + np.array([0, 0, SEAM / 5])])
    assert Contact(points, FACES, 6, 0.01).energy(points) == 0.0
    apart = np.concatenate([TRIANGLE, TRIANGLE + np.array([0.1, 0.05, 20 * SEAM])])
    assert Contact(apart, FACES, 6, 0.01).energy(apart) > 0.0


def test_only_borders_are_attached_from_afar(round_things):
    ball, faces = (part.numpy() for part in round_things.sphere(1.0, 2))
    both = np.concatenate([faces, faces + len(ball)])
    for gap, attached in ((ATTACHED / 2, True), (SEAM / 5, False)):
        points = np.concatenate([ball, (1 + gap) * ball])
        assert (Contact(points, both, len(points), 0.001).energy(points) == 0.0) == attached


def test_the_barrier_is_zero_out_of_reach_and_its_slope_is_right():
    points = two(0.006)
    contact = Contact(two(1.0), FACES, 6, 0.01)
    assert contact.energy(two(0.5)) == 0.0
    value, slope, curvature = contact.derivatives(points)
    assert value == pytest.approx(contact.energy(points)) and value > 0
    step = 1e-7
    for index in range(18):
        ahead, behind = points.copy(), points.copy()
        ahead.reshape(-1)[index] += step
        behind.reshape(-1)[index] -= step
        expected = (contact.energy(ahead) - contact.energy(behind)) / (2 * step)
        assert slope[index] == pytest.approx(expected, rel=1e-3, abs=1e-9)
    assert np.linalg.eigvalsh(curvature.toarray()).min() > -1e-9


def test_the_tightest_contacts_are_named():
    contact = Contact(two(1.0), FACES, 6, 0.01)
    assert {0, 1, 2, 3} >= set(contact.tightest(two(0.0005)).tolist()) >= {3}
    assert not len(contact.tightest(two(0.5)))
