"""Headless and ComfyUI describe our nodes alike; the live half of this check is in tests/comfyui."""

import pytest

from modiste.host.headless.schema import object_info
from modiste.host.headless.session import Session, use
from modiste.lab.object_info import KEPT, comparable, recorded
from modiste.nodes import NODES


@pytest.fixture
def derived(tmp_path):
    with use(Session(base=tmp_path)):  # its empty input folder, as when the file was recorded, gives empty file lists
        return comparable({info["name"]: info for info in map(object_info, NODES)})


def test_the_recorded_file_has_every_node_and_no_other(derived):
    assert derived.keys() == recorded().keys()


def test_headless_describes_every_node_as_comfyui_did(derived):
    for name, expected in recorded().items():
        assert derived[name] == expected, name


def test_what_only_newer_versions_say_is_not_compared():
    older = dict.fromkeys(KEPT) | {"input": {"required": {"a": ["INT", {"default": 1}]}}}
    newer = older | {"input": {"required": {"a": ["INT", {"default": 1, "advanced": True}]}}, "search_aliases": ["b"]}
    assert comparable({"ModisteX": newer}) == comparable({"ModisteX": older, "KSampler": older})
