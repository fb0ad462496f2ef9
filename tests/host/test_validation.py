"""Every kind of bad workflow gets its sentence, naming the node, and nothing runs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modiste.host.headless import io
from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.validation import check_value, plan, read_value, types_fit
from modiste.host.headless.workflow import to_prompt


def problem(executor, workflow):
    """Return what the check of a workflow says; the run must not begin."""
    with pytest.raises(WorkflowError) as caught:
        executor.run(to_prompt(workflow, executor.node_classes))
    return str(caught.value)


def test_a_core_node_outside_the_list_is_named_and_sent_to_comfyui(executor, node, ran):
    workflow = {"1": node("Number", seed=1), "2": node("Show", value=["1", 0]), "3": node("SaveAudio", "Sampler")}
    message = problem(executor, workflow)
    assert (
        message == "Sampler (#3): the node 'SaveAudio' is not among those that run without ComfyUI; run this workflow in ComfyUI."
    )
    assert ran == []


def test_an_unknown_node_of_ours_asks_for_an_update(executor, node):
    assert "has no node 'ModisteTomorrow'; update the pack" in problem(executor, {"1": node("ModisteTomorrow")})


def test_a_missing_link_names_the_input_and_its_type(executor, node):
    message = problem(executor, {"7": node("SaveImage", "Save", filename_prefix="x")})
    assert message == "Save (#7): 'images' is not connected: it takes IMAGE."


def test_a_link_to_a_node_that_is_not_there(executor, node):
    assert "'value' is linked to node #9, which is not in the workflow" in problem(executor, {"1": node("Show", value=["9", 0])})


@pytest.mark.parametrize("slot", [1, -1, 99])
def test_a_link_to_an_output_that_the_node_does_not_have(executor, node, slot):
    workflow = {"1": node("Number", seed=1), "2": node("Show", value=["1", slot])}
    assert f"'value' is linked to output {slot} of Number (#1), which has 1" in problem(executor, workflow)


@pytest.mark.parametrize("link", [["1"], ["1", "0"], ["1", 0, 0], ["1", True], []])
def test_a_malformed_link(executor, node, link):
    workflow = {"1": node("Number", seed=1), "2": node("Show", value=link)}
    assert "a link is [node id, output number]" in problem(executor, workflow)


def test_a_link_of_the_wrong_type_names_both_sides(executor, node):
    workflow = {"1": node("Number", seed=1), "2": node("SaveImage", "Save", images=["1", 0], filename_prefix="x")}
    assert problem(executor, workflow) == "Save (#2): 'images' takes IMAGE, but Number (#1) gives it INT."


def test_a_value_where_a_link_belongs(executor, node):
    workflow = {"1": node("SaveImage", images="a.png", filename_prefix="x")}
    assert "'images' takes a link that gives IMAGE, not the value 'a.png'" in problem(executor, workflow)


def test_a_circle_names_its_nodes(executor, node, ran):
    workflow = {"1": node("Add", a=["2", 0], b=1), "2": node("Add", a=["1", 0], b=1), "3": node("Show", value=["2", 0])}
    message = problem(executor, workflow)
    assert "run in a circle" in message
    assert "Add Numbers (#1)" in message
    assert "Add Numbers (#2)" in message
    assert ran == []


def test_a_node_that_takes_from_itself_is_a_circle(executor, node):
    assert "run in a circle" in problem(executor, {"1": node("Add", a=["1", 0], b=1), "3": node("Show", value=["1", 0])})


def test_a_missing_value(executor, node):
    assert "'b' has no value" in problem(executor, {"1": node("Add", a=1), "2": node("Show", value=["1", 0])})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ratio": 1.5}, "'ratio' is 1.5, and the most it can be is 1.0"),
        ({"ratio": -0.1}, "'ratio' is -0.1, and the least it can be is 0.0"),
        ({"ratio": float("nan")}, "'ratio' needs a number, not nan"),
        ({"ratio": "much"}, "'ratio' needs a number, not 'much'"),
        ({"mode": "medium"}, "'mode' is 'medium', which is not one of its choices: soft, hard"),
        ({"flip": "maybe"}, "'flip' needs true or false, not 'maybe'"),
        ({"text": {"a": 1}}, "'text' needs text, not {'a': 1}"),
    ],
)
def test_a_value_out_of_place(executor, node, change, sentence):
    values = {"ratio": 0.5, "mode": "soft", "flip": True, "text": "hi"} | change
    assert problem(executor, {"4": node("Widgets", "Knobs", **values)}) == f"Knobs (#4): {sentence}."


def test_all_problems_are_told_at_once(executor, node):
    workflow = {
        "1": node("Widgets", ratio=7, mode="soft", flip=1, text=""),
        "2": node("Add", a=1),
        "3": node("Show", value=["2", 0]),
    }
    assert len(problem(executor, workflow).splitlines()) == 2


def test_a_combo_without_choices_says_what_to_do(executor, node):
    workflow = {"1": node("LoadImage", image="a.png"), "2": node("PreviewImage", images=["1", 0])}
    assert "There is no file 'a.png' in the input folder" in problem(executor, workflow)


def test_no_output_node(executor, node):
    assert "has no output node" in problem(executor, {"1": node("Number", seed=1)})


def test_what_no_output_needs_is_not_checked(executor, node):
    executor.run({"1": node("Number", seed=1), "2": node("Show", value=["1", 0]), "3": node("Add")})


def test_a_nodes_own_check_is_heard(executor, node):
    assert problem(executor, {"1": node("Even", number=3, other=0)}) == "Even (#1): 3 is odd: give an even number."


def test_a_nodes_own_check_replaces_the_range_of_the_inputs_it_names(executor, node):
    executor.run({"1": node("Even", number=12, other=0)})


def test_a_nodes_own_check_gets_none_for_a_link(executor, node):
    executor.run({"1": node("Number", seed=3), "2": node("Even", number=["1", 0], other=0)})


@pytest.mark.parametrize("content", [None, 3, [], {}, "x", {"1": 3}, {"1": {"class_type": "Show"}}, {"nodes": 3}, {"nodes": []}])
def test_what_is_no_workflow_is_refused(node_classes, content):
    with pytest.raises(WorkflowError):
        to_prompt(content, node_classes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["Number", "Show", "1", "seed", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["nodes", "links", "id", "type", "inputs", "class_type", "link", "1", "2"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(content=json_values)
def test_any_json_is_planned_or_refused_in_sentences(content):
    from modiste.host.headless.listing import CORE_NODES, by_id

    node_classes = by_id(CORE_NODES)
    try:
        plan(to_prompt(content, node_classes), node_classes)
    except WorkflowError as error:
        assert str(error).endswith(".")


@example(nodes=1.0, links=[])
@given(nodes=json_values, links=json_values)
def test_any_ui_graph_is_planned_or_refused_in_sentences(nodes, links):
    from modiste.host.headless.listing import CORE_NODES, by_id

    node_classes = by_id(CORE_NODES)
    content = {"nodes": [{"id": 1, "type": "SaveImage", "inputs": nodes, "widgets_values": links}], "links": links}
    try:
        plan(to_prompt(content, node_classes), node_classes)
    except WorkflowError as error:
        assert str(error).endswith(".")


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_a_whole_number_in_range_or_a_sentence(value):
    widget = io.Int.Input("x", min=-10, max=10)
    try:
        number = read_value(value, widget)
        check_value(number, widget)
    except ValueError:
        return
    assert isinstance(number, int)
    assert -10 <= number <= 10
    assert number == float(value)


@pytest.mark.parametrize(("text", "number"), [("12", 12), (" 3 ", 3), (4.0, 4), ("5.0", 5), (2**60 + 1, 2**60 + 1)])
def test_whole_numbers_are_read_exactly(text, number):
    assert read_value(text, io.Int.Input("x")) == number


@pytest.mark.parametrize(("text", "answer"), [("true", True), ("False", False), (1, True), ("off", False)])
def test_true_and_false_are_read_from_words(text, answer):
    assert read_value(text, io.Boolean.Input("x")) is answer


@pytest.mark.parametrize(
    ("given_type", "taken", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("IMAGE", "*", True),
        ("*", "MASK", True),
        ("FILE_3D_PLY", "FILE_3D_SPLAT_ANY,FILE_3D_PLY", True),
        ("STRING", "STRING,FILE_3D", True),
        (["a", "b"], "COMBO", True),
        (["a", "b"], "STRING", False),
    ],
)
def test_which_types_fit(given_type, taken, fits):
    assert types_fit(given_type, taken) is fits
