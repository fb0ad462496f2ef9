"""A real ComfyUI for these tests: started once on the CPU, on a free port, with a private folder for everything it writes.

It is taken from COMFYUI_DIR or ~/ComfyUI, and its Python from COMFYUI_PYTHON or the `venv` or `.venv` in that folder. The pack is
linked into the private folder's custom_nodes; the user's own installation is only read. Without a ComfyUI every test here skips.
"""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

PACK = Path(__file__).resolve().parents[2]
FOLDER = "ComfyUI-Modiste"
START_SECONDS = 300
RUN_SECONDS = 600


def pytest_addoption(parser):
    parser.addoption("--record-object-info", action="store_true", help="write object_info.json from the running ComfyUI")


@dataclass
class Server:
    """A running ComfyUI."""

    url: str
    base: Path
    log: Path

    def get(self, path):
        with urlopen(f"{self.url}{path}") as reply:
            return reply.read()

    def get_json(self, path):
        return json.loads(self.get(path))

    def post_json(self, path, value):
        """Return the reply; refusals (status 400) carry JSON too."""
        request = Request(f"{self.url}{path}", json.dumps(value).encode(), {"Content-Type": "application/json"})
        try:
            with urlopen(request) as reply:
                return json.loads(reply.read() or "null")
        except HTTPError as refusal:
            return json.loads(refusal.read())

    @property
    def version(self):
        """The version as numbers, such as (0, 3, 64)."""
        return tuple(map(int, self.get_json("/system_stats")["system"]["comfyui_version"].split(".")[:3]))

    def queue(self, prompt):
        """Return the id of an API-format prompt that was accepted."""
        reply = self.post_json("/prompt", {"prompt": prompt})
        assert "prompt_id" in reply and not reply["node_errors"], json.dumps(reply, indent=1)
        return reply["prompt_id"]

    def finished(self, prompt_id):
        """Return the history entry of a prompt, or None while it runs."""
        return self.get_json(f"/history/{prompt_id}").get(prompt_id)

    def wait(self, prompt_id):
        until = time.monotonic() + RUN_SECONDS
        while not (entry := self.finished(prompt_id)):
            assert time.monotonic() < until, f"The prompt did not finish within {RUN_SECONDS} seconds."
            time.sleep(0.1)
        return entry

    def run(self, prompt):
        """Run an API-format prompt to its end and return its outputs by node id."""
        entry = self.wait(self.queue(prompt))
        if entry["status"]["status_str"] != "success":
            error = message_of(entry, "execution_error")
            pytest.fail("\n".join([error["node_type"], error["exception_message"], *error["traceback"]]))
        return entry["outputs"]

    def refusal(self, prompt):
        """Return what a prompt is refused with, before it runs or while it does."""
        reply = self.post_json("/prompt", {"prompt": prompt})
        if "error" in reply:
            return "\n".join(error["details"] for node in reply["node_errors"].values() for error in node["errors"])
        return message_of(self.wait(reply["prompt_id"]), "execution_error")["exception_message"]

    def file(self, item):
        """Return the path of a file that a node's output names."""
        return self.base / item["type"] / item["subfolder"] / item["filename"]


def message_of(entry, kind):
    """Return the data of the message of that kind in a history entry."""
    messages = dict(entry["status"]["messages"])
    assert kind in messages, json.dumps(messages, indent=1)
    return messages[kind]


def api_prompt(object_info, **nodes):
    """Return nodes, each a class and some inputs, in API format; every input left out has its default or first option."""

    def default(socket, settings=None):
        options = socket if isinstance(socket, list) else (settings or {}).get("options", [])  # older nodes list the options alone
        return (settings or {}).get("default", next(iter(options), None))

    prompt = {}
    for name, (kind, inputs) in nodes.items():
        defaults = {key: default(*entry) for key, entry in object_info[kind]["input"].get("required", {}).items()}
        prompt[name] = {"class_type": kind, "inputs": {key: item for key, item in defaults.items() if item is not None} | inputs}
    return prompt


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    comfyui = Path(os.environ.get("COMFYUI_DIR", Path.home() / "ComfyUI"))
    if not (comfyui / "main.py").is_file():
        pytest.skip("no ComfyUI: set COMFYUI_DIR to its folder to run these tests")
    base = tmp_path_factory.mktemp("comfyui")
    for folder in ("custom_nodes", "input", "models", "output", "temp", "user"):
        (base / folder).mkdir()
    (base / "custom_nodes" / FOLDER).symlink_to(PACK, target_is_directory=True)
    (base / "custom_nodes" / "modiste_probe").symlink_to(Path(__file__).parent / "probe", target_is_directory=True)
    port = free_port()
    # With the attention that headless uses too: core's other ones round otherwise, and a sampler makes more of that.
    command = [python_of(comfyui), "main.py", "--cpu", "--use-pytorch-cross-attention", "--disable-api-nodes"]
    command += ["--listen", "127.0.0.1", "--port", str(port)]
    command += ["--base-directory", base, "--user-directory", base / "user", "--database-url", "sqlite:///:memory:"]
    log = base / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=comfyui, stdout=output, stderr=subprocess.STDOUT)
    started = Server(f"http://127.0.0.1:{port}", base, log)
    try:
        await_start(started, process)
        yield started
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def object_info(server):
    return server.get_json("/object_info")


def python_of(comfyui):
    candidates = [comfyui / folder / name for folder in ("venv", ".venv") for name in ("bin/python", "Scripts/python.exe")]
    return os.environ.get("COMFYUI_PYTHON") or next(filter(Path.is_file, candidates), sys.executable)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_start(server, process):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            server.get("/system_stats")
            return
        except URLError:
            time.sleep(0.2)
    pytest.fail(f"ComfyUI did not start; the end of its log:\n{server.log.read_text(errors='replace')[-3000:]}")
