"""What every node promises the artist: a tooltip on each input, a help page, a place in a template."""

import json
from pathlib import Path

import pytest

from modiste.lab.help_pages import PAGES, pack_infos, refreshed
from modiste.lab.templates import FOLDER, TEMPLATES, build

INFOS = pack_infos()


@pytest.mark.parametrize("node_id", INFOS)
def test_every_input_but_the_plain_avatar_says_what_it_does(node_id):
    info = INFOS[node_id]
    for section in info["input"].values():
        for name, (socket, *settings) in section.items():
            if section is not info["input"].get("hidden") and (name, socket) != ("avatar", "MODISTE_AVATAR"):
                assert settings[0].get("tooltip"), f"{node_id}.{name}"
    assert info["description"] and info["category"].startswith("modiste/")


@pytest.mark.parametrize("node_id", INFOS)
def test_the_help_page_has_the_tables_that_the_schema_gives(node_id):
    page = (PAGES / f"{node_id}.md").read_text(encoding="utf-8")
    assert page == refreshed(page, INFOS[node_id])
    assert page.startswith(f"# {INFOS[node_id]['display_name']}\n")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.__name__)
def test_the_template_file_is_what_its_builder_writes(template):
    assert json.loads((FOLDER / f"{template.__name__}.json").read_text(encoding="utf-8")) == json.loads(json.dumps(build(template)))


def test_every_template_has_its_picture():
    names = {template.__name__ for template in TEMPLATES}
    pictured = {path.stem for path in FOLDER.glob("*.jpg")}
    assert {path.stem for path in FOLDER.glob("*.json")} == names == pictured


def test_every_node_stands_in_a_template():
    used = {node["type"] for template in TEMPLATES for node in build(template)["nodes"]}
    assert used >= set(INFOS)


@pytest.mark.parametrize("category", sorted({info["category"] for info in INFOS.values()}))
def test_one_template_holds_all_nodes_of_a_category(category):
    members = {node_id for node_id, info in INFOS.items() if info["category"] == category}
    sets = [{node["type"] for node in build(template)["nodes"]} for template in TEMPLATES]
    assert any(types >= members for types in sets)


def test_the_folder_of_help_pages_has_no_page_without_a_node():
    assert {path.stem for path in Path(PAGES).glob("*.md")} == set(INFOS)
