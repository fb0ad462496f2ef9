"""Workflows in a real ComfyUI: every template runs, a run can be cancelled, and a hostile path is refused."""

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

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
SMALL = {"views": 3, "width": 128, "height": 128, "gaussians": 5000}  # what a template is reduced to here


def procedural(**inputs):
    return {"class_type": "ModisteProceduralAvatar", "inputs": inputs}


def with_defaults(prompt, object_info):
    """Fill in the default of every input that an API-format prompt leaves out."""
    for node in prompt.values():
        for name, (_, *settings) in object_info[node["class_type"]]["input"]["required"].items():
            if settings and "default" in settings[0]:
                node["inputs"].setdefault(name, settings[0]["default"])
            elif settings and settings[0].get("options"):
                node["inputs"].setdefault(name, settings[0]["options"][0])
    return prompt


def reduced(prompt):
    """Make our nodes' pictures and avatars small."""
    for node in prompt.values():
        if node["class_type"].startswith("Modiste"):
            node["inputs"].update({name: value for name, value in SMALL.items() if isinstance(node["inputs"].get(name), int)})
    return prompt


def template_prompt(path, object_info):
    return reduced(convert_ui_to_api(json.loads(path.read_text()), object_info))


@pytest.fixture(scope="module")
def saved_avatars(server, object_info):
    """Run compose_avatars: the other templates load the avatars that it saves."""
    server.run(template_prompt(WORKFLOWS / "compose_avatars.json", object_info))


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("saved_avatars")
def test_template_runs(server, object_info, path):
    needed = json.loads(path.read_text())["extra"].get("modiste", {}).get("requires_comfyui", ">=0").removeprefix(">=")
    if server.version < tuple(map(int, needed.split("."))):
        pytest.skip(f"{path.name} needs ComfyUI {needed} or later")
    prompt = template_prompt(path, object_info)
    outputs = server.run(prompt)
    assert outputs.keys() == {number for number, node in prompt.items() if object_info[node["class_type"]]["output_node"]}
    for output in outputs.values():
        assert any(output.values())
        for image in output.get("images", []):
            assert server.file(image).stat().st_size > 0


def test_both_hosts_render_the_same_pictures(server, object_info, tmp_path):
    views = {"views": 2, "width": 128, "height": 128}
    prompt = {
        "1": procedural(gaussians=SMALL["gaussians"]),
        "2": {"class_type": "ModisteRenderAvatar", "inputs": {"avatar": ["1", 0], **views}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "hosts"}},
    }
    with_defaults(prompt, object_info)
    theirs = [server.file(image) for image in server.run(prompt)["3"]["images"]]
    ours = Executor(by_id([*NODES, *CORE_NODES]), Session(base=tmp_path)).run(prompt).results["3"].files
    assert len(theirs) == len(ours) == views["views"]
    for first, second in zip(theirs, ours, strict=True):
        difference = np.abs(np.asarray(Image.open(first), float) - np.asarray(Image.open(second), float))
        assert difference.mean() < 0.5  # of 255: rounding may differ between torch versions, what is seen may not


def test_an_interrupt_stops_a_turntable(server, object_info):
    prompt = {
        "1": procedural(gaussians=SMALL["gaussians"]),
        "2": {"class_type": "ModisteRenderAvatar", "inputs": {"avatar": ["1", 0], "views": 1}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    server.run(with_defaults(prompt, object_info))  # afterwards the avatar is in the cache and rendering starts at once
    prompt["2"]["inputs"] |= {"views": 360, "width": 1024, "height": 1024}
    prompt_id = server.queue(prompt)
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
    prompt = {
        "1": {"class_type": "ModisteLoadAvatar", "inputs": {"file": name}},
        "2": {"class_type": "ModisteSaveAvatar", "inputs": {"avatar": ["1", 0]}},
    }
    assert "leads out of the input folder" in server.refusal(with_defaults(prompt, object_info))


@pytest.mark.parametrize("prefix", ["../outside", "/tmp/outside"])
def test_a_path_outside_the_output_folder_is_refused(server, object_info, prefix):
    prompt = {
        "1": procedural(gaussians=SMALL["gaussians"]),
        "2": {"class_type": "ModisteSaveAvatar", "inputs": {"avatar": ["1", 0], "filename_prefix": prefix}},
    }
    assert "leads out of the output folder" in server.refusal(with_defaults(prompt, object_info))
