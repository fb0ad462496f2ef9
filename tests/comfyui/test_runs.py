"""Workflows in a real ComfyUI: every template runs, both hosts agree, a run can be cancelled, and a hostile path is refused."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from comfy_cli.workflow_to_api import convert_ui_to_api
from PIL import Image

from modiste.host.headless.executor import Executor
from modiste.host.headless.listing import CORE_NODES, by_id
from modiste.host.headless.session import Session
from modiste.nodes import NODES

from .conftest import api_prompt

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
SMALL = {"views": 3, "width": 128, "height": 128, "gaussians": 5000}  # what a template is reduced to here
SAVED = "modiste/user_00001_.ply [output]"  # one of the avatars that compose_avatars saves


def template_prompt(path, object_info):
    """Return a template in API format, with our nodes' pictures and avatars small."""
    prompt = convert_ui_to_api(json.loads(path.read_text()), object_info)
    for node in prompt.values():
        if node["class_type"].startswith("Modiste"):
            node["inputs"].update({name: value for name, value in SMALL.items() if isinstance(node["inputs"].get(name), int)})
    return prompt


@pytest.fixture(scope="module")
def composed(server, object_info):
    """The outputs of compose_avatars, which saves the avatars that the other templates load."""
    return server.run(template_prompt(WORKFLOWS / "compose_avatars.json", object_info))


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.json")), ids=lambda path: path.stem)
def test_template_runs(server, object_info, composed, path):
    about = json.loads(path.read_text())["extra"].get("modiste", {})
    if "needs" in about:
        pytest.skip(f"{path.name} needs {about['needs']}")
    needed = about.get("requires_comfyui", ">=0").removeprefix(">=")
    if server.version < tuple(map(int, needed.split("."))):
        pytest.skip(f"{path.name} needs ComfyUI {needed} or later")
    prompt = template_prompt(path, object_info)
    outputs = composed if path.stem == "compose_avatars" else server.run(prompt)
    expected = {name for name, node in prompt.items() if object_info[node["class_type"]]["output_node"]}
    skipped = {name for name in expected if prompt[name]["_meta"]["title"] == "Full body"}  # the person wears no dress
    assert outputs.keys() == expected - skipped
    for output in outputs.values():
        assert any(output.values())
        for image in output.get("images", []):
            assert server.file(image).stat().st_size > 0


@pytest.mark.usefixtures("composed")
def test_both_hosts_render_the_same_pictures(server, object_info):
    prompt = api_prompt(
        object_info,
        load=("ModisteLoadAvatar", {"file": SAVED}),
        render=("ModisteRenderAvatar", {"avatar": ["load", 0], "views": 2, "width": 128, "height": 128}),
        save=("SaveImage", {"images": ["render", 0]}),
    )
    theirs = [server.file(image) for image in server.run(prompt)["save"]["images"]]
    ours = Executor(by_id([*NODES, *CORE_NODES]), Session(base=server.base)).run(prompt).results["save"].files
    assert len(theirs) == len(ours) == 2
    for first, second in zip(theirs, ours, strict=True):
        difference = np.abs(np.asarray(Image.open(first), float) - np.asarray(Image.open(second), float))
        assert difference.mean() < 0.5  # of 255: rounding may differ between torch versions, what is seen may not


@pytest.mark.usefixtures("composed")
def test_an_interrupt_stops_a_turntable(server, object_info):
    def turntable(**inputs):
        return api_prompt(
            object_info,
            load=("ModisteLoadAvatar", {"file": SAVED}),
            render=("ModisteRenderAvatar", {"avatar": ["load", 0], **inputs}),
            show=("PreviewImage", {"images": ["render", 0]}),
        )

    server.run(turntable(views=1))  # afterwards the avatar is in the cache and rendering starts at once
    prompt_id = server.queue(turntable(views=200, width=1024, height=1024))
    while not (entry := server.finished(prompt_id)):
        time.sleep(0.5)
        server.post_json("/interrupt", {})
    stopped = dict(entry["status"]["messages"]).get("execution_interrupted", {})
    assert stopped.get("node_type") == "ModisteRenderAvatar", json.dumps(entry, indent=1)
    assert entry["outputs"] == {}


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "link.ply"])
def test_a_file_outside_the_input_folder_is_refused(server, object_info, tmp_path, name):
    link = server.base / "input" / "link.ply"
    if not link.is_symlink():
        (tmp_path / "outside.ply").write_bytes(b"ply")
        link.symlink_to(tmp_path / "outside.ply")
    prompt = api_prompt(
        object_info,
        load=("ModisteLoadAvatar", {"file": name}),
        save=("ModisteSaveAvatar", {"avatar": ["load", 0]}),
    )
    assert "leads out of the input folder" in server.refusal(prompt)


@pytest.mark.usefixtures("composed")
@pytest.mark.parametrize("prefix", ["../outside", "/tmp/outside"])
def test_a_path_outside_the_output_folder_is_refused(server, object_info, prefix):
    prompt = api_prompt(
        object_info,
        load=("ModisteLoadAvatar", {"file": SAVED}),
        save=("ModisteSaveAvatar", {"avatar": ["load", 0], "filename_prefix": prefix}),
    )
    assert "leads out of the output folder" in server.refusal(prompt)
