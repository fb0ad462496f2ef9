"""What --input, --set and --seed change in a workflow."""

import pytest

from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.folders import input_path
from modiste.host.headless.overrides import first_seed, set_file, set_seeds, set_value
from modiste.host.headless.workflow import find_node, to_prompt


@pytest.fixture
def prompt(node_classes, node):
    workflow = {
        "1": node("Number", "First", seed=3),
        "2": node("Add", "Sum", a=["1", 0], b=2),
        "3": node("Number", "Twin", seed=4),
        "4": node("Number", "Twin", seed=5),
        "5": node("ReadFile", "Read v1.5", file="old.txt"),
        "6": node("Show", "Look", value=["2", 0]),
        "7": node("Add", a=1, b=2),
    }
    return to_prompt(workflow, node_classes)


def test_a_node_is_found_by_id_or_title_in_any_case(prompt):
    assert find_node(prompt, "2") == "2"
    assert find_node(prompt, "sum") == "2"


def test_a_node_without_a_title_has_its_display_name(prompt):
    assert find_node(prompt, "Add Numbers") == "7"


def test_an_unknown_node_lists_the_known_ones(prompt):
    with pytest.raises(WorkflowError, match=r"no node 'Third' here: the workflow has First \(#1\), Sum \(#2\), Twin \(#3\)"):
        find_node(prompt, "Third")


def test_a_title_that_several_nodes_have_lists_their_ids(prompt):
    with pytest.raises(WorkflowError, match="Several nodes are called 'Twin': name one by its id, 3, 4"):
        find_node(prompt, "Twin")


def test_a_value_is_set_by_title_or_id(prompt, node_classes):
    set_value(prompt, node_classes, "Sum.b=9")
    set_value(prompt, node_classes, "4.seed=8")
    assert prompt["2"]["inputs"]["b"] == "9"
    assert prompt["4"]["inputs"]["seed"] == "8"


def test_a_value_may_take_the_place_of_a_link(prompt, node_classes):
    set_value(prompt, node_classes, "Sum.a=1")
    assert prompt["2"]["inputs"]["a"] == "1"


def test_a_value_may_hold_equals_signs_and_a_title_dots(prompt, node_classes):
    set_value(prompt, node_classes, "Read v1.5.file=a=b.txt")
    assert prompt["5"]["inputs"]["file"] == "a=b.txt"


def test_an_unknown_input_lists_the_known_ones(prompt, node_classes):
    with pytest.raises(WorkflowError, match=r"Sum \(#2\) has no input 'd': it has a, b, c"):
        set_value(prompt, node_classes, "Sum.d=1")


def test_an_input_without_a_widget_cannot_be_set(prompt, node_classes):
    with pytest.raises(WorkflowError, match=r"Read v1\.5 \(#5\): 'image' takes a link from another node"):
        set_value(prompt, node_classes, "Read v1.5.image=3")


@pytest.mark.parametrize("assignment", ["Sum", "Sum=3", "=", "Sum.b"])
def test_a_malformed_assignment_shows_the_form(prompt, node_classes, assignment):
    with pytest.raises(WorkflowError, match=r"NODE\.INPUT=VALUE"):
        set_value(prompt, node_classes, assignment)


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "desk" / "new.txt"
        path.parent.mkdir()
        path.write_text("new")
        return path

    @pytest.mark.parametrize("target", ["Read v1.5", "5", "Read v1.5.file", "5.file"])
    def test_a_file_reaches_the_nodes_file_input_from_anywhere(self, prompt, node_classes, session, file, target):
        set_file(prompt, node_classes, session, f"{target}={file}")
        assert prompt["5"]["inputs"]["file"] == "new.txt"
        assert input_path("new.txt") == file

    def test_any_file_input_can_be_named(self, prompt, node_classes, session, file):
        set_file(prompt, node_classes, session, f"5.more={file}")
        assert prompt["5"]["inputs"] == {"file": "old.txt", "more": "new.txt"}

    def test_an_unknown_input_of_a_known_node_lists_its_inputs(self, prompt, node_classes, session, file):
        with pytest.raises(WorkflowError, match=r"Read v1\.5 has no input 'picture': it has file"):
            set_file(prompt, node_classes, session, f"Read v1.5.picture={file}")

    def test_an_input_that_takes_no_such_file_says_so(self, prompt, node_classes, session, file):
        with pytest.raises(WorkflowError, match="has no input that takes the file"):
            set_file(prompt, node_classes, session, f"5.image={file}")

    def test_nothing_is_copied(self, prompt, node_classes, session, file):
        set_file(prompt, node_classes, session, f"5={file}")
        assert list(session.input_folder.iterdir()) == []

    def test_a_name_that_is_taken_gets_a_number(self, prompt, node_classes, session, file):
        (session.input_folder / "new.txt").write_text("other")
        set_file(prompt, node_classes, session, f"5={file}")
        name = prompt["5"]["inputs"]["file"]
        assert name == "new (2).txt"
        assert input_path(name).read_text() == "new"
        assert input_path("new.txt").read_text() == "other"

    def test_the_file_of_the_input_folder_itself_is_taken_as_it_is(self, prompt, node_classes, session):
        (session.input_folder / "mine.txt").write_text("mine")
        set_file(prompt, node_classes, session, f"5={session.input_folder / 'mine.txt'}")
        assert prompt["5"]["inputs"]["file"] == "mine.txt"

    def test_a_node_that_takes_no_such_file_says_so(self, prompt, node_classes, session, file):
        with pytest.raises(WorkflowError, match=r"First \(#1\) has no input that takes the file 'new\.txt'"):
            set_file(prompt, node_classes, session, f"First={file}")

    def test_a_file_that_is_not_there_says_so(self, prompt, node_classes, session, tmp_path):
        with pytest.raises(WorkflowError, match="Cannot read the input file"):
            set_file(prompt, node_classes, session, f"5={tmp_path / 'missing.txt'}")

    def test_an_unknown_node_lists_the_known_ones(self, prompt, node_classes, session, file):
        with pytest.raises(WorkflowError, match=r"no node 'Reader' here: the workflow has First \(#1\)"):
            set_file(prompt, node_classes, session, f"Reader={file}")


class TestSeeds:
    def test_seeds_count_up_in_the_order_of_the_file(self, prompt, node_classes):
        set_seeds(prompt, node_classes, 40)
        assert [prompt[key]["inputs"]["seed"] for key in ("1", "3", "4")] == [40, 41, 42]

    def test_the_first_seed_of_the_file_is_known(self, prompt, node_classes):
        assert first_seed(prompt, node_classes) == 3

    def test_a_workflow_without_seeds_has_none(self, node_classes, node):
        assert first_seed({"1": node("Later")}, node_classes) is None

    def test_a_linked_seed_is_left_alone(self, prompt, node_classes):
        prompt["3"]["inputs"]["seed"] = ["1", 0]
        set_seeds(prompt, node_classes, 7)
        assert prompt["3"]["inputs"]["seed"] == ["1", 0]
        assert prompt["4"]["inputs"]["seed"] == 8
