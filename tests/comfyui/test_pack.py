"""The pack in a real ComfyUI: it loads, says what headless says, and serves its help and templates."""

import pytest

from modiste.host.headless.schema import object_info as headless_object_info
from modiste.host.headless.session import Session, use
from modiste.lab.object_info import comparable, record, recorded
from modiste.nodes import NODES

FOLDER = "ComfyUI-Modiste"


@pytest.fixture(scope="module")
def template_names(request):
    return sorted(path.stem for path in (request.config.rootpath / "workflows").glob("*.json"))


def test_the_pack_loads_without_a_failed_import(server):
    log = server.log.read_text(errors="replace")
    assert FOLDER in log
    assert "IMPORT FAILED" not in log


def test_every_node_is_there(object_info):
    assert {node.define_schema().node_id for node in NODES} <= object_info.keys()


def test_object_info_is_what_was_recorded(object_info, request):
    if request.config.getoption("record_object_info", default=False):
        record(object_info)
    live, expected = comparable(object_info), recorded()
    assert live.keys() == expected.keys()
    for name in expected:
        assert live[name] == expected[name], name


def test_headless_says_the_same_of_every_node(object_info, tmp_path):
    with use(Session(base=tmp_path)):
        headless = comparable({info["name"]: info for info in map(headless_object_info, NODES)})
    live = comparable(object_info)
    assert live.keys() == headless.keys()
    for name in live:
        assert headless[name] == live[name], name


def test_every_node_has_a_help_page(server, object_info):
    for name in comparable(object_info):
        assert server.get(f"/extensions/{FOLDER}/docs/{name}.md").startswith(b"#"), name


def test_templates_are_offered_with_their_pictures(server, template_names):
    assert sorted(server.get_json("/workflow_templates")[FOLDER]) == template_names
    for name in template_names:
        assert server.get_json(f"/api/workflow_templates/{FOLDER}/{name}.json")["version"] == 0.4
        assert server.get(f"/api/workflow_templates/{FOLDER}/{name}.jpg").startswith(b"\xff\xd8")
