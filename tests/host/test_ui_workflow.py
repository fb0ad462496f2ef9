"""Workflows in UI format 0.4 run as the front end would have sent them."""

import json
import os
import sys

import pytest

from modiste.host.headless.errors import WorkflowError
from modiste.host.headless.workflow import load_workflow, to_prompt


@pytest.fixture
def graph():
    """Number (with the value that controls it after a run) -> Add -> Show."""
    return {
        "nodes": [
            {
                "id": 1,
                "type": "Number",
                "title": "Source",
                "mode": 0,
                "inputs": [],
                "outputs": [{"name": "number", "type": "INT", "links": [1]}],
                "widgets_values": [7, "randomize"],
            },
            {
                "id": 2,
                "type": "Add",
                "mode": 0,
                "inputs": [
                    {"name": "a", "type": "INT", "link": 1, "widget": {"name": "a"}},
                    {"name": "b", "type": "INT", "link": None, "widget": {"name": "b"}},
                ],
                "outputs": [{"name": "sum", "type": "INT", "links": [2]}],
                "widgets_values": [0, 5],
            },
            {"id": 3, "type": "Show", "mode": 0, "inputs": [{"name": "value", "type": "*", "link": 2}], "outputs": []},
            {"id": 4, "type": "Note", "mode": 0, "inputs": [], "outputs": [], "widgets_values": ["Read me"]},
        ],
        "links": [[1, 1, 0, 2, 0, "INT"], [2, 2, 0, 3, 0, "*"]],
        "version": 0.4,
    }


def run(executor, graph):
    return executor.run(to_prompt(graph, executor.node_classes))


def test_links_widgets_and_notes_become_a_run(executor, graph):
    assert run(executor, graph).results["3"].ui[0]["value"] == [12]


def test_titles_are_kept(node_classes, graph):
    prompt = to_prompt(graph, node_classes)
    assert prompt["1"]["_meta"]["title"] == "Source"
    assert prompt["2"]["_meta"]["title"] == "Add Numbers"


def test_a_bypassed_node_hands_its_input_on(executor, graph, ran):
    graph["nodes"][1]["mode"] = 4
    assert run(executor, graph).results["3"].ui[0]["value"] == [7]
    assert ran == ["Number", "Show"]


def test_what_follows_a_muted_node_says_what_it_lacks(executor, graph):
    graph["nodes"][1]["mode"] = 2
    with pytest.raises(WorkflowError, match=r"Show \(#3\): 'value' is not connected"):
        run(executor, graph)


def test_a_muted_output_node_does_not_run(executor, graph, ran):
    graph["nodes"].append(
        {"id": 5, "type": "Show", "mode": 2, "inputs": [{"name": "value", "type": "*", "link": 2}], "outputs": []}
    )
    run(executor, graph)
    assert ran.count("Show") == 1


def test_an_unknown_node_that_is_muted_does_no_harm(executor, graph):
    graph["nodes"].append({"id": 5, "type": "SamplerCustom", "mode": 2, "inputs": [], "outputs": []})
    run(executor, graph)


def test_an_unknown_node_is_named(executor, graph):
    graph["nodes"][1]["type"] = "SamplerCustom"
    with pytest.raises(WorkflowError, match=r"SamplerCustom \(#2\): the node 'SamplerCustom' is not among those"):
        run(executor, graph)


def test_a_link_that_leads_nowhere_is_named(executor, graph):
    graph["links"].pop()
    with pytest.raises(WorkflowError, match=r"Show \(#3\): the link at 'value' comes from a node that is not in the workflow"):
        run(executor, graph)


def test_links_of_another_format_are_refused(executor, graph):
    graph["links"] = [{"id": 1, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "INT"}]
    with pytest.raises(WorkflowError, match=r"not in UI format 0\.4"):
        run(executor, graph)


def test_a_node_without_an_id_is_refused(executor, graph):
    del graph["nodes"][0]["id"]
    with pytest.raises(WorkflowError, match="has no id or no type"):
        run(executor, graph)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, '{"a": 1}', "\x00"])
def test_a_file_that_is_no_workflow_is_refused(tmp_path, node_classes, content):
    path = tmp_path / "wf.json"
    path.write_text(content)
    with pytest.raises(WorkflowError, match="is not a workflow"):
        load_workflow(path, node_classes)


def test_a_missing_file_is_named(tmp_path, node_classes):
    with pytest.raises(WorkflowError, match="Cannot read the workflow file"):
        load_workflow(tmp_path / "none.json", node_classes)


def test_a_subgraph_runs_its_inner_nodes(executor):
    inner = "0a1b2c3d-0000-4000-8000-000000000001"
    graph = {
        "nodes": [
            {"id": 1, "type": inner, "mode": 0, "inputs": [], "outputs": [{"name": "number", "type": "INT", "links": [1]}]},
            {"id": 2, "type": "Show", "mode": 0, "inputs": [{"name": "value", "type": "*", "link": 1}], "outputs": []},
        ],
        "links": [[1, 1, 0, 2, 0, "INT"]],
        "definitions": {
            "subgraphs": [
                {
                    "id": inner,
                    "name": "Inner",
                    "inputs": [],
                    "outputs": [{"id": "o", "name": "number", "type": "INT", "linkIds": [9]}],
                    "nodes": [
                        {
                            "id": 5,
                            "type": "Number",
                            "mode": 0,
                            "inputs": [],
                            "outputs": [{"name": "number", "type": "INT", "links": [9]}],
                            "widgets_values": [33],
                        }
                    ],
                    "links": [{"id": 9, "origin_id": 5, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "INT"}],
                }
            ]
        },
        "version": 0.4,
    }
    assert run(executor, graph).results["2"].ui[0]["value"] == [33]


def test_conversion_writes_nothing_to_the_home_folder(tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    script = (
        "import runpy; runpy.run_path('modiste.py')['load_pack']()\n"
        "from modiste.host.headless.workflow import _converter\n_converter()\n"
    )
    environment = dict(os.environ, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path / "config"))
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_byte_order_mark_before_the_json_does_no_harm(tmp_path, node_classes, graph):
    path = tmp_path / "marked.json"
    path.write_text("\ufeff" + json.dumps(graph), encoding="utf-8")
    assert load_workflow(path, node_classes) == to_prompt(graph, node_classes)


def test_a_missing_converter_is_not_blamed_on_the_workflow(tmp_path, node_classes, graph, monkeypatch):
    path = tmp_path / "fine.json"
    path.write_text(json.dumps(graph))
    monkeypatch.setitem(sys.modules, "comfy_cli", None)
    with pytest.raises(ModuleNotFoundError, match="comfy_cli"):
        load_workflow(path, node_classes)


def test_naming_a_bypassed_node_switches_it_on(tmp_path, node_classes, graph):
    path = tmp_path / "bypassed.json"
    graph["nodes"][1]["mode"] = 4
    path.write_text(json.dumps(graph))
    name = graph["nodes"][1].get("title") or graph["nodes"][1]["type"]
    assert "2" not in load_workflow(path, node_classes)
    assert "2" in load_workflow(path, node_classes, [f"{name}.b"])
