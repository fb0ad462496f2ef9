"""How a workflow runs: order, lists, caching, failures, cancelling and the files it leaves."""

import pytest

from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.executor import Executor
from modiste.host.headless.session import Session, use


def shown(result, node_id):
    return [ui["value"][0] for ui in result.results[node_id].ui]


def test_a_node_runs_after_those_it_takes_from_whatever_the_order_in_the_file(executor, node):
    workflow = {"9": node("Show", value=["5", 0]), "5": node("Add", a=["1", 0], b=["1", 0]), "1": node("Number", seed=4)}
    assert shown(executor.run(workflow), "9") == [8]


def test_only_what_the_outputs_need_runs(executor, node, ran):
    result = executor.run({"1": node("Number", seed=1), "2": node("Add", a=1, b=2), "3": node("Show", value=["1", 0])})
    assert ran == ["Number", "Show"]
    assert result.nodes_run == 2


def test_a_node_that_two_others_take_from_runs_once(executor, node, ran):
    executor.run({"1": node("Number", seed=1), "2": node("Show", value=["1", 0]), "3": node("Show", value=["1", 0])})
    assert ran.count("Number") == 1


def test_an_absent_optional_input_is_left_to_the_node(executor, node):
    assert shown(executor.run({"1": node("Add", a=1, b=2), "2": node("Show", value=["1", 0])}), "2") == [3]


def test_values_from_the_file_arrive_as_their_type(executor, node):
    result = executor.run({"1": node("Widgets", ratio="0.25", mode="hard", flip="true", text=7)})
    assert result.results["1"].ui == [{"ratio": 0.25, "mode": "hard", "flip": True, "text": "7"}]


def test_hidden_values_reach_the_node(executor, node):
    workflow = {"1": node("Number", seed=1), "30": node("Show", value=["1", 0])}
    assert executor.run(workflow).results["30"].ui[0]["id"] == "30"


def test_an_output_list_goes_downstream_item_by_item(executor, node, ran):
    workflow = {"1": node("Spread", count=3), "2": node("Add", a=["1", 0], b=10), "3": node("Show", value=["2", 0])}
    assert shown(executor.run(workflow), "3") == [10, 11, 12]
    assert ran.count("Add") == 3


def test_a_shorter_list_repeats_its_last_item(executor, node):
    workflow = {
        "1": node("Spread", count=3),
        "2": node("Spread", count=2),
        "3": node("Add", a=["1", 0], b=["2", 0]),
        "4": node("Show", value=["3", 0]),
    }
    assert shown(executor.run(workflow), "4") == [0, 2, 3]


def test_an_input_list_takes_all_items_in_one_call(executor, node):
    workflow = {"1": node("Spread", count=3), "2": node("Gather", items=["1", 0]), "3": node("Show", value=["2", 0])}
    assert shown(executor.run(workflow), "3") == ["0+1+2"]


def test_an_empty_list_is_a_sentence(executor, node):
    workflow = {"1": node("Spread", count=0), "2": node("Show", "Look", value=["1", 0])}
    with pytest.raises(WorkflowError, match=r"^Look \(#2\): 'value' was given an empty list"):
        executor.run(workflow)


def test_an_async_node_is_awaited(executor, node):
    assert shown(executor.run({"1": node("Later"), "2": node("Show", value=["1", 0])}), "2") == [5]


def test_nodes_run_without_gradients_as_in_comfyui(executor, node, monkeypatch):
    import torch

    seen = []
    monkeypatch.setattr(executor.node_classes["Number"], "execute", lambda seed: seen.append(torch.is_inference_mode_enabled()))
    with pytest.raises(WorkflowError):  # it returns no output
        executor.run({"1": node("Number", seed=1), "2": node("Show", value=["1", 0])})
    assert seen == [True]


class TestKnownResults:
    def test_nothing_runs_twice_for_the_same_workflow(self, executor, node, ran):
        workflow = {"1": node("Number", seed=1), "2": node("Show", value=["1", 0])}
        first = executor.run(workflow)
        second = executor.run(workflow)
        assert ran == ["Number", "Show"]
        assert second.nodes_run == 0
        assert shown(second, "2") == shown(first, "2")

    def test_a_changed_value_runs_its_node_and_what_follows_only(self, executor, node, ran):
        def workflow(seed):
            return {
                "1": node("Number", seed=seed),
                "2": node("Number", seed=50),
                "3": node("Add", a=["1", 0], b=["2", 0]),
                "4": node("Show", value=["3", 0]),
            }

        executor.run(workflow(1))
        ran.clear()
        assert shown(executor.run(workflow(2)), "4") == [52]
        assert ran == ["Number", "Add", "Show"]

    def test_equal_nodes_share_a_result(self, executor, node, ran):
        executor.run(
            {
                "1": node("Number", seed=1),
                "2": node("Number", seed=1),
                "3": node("Add", a=["1", 0], b=["2", 0]),
                "4": node("Show", value=["3", 0]),
            }
        )
        assert ran.count("Number") == 1

    def test_a_changed_fingerprint_runs_the_node_again(self, executor, session, node, ran):
        file = session.input_folder / "a.txt"
        workflow = {"1": node("ReadFile", file="a.txt"), "2": node("Show", value=["1", 0])}
        file.write_text("one")
        executor.run(workflow)
        executor.run(workflow)
        assert ran.count("ReadFile") == 1
        file.write_text("two")
        assert shown(executor.run(workflow), "2") == ["two"]

    def test_files_of_a_known_result_are_still_reported(self, executor, node):
        workflow = {"1": node("WriteText", text="a", prefix="x")}
        assert executor.run(workflow).files == executor.run(workflow).files != []

    def test_a_file_that_was_deleted_is_written_again(self, executor, node):
        workflow = {"1": node("WriteText", text="a", prefix="x")}
        executor.run(workflow).files[0].unlink()
        assert executor.run(workflow).files[0].read_text() == "a"


class TestFailures:
    def test_a_nodes_sentence_carries_its_title_and_id(self, executor, node):
        with pytest.raises(WorkflowError) as caught:
            executor.run({"3": node("Fail", "Load Mesh", how="value")})
        assert str(caught.value) == "Load Mesh (#3): The mesh has no faces: load another one."

    def test_a_crash_is_one_line_and_keeps_its_cause(self, executor, node):
        with pytest.raises(WorkflowError) as caught:
            executor.run({"3": node("Fail", "Divide", how="crash")})
        assert str(caught.value) == "Divide (#3): failed with ZeroDivisionError, division by zero"
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def test_a_file_that_was_announced_and_not_written_is_a_failure(self, executor, node):
        with pytest.raises(WorkflowError, match=r"did not write '.*never_00001_\.txt'"):
            executor.run({"3": node("Fail", how="promise")})

    def test_cancelling_stops_at_the_next_check_and_is_no_error(self, executor, node):
        with pytest.raises(KeyboardInterrupt):
            executor.run({"3": node("Fail", how="cancel")})

    def test_a_cancelled_session_runs_nothing(self, executor, session, node, ran):
        session.cancelled.set()
        with pytest.raises(KeyboardInterrupt):
            executor.run({"1": node("Number", seed=1), "2": node("Show", value=["1", 0])})
        assert ran == []


class TestFiles:
    def test_output_files_are_numbered_and_never_replaced(self, executor, session, node):
        workflow = {"1": node("WriteText", text="a", prefix="sub/x"), "2": node("WriteText", text="b", prefix="sub/x")}
        files = executor.run(workflow).files
        assert {path.name for path in files} == {"x_00001_.txt", "x_00002_.txt"}
        assert all(path.parent == (session.output_folder / "sub").resolve() for path in files)
        assert {path.read_text() for path in files} == {"a", "b"}

    def test_another_output_folder_takes_the_place_of_the_first(self, node_classes, node, tmp_path):
        session = Session(base=tmp_path, output=tmp_path / "elsewhere")
        files = Executor(node_classes, session).run({"1": node("WriteText", text="a", prefix="x")}).files
        assert files == [(tmp_path / "elsewhere" / "x_00001_.txt").resolve()]

    @pytest.mark.parametrize("prefix", ["/tmp/x", "../x", "a/../../x", "C:\\x", "..\\x", "", "sub/"])
    def test_a_prefix_that_leaves_the_output_folder_is_refused(self, executor, session, node, prefix):
        with pytest.raises(WorkflowError, match=r"Write Text|WriteText"):
            executor.run({"1": node("WriteText", text="a", prefix=prefix)})
        assert not [path for path in session.base.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("name", ["/etc/hostname", "../secret.txt", "link.txt"])
    def test_a_picture_outside_the_input_folder_is_refused(self, executor, session, node, name):
        (session.base / "secret.txt").write_text("secret")
        (session.input_folder / "link.txt").symlink_to(session.base / "secret.txt")
        with pytest.raises(WorkflowError, match="leads out of the input folder"):
            executor.run({"1": node("LoadImage", image=name), "2": node("PreviewImage", images=["1", 0])})

    def test_a_session_ends_with_its_block(self, tmp_path):
        from modiste.host.headless.session import current

        outer = current()
        with use(Session(base=tmp_path)) as inner:
            assert current() is inner
        assert current().base == outer.base
