"""The way without a crossing: a ball that grows in a shell, a shell that must stay inside another."""

import pytest
import torch

from modiste.models.avatars.reshape.contact import crossings
from modiste.models.avatars.reshape.newton import Problem, newton
from modiste.models.avatars.reshape.terms import anchor
from modiste.models.avatars.reshape.travel import make_scene, travel


def test_a_shell_is_pushed_out_by_what_grows_inside(round_things):
    way = round_things.way(0.11)
    scene = make_scene(way, torch.ones(len(way.rest), dtype=torch.bool))
    points, done, stuck = travel(scene, scene.start, 0.0)
    assert done == 1.0 and not len(stuck)
    everything = torch.cat([way.faces, way.body[2] + len(way.rest)])
    vertices = scene.given(points, way.goal)
    assert not len(crossings(torch.cat([vertices, way.body[1]]).numpy(), everything.numpy())[0])
    assert float(way.goal.norm(dim=1).max()) < 0.109  # where it would have been inside
    radius = vertices.norm(dim=1)
    assert float(radius.min()) > 0.108 and float(radius.max()) < 0.116


def test_a_shell_that_is_to_pass_another_does_not(round_things):
    way = round_things.way(0.05, shells=(0.1, 0.104), goals=(0.106, 0.104))
    scene = make_scene(way, torch.ones(len(way.rest), dtype=torch.bool))
    points, done, _ = travel(scene, scene.start, 0.0)
    assert done == 1.0
    assert not len(crossings(scene.given(points, way.goal).numpy(), way.faces.numpy())[0])


def test_what_has_nowhere_to_go_is_stuck_and_named(round_things):
    way = round_things.way(0.12, shells=(0.1, 0.105), goals=(0.1, 0.105))
    inner = torch.arange(len(way.rest)) < len(way.rest) // 2
    scene = make_scene(way, inner)  # between a ball that grows and a shell that does not move
    points, done, stuck = travel(scene, scene.start, 0.0)
    assert done < 1.0 and len(stuck)
    reached = scene.given(points, torch.lerp(way.rest, way.goal, done))
    assert not len(crossings(reached.numpy(), way.faces.numpy())[0])


def test_only_the_surroundings_of_what_is_free_are_looked_at(round_things):
    way = round_things.way(0.05)
    free = way.rest[:, 0] > 0.09
    scene = make_scene(way, free)
    assert scene.free == int(free.sum()) and scene.free < len(scene.order) < len(way.rest)
    moved = scene.given(scene.taken(way.rest, 0.0) + 1, way.rest)
    untouched = torch.ones(len(way.rest), dtype=torch.bool)
    untouched[scene.order] = False
    assert moved[untouched].equal(way.rest[untouched]) and torch.allclose(moved[~untouched], way.rest[~untouched] + 1)


def test_newton_finds_the_least_energy_where_nothing_is_in_the_way(round_things):
    way = round_things.way(0.02)
    scene = make_scene(way, torch.ones(len(way.rest), dtype=torch.bool))
    aim = scene.start + 0.003
    pull = anchor(aim, torch.arange(scene.free), torch.ones(len(aim), dtype=torch.float64))
    points, steps = newton(Problem([pull], scene.contact), scene.start, 20, 1e-6)
    assert steps <= 3 and torch.allclose(points[: scene.free], aim[: scene.free], atol=1e-5)
    assert points[scene.free :].equal(scene.start[scene.free :])


def test_it_can_be_stopped(round_things):
    class StopError(Exception):
        pass

    def stop(done, total):
        raise StopError

    way = round_things.way(0.11)
    scene = make_scene(way, torch.ones(len(way.rest), dtype=torch.bool))
    with pytest.raises(StopError):
        travel(scene, scene.start, 0.0, stop)
