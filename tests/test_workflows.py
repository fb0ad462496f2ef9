"""Every template runs headless, in the size of a stamp."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modiste import comfy_entrypoint
from modiste.host.headless.diffusion import checkpoints
from modiste.host.headless.executor import Executor
from modiste.host.headless.listing import all_nodes
from modiste.host.headless.run import RunRequest
from modiste.host.headless.run import run as run_request
from modiste.host.headless.session import Session, use
from modiste.host.headless.workflow import load_workflow
from modiste.models.avatars.files import load_avatar
from modiste.models.base import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG, load_base
from modiste.models.restoration.categories import SLOT_CATEGORY
from modiste.models.restoration.garment_finder import LEAST
from modiste.wardrobe.samples import person_sample

FOLDER = Path(__file__).parents[1] / "workflows"
SMALL = {"views": 2, "width": 96, "height": 96, "gaussians": 4000}


@pytest.fixture(scope="module")
def nodes():
    return all_nodes(comfy_entrypoint())


@pytest.fixture(scope="module")
def ran(nodes, tmp_path_factory):
    """All templates run in one folder, since the later ones take what the first has saved."""
    folder = tmp_path_factory.mktemp("session")
    return folder, {name: run(name, folder, nodes) for name in ("compose_avatars", "compose_your_avatars", "avatar_toolbox")}


def run(name, folder, nodes):
    session = Session(folder)
    with use(session):
        prompt = load_workflow(FOLDER / f"{name}.json", nodes)
        for node in prompt.values():
            node["inputs"].update({key: value for key, value in SMALL.items() if isinstance(node["inputs"].get(key), int)})
        return Executor(nodes, session).run(prompt)


def test_composing_writes_the_turntable_the_pictures_and_three_avatars(ran):
    folder, results = ran
    names = sorted(path.name for path in (folder / "output" / "modiste").glob("*_00001_*"))
    assert "composed_turntable_00001_.webp" in names
    for name in ("user", "model", "composed"):
        assert {f"{name}_00001_.ply", f"{name}_front_00001_.png", f"{name}_00001_.avatar.safetensors"} <= set(names)
    assert all(path.is_file() for path in results["compose_avatars"].files)


def test_the_composed_avatar_has_the_users_head_and_the_models_clothes(ran):
    folder, _ = ran
    user, model, composed = (
        load_avatar(folder / "output" / "modiste" / f"{name}_00001_.ply") for name in ("user", "model", "composed")
    )
    counts = {name: {label: int((avatar.labels == label).sum()) for label in (0, 1, 8)} for name, avatar in
              (("user", user), ("model", model), ("composed", composed))}  # fmt: skip
    face, hair, clothes = 0, 1, 8
    assert counts["composed"][clothes] == counts["model"][clothes] != counts["user"][clothes]
    assert abs(counts["composed"][face] - counts["user"][face]) < 0.05 * counts["user"][face]
    assert counts["composed"][hair] == counts["user"][hair]


def test_the_users_own_files_compose_to_the_same_avatar(ran):
    folder, _ = ran
    first, second = (load_avatar(folder / "output" / "modiste" / f"{name}_00001_.ply") for name in ("composed", "your_avatar"))
    assert torch.allclose(first.mesh.vertices.mean(0), second.mesh.vertices.mean(0), atol=0.01)
    assert (first.labels == 8).sum() == (second.labels == 8).sum()


def test_the_toolbox_saves_a_mesh_beside_its_splat(ran):
    folder, results = ran
    assert (folder / "output" / "modiste" / "toolbox_00001_.mesh.glb").is_file()
    # Previews: of two views thrice, of four labels, and what both fits show; splat, sidecar, body, mesh.
    assert len(results["avatar_toolbox"].files) == 19


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_node_of_a_template_names_its_pack(path):
    nodes = [node for node in json.loads(path.read_text())["nodes"] if node["type"] != "MarkdownNote"]  # the front end's own
    for node in nodes:
        assert node["properties"]["cnr_id"] == ("modiste" if node["type"].startswith("Modiste") else "comfy-core")


def test_the_users_files_compose_in_a_folder_that_has_nothing_else(ran, nodes, tmp_path):
    folder, _ = ran
    saved = folder / "output" / "modiste"
    request = RunRequest(
        workflow=FOLDER / "compose_your_avatars.json",
        inputs=(f"Your avatar={saved / 'user_00001_.ply'}", f"Model={saved / 'model_00001_.ply'}"),
        values=("Turntable.views=1", "Turntable.width=64", "Turntable.height=64"),
        output=tmp_path / "output",
    )
    summary = run_request(request, nodes)
    assert any(path.endswith("your_avatar_00001_.ply") for path in summary["outputs"])


def test_words_become_pictures_with_the_shipped_model(nodes, tmp_path):
    session = Session(tmp_path)
    with use(session):
        prompt = load_workflow(FOLDER / "tiny_text_to_image.json", nodes)
        next(node for node in prompt.values() if node["class_type"] == "KSampler")["inputs"]["steps"] = 2
        files = Executor(nodes, session).run(prompt).files
    assert [Image.open(file).size for file in files] == [(192, 256)] * 4


def shortened(prompt, steps=2):
    for node in prompt.values():
        if node["class_type"] == "KSampler":
            node["inputs"]["steps"] = steps
    return prompt


def test_garments_of_a_made_up_person_are_restored_and_what_is_not_worn_is_skipped(nodes, tmp_path):
    session = Session(tmp_path)
    with use(session):
        result = Executor(nodes, session).run(shortened(load_workflow(FOLDER / "restore_garment_tiny.json", nodes)))
    names = {path.name for path in result.files}
    assert names == {"person_00001_.png", "restored_upper_00001_.png", "restored_lower_00001_.png"}
    for path in result.files:
        assert Image.open(path).size == (192, 256)


def test_the_garments_on_a_picture_from_a_file_are_found_and_restored(nodes, tmp_path, monkeypatch):
    sample = person_sample(7, 0, flats=False)
    Image.fromarray(sample.image.numpy()).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    few = tuple(f"{category}: draw.steps=2" for category in ("Upper body", "Lower body", "Full body"))
    summary = run_request(RunRequest(FOLDER / "restore_garment_tiny.json", inputs=("Person=photo.png",), values=few), nodes)
    seen = {SLOT_CATEGORY.get(garment.slot) for garment in sample.garments if garment.mask.float().mean() > 2 * LEAST} - {None}
    names = {f"restored_{category.replace(' ', '_')}_00001_.png" for category in seen}
    assert names and {Path(path).name for path in summary["outputs"]} == {"person_00001_.png", *names}
    for path in summary["outputs"]:
        assert Image.open(path).size == (192, 256)


def test_a_photo_is_restored_with_the_users_checkpoint(nodes, tmp_path, monkeypatch):
    base = load_base()  # stands in for SD1.5, of which only the sizes differ
    for name, config in (("SD15_UNET", UNET_CONFIG), ("SD15_VAE", VAE_CONFIG), ("SD15_TEXT", TEXT_CONFIG)):
        monkeypatch.setattr(checkpoints, name, config)
    state = {f"{checkpoints.UNET}{key}": weight for key, weight in base.unet.items()}
    state |= {f"{checkpoints.VAE}{key}": weight for key, weight in base.vae.items()}
    state |= {f"{checkpoints.TEXT}{key}": weight for key, weight in base.text.items()}
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    save_file(state, tmp_path / "models" / "checkpoints" / "v1-5-pruned-emaonly-fp16.safetensors")
    photo = torch.zeros(128, 96, 4, dtype=torch.uint8)
    photo[..., 0], photo[..., 3] = 200, 255
    photo[40:90, 30:70, 3] = 0  # painted in the mask editor
    (tmp_path / "input").mkdir()
    Image.fromarray(photo.numpy()).save(tmp_path / "input" / "person.png")
    session = Session(tmp_path)
    with use(session):
        prompt = shortened(load_workflow(FOLDER / "restore_garment.json", nodes))
        files = Executor(nodes, session).run(prompt).files
    assert [path.name for path in files] == ["restored_upper_00001_.png"]


def test_switching_a_row_on_leaves_its_controlnet_off():
    workflow = json.loads((FOLDER / "restore_garment.json").read_text())
    rows = [group for group in workflow["groups"] if group["title"] in ("Upper body", "Lower body", "Full body")]
    assert len(rows) == 3
    for row in rows:
        left, top, width, height = row["bounding"]
        inside = {
            node["type"] for node in workflow["nodes"]
            if left <= node["pos"][0] <= left + width and top <= node["pos"][1] <= top + height
        }  # fmt: skip
        assert "KSampler" in inside and not {name for name in inside if "ControlNet" in name}
