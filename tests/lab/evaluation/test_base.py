"""The whole evaluation of the base, with random weights and few small pictures."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from modiste.host.headless.diffusion.clip import HeadlessClip
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.host.headless.diffusion.vae import HeadlessVae
from modiste.lab.evaluation import base, base_model, systems
from modiste.lab.evaluation.base_model import BaseModel, load_base_model
from modiste.lab.evaluation.systems import Request
from modiste.models.base import build_text_encoder, build_unet, build_vae
from modiste.models.base.files import save_vae


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    unet, vae, text = (build().eval().requires_grad_(False) for build in (build_unet, build_vae, build_text_encoder))
    return BaseModel(HeadlessModel(unet, "v_prediction"), HeadlessClip(text), HeadlessVae(vae))


@pytest.fixture
def small(monkeypatch, model, network, reader, person, flat):
    """Replace weights by random ones and the wardrobe by pictures of 64 pixels; one step is enough."""
    monkeypatch.setattr(base_model, "STEPS", 1)
    monkeypatch.setattr(base, "load_base_model", lambda weights: model)
    monkeypatch.setattr(base, "refuse_learned", lambda seed, files: None)
    monkeypatch.setattr(base, "load_encoder", lambda: network)
    monkeypatch.setattr(base, "load_reader", lambda: reader)

    def draw(seed, indices, progress=None):
        generator = torch.Generator().manual_seed(seed + indices.start)
        noise = [torch.randint(0, 256, (64, 64, 3), dtype=torch.uint8, generator=generator) for _ in indices]
        return [replace(person, picture=picture) for picture in noise], [replace(flat, picture=picture) for picture in noise]

    monkeypatch.setattr(base, "draw", draw)


def test_every_promised_row_is_there_and_is_the_same_the_second_time(small, tmp_path):
    request = Request("base", 1000, 4, pictures=tmp_path)
    report = systems.evaluate(request)
    assert (report.system, report.seed, report.count) == ("base", 1000, 4)
    found = {(row.split, row.method, row.metric) for row in report.rows}
    agreements = ("text_agreement", "text_agreement_color", "text_agreement_cut", "text_agreement_pattern")
    for split in ("people", "flats"):
        assert {(split, "ours", metric) for metric in ("psnr", "ssim", "delta_e", "own_lpips")} <= found
        assert {(split, method, metric) for method in ("ours", "reconstruction", "floor") for metric in agreements} <= found
    assert len(report.rows) == len(found) == 2 * (4 + 3 * 4)  # so few samples have no set distance
    assert all(row.n == 4 for row in report.rows)
    assert systems.evaluate(request) == report
    json.loads(report.to_json())
    assert {path.name for path in tmp_path.iterdir()} == set(base.SHEETS)
    with Image.open(tmp_path / "base_people.jpg") as sheet:
        assert sheet.width > 4 * 64


def test_set_distances_tell_near_sets_from_far_ones(network):
    generator = torch.Generator().manual_seed(0)
    dark, dark2, bright = (
        [torch.randint(low, low + 60, (64, 64, 3), dtype=torch.uint8, generator=generator) for _ in range(24)]
        for low in (0, 0, 190)
    )
    floor, ours = base.distances("people", {"floor": dark, "ours": bright}, dark2, network)
    assert (floor.metric, floor.n) == ("fd_own", 24)
    assert floor.ci95[1] < ours.ci95[0] < ours.mean < ours.ci95[1]


def test_captions_without_garments_are_left_out_of_agreement(reader, person):
    pictures = {"floor": [person.picture] * 3}
    rows = base.agreements("people", pictures, [person, replace(person, slots=()), person], reader)
    assert {row.n for row in rows} == {2}


def test_the_picture_of_a_caption_does_not_depend_on_the_others_but_on_the_seed(model, monkeypatch):
    monkeypatch.setattr(base_model, "STEPS", 1)
    first, second = (model.generate_all(["red jeans", "a hat"], [(64, 64), (64, 128)], seed) for seed in (1, 2))
    assert [tuple(picture.shape) for picture in first] == [(3, 64, 64), (3, 64, 128)]
    alone = model.generate_all(["red jeans"], [(64, 64)], 1)
    assert torch.equal(alone[0], first[0])
    assert not torch.equal(first[0], second[0])


def test_the_caption_counts(model, monkeypatch):
    monkeypatch.setattr(base_model, "STEPS", 1)
    red, blue = (model.generate([caption], 64, 64, 1) for caption in ("red jeans", "blue jeans"))
    assert not torch.equal(red, blue)


def test_a_printed_word_has_capitals_of_24_pixels(flat):
    white = torch.full((192, 256, 3), 255, dtype=torch.uint8)
    rows = (base._printed(white, "HIT") < 128).any(2).any(1)
    assert abs(int(rows.sum()) - 24) <= 1


def test_weights_take_the_place_of_the_part_that_they_are(tmp_path, monkeypatch):
    loaded = []
    for name in ("load_unet", "load_vae", "load_text_encoder"):
        real = getattr(base_model, name)
        kept = {"load_unet": build_unet, "load_vae": build_vae, "load_text_encoder": build_text_encoder}[name]
        monkeypatch.setattr(base_model, name, lambda file, real=real, kept=kept: loaded.append(file) or kept())
    save_vae(build_vae(), tmp_path / "mine.safetensors", {})
    load_base_model(tmp_path / "mine.safetensors")
    assert [file.name for file in loaded] == [
        "modiste_base_unet.safetensors", "mine.safetensors", "modiste_base_text.safetensors",
    ]  # fmt: skip


def test_weights_of_something_else_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="neither a U-Net nor a VAE nor a text encoder"):
        load_base_model(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="no safetensors file"):
        load_base_model(tmp_path / "b.safetensors")
    with pytest.raises(FileNotFoundError, match=r"There is no file 'c\.safetensors'"):
        load_base_model(tmp_path / "c.safetensors")
