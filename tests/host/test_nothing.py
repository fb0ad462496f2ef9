"""Outputs that there is nothing to give for: what is connected to them does not run, and all else does."""

import pytest

from modiste.host import nothing
from modiste.host.headless import io
from modiste.host.headless.executor import Executor
from modiste.host.headless.listing import by_id
from modiste.host.headless.schema import Nothing

from .conftest import calls


class Halve(io.ComfyNode):
    """A half for even numbers, and what is left over for odd ones."""

    @classmethod
    def define_schema(cls):
        outputs = [io.Int.Output("half"), io.Int.Output("rest")]
        return io.Schema("Halve", inputs=[io.Int.Input("number")], outputs=outputs)

    @classmethod
    def execute(cls, number):
        calls.append("Halve")
        return io.NodeOutput(number // 2, number % 2 or nothing())


class Odd(io.ComfyNode):
    """The numbers below a count, with nothing in the place of the even ones."""

    @classmethod
    def define_schema(cls):
        return io.Schema("Odd", inputs=[io.Int.Input("count")], outputs=[io.Int.Output("items", is_output_list=True)])

    @classmethod
    def execute(cls, count):
        return io.NodeOutput([number if number % 2 else nothing() for number in range(count)])


@pytest.fixture
def executor(node_classes, session):
    return Executor(node_classes | by_id([Halve, Odd]), session)


def halving(node, number):
    """Half of a number and its rest, each with one added to it and shown."""
    return {
        "halve": node("Halve", number=number),
        "half more": node("Add", a=["halve", 0], b=1),
        "rest more": node("Add", a=["halve", 1], b=1),
        "show half": node("Show", value=["half more", 0]),
        "show rest": node("Show", value=["rest more", 0]),
    }


def is_nothing(outputs):
    return [[isinstance(item, Nothing) for item in items] for items in outputs]


def test_what_follows_nothing_is_skipped_and_all_else_runs(executor, node, ran):
    run = executor.run(halving(node, 6))
    assert sorted(ran) == ["Add", "Halve", "Show"]
    assert run.nodes_run == 3
    assert run.results["half more"].outputs == [[4]] and run.results["show half"].ui[0]["value"] == [4]
    assert is_nothing(run.results["halve"].outputs) == [[False], [True]]
    assert is_nothing(run.results["rest more"].outputs) == [[True]]
    assert run.results["show rest"].ui == [] and run.results["show rest"].files == []


def test_with_something_to_give_all_runs(executor, node, ran):
    run = executor.run(halving(node, 7))
    assert run.nodes_run == len(ran) == 5
    assert run.results["rest more"].outputs == [[2]]


def test_what_was_skipped_runs_when_there_is_something_again(executor, node, ran):
    executor.run(halving(node, 6))
    assert executor.run(halving(node, 7)).nodes_run == 5
    ran.clear()
    again = executor.run(halving(node, 6))
    assert again.nodes_run == 3 and sorted(ran) == ["Add", "Halve", "Show"]


def test_nothing_is_known_the_second_time_as_well(executor, node, ran):
    executor.run(halving(node, 6))
    ran.clear()
    again = executor.run(halving(node, 6))
    assert again.nodes_run == 0 and ran == []
    assert is_nothing(again.results["rest more"].outputs) == [[True]]


def test_an_optional_input_skips_its_node_too(executor, node, ran):
    prompt = {
        "halve": node("Halve", number=6),
        "sum": node("Add", a=1, b=1, c=["halve", 1]),
        "show": node("Show", value=["sum", 0]),
    }
    run = executor.run(prompt)
    assert ran == ["Halve"] and run.nodes_run == 1
    assert is_nothing(run.results["sum"].outputs) == [[True]]


def test_a_node_that_writes_writes_no_file(executor, node, session):
    prompt = {
        "halve": node("Halve", number=6),
        "words": node("Gather", items=["halve", 1]),
        "write": node("WriteText", text=["words", 0], prefix="words"),
    }
    run = executor.run(prompt)
    assert run.files == [] and session.written == []
    assert not session.output_folder.exists()


def test_in_a_list_only_the_items_that_are_nothing_are_skipped(executor, node, ran):
    prompt = {"odd": node("Odd", count=4), "sum": node("Add", a=["odd", 0], b=1), "show": node("Show", value=["sum", 0])}
    run = executor.run(prompt)
    assert ran == ["Add", "Add", "Show", "Show"] and run.nodes_run == 3
    (items,) = run.results["sum"].outputs
    assert [item for item in items if not isinstance(item, Nothing)] == [2, 4]
    assert is_nothing([items]) == [[True, False, True, False]]
    assert [shown["value"] for shown in run.results["show"].ui] == [[2], [4]]


def test_a_node_that_takes_the_whole_list_is_skipped_for_one_nothing_in_it(executor, node):
    prompt = {"odd": node("Odd", count=4), "gather": node("Gather", items=["odd", 0]), "show": node("Show", value=["gather", 0])}
    run = executor.run(prompt)
    assert is_nothing(run.results["gather"].outputs) == [[True]]
    assert run.nodes_run == 1


def test_a_skipped_node_with_an_output_list_stops_what_follows(executor, node, ran):
    prompt = {
        "halve": node("Halve", number=6),
        "spread": node("Spread", count=["halve", 1]),
        "sum": node("Add", a=["spread", 0], b=1),
        "show": node("Show", value=["sum", 0]),
    }
    run = executor.run(prompt)
    assert ran == ["Halve"] and run.nodes_run == 1
    assert is_nothing(run.results["spread"].outputs) == is_nothing(run.results["sum"].outputs) == [[True]]


def test_nobody_is_told_of_a_node_that_is_skipped(executor, node, session):
    class Listener:
        started = ()

        def start(self, title, index, count):
            self.started += (title,)

        def advance(self, done, total):
            pass

    session.reporter = Listener()
    executor.run(halving(node, 6))
    assert len(session.reporter.started) == 3
