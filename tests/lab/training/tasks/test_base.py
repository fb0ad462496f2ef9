"""The tiny base's two training tasks: what they minimise and what they write."""

import json
import math
import os

import pytest
import torch

from modiste.lab.training.diffusion import ddim, signal_share
from modiste.lab.training.latents import CaptionedLatents, LatentEncoder
from modiste.lab.training.order import generator_of
from modiste.lab.training.pictures import to_signed
from modiste.lab.training.tasks import base, base_vae
from modiste.models.base import build_vae, load_vae
from modiste.models.base.files import save_vae
from modiste.models.base.tokenizer import padded_tokens
from modiste.models.weights.tensors import read_metadata


class Oracle(torch.nn.Module):
    """Knows the one clean latent, and so the true v of any noisy one."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean
        self.told = []

    def forward(self, noisy, timestep, tokens):
        self.told.append(tokens)
        signal = signal_share()[timestep].view(-1, 1, 1, 1)
        noise = (noisy - signal.sqrt() * self.clean) / (1 - signal).sqrt()
        return signal.sqrt() * noise - (1 - signal).sqrt() * self.clean


def batch(count=8):
    return {"latent": torch.ones(count, 16, 6, 5) * 0.7, "tokens": torch.tensor([padded_tokens("a red skirt")] * count)}


def test_the_signal_is_that_of_stable_diffusion():
    signal = signal_share()
    assert signal[0] == pytest.approx(1 - 0.00085, abs=1e-6)
    sigma_max = math.sqrt((1 - signal[-1]) / signal[-1])
    assert sigma_max == pytest.approx(14.61, abs=0.01)  # as published for SD1.5


def test_a_model_that_knows_the_answer_has_no_loss():
    loss, _ = base.Task().loss(Oracle(batch()["latent"]), batch(), generator_of("cpu", 1), 0)
    assert float(loss) < 1e-4


def test_a_model_that_says_nothing_has_the_loss_of_the_target():
    loss, _ = base.Task().loss(lambda noisy, *_: torch.zeros_like(noisy), batch(512), generator_of("cpu", 1), 0)
    signal = signal_share()
    assert float(loss) == pytest.approx(float((signal + (1 - signal) * 0.49).mean()), rel=0.02)


def test_some_captions_are_left_out():
    oracle = Oracle(batch(1000)["latent"])
    base.Task(uncaptioned=0.3).loss(oracle, batch(1000), generator_of("cpu", 2), 0)
    empty = (oracle.told[0] == torch.tensor(padded_tokens(""))).all(1)
    assert 0.25 < float(empty.float().mean()) < 0.35
    assert (oracle.told[0][~empty] == batch(1)["tokens"]).all()


def test_ddim_with_a_perfect_model_finds_the_picture():
    clean = torch.rand(1, 16, 6, 5)
    noise = torch.randn(2, 16, 6, 5, generator=generator_of("cpu", 3))
    oracle = Oracle(clean)
    found = ddim(lambda latents, timestep: oracle(latents, timestep.expand(2), None), noise, steps=5)
    assert torch.allclose(found, clean.expand_as(found), atol=1e-3)


def test_spreading_latents_changes_their_spread_and_nothing_else():
    torch.manual_seed(0)
    vae = build_vae().eval()
    pictures = torch.rand(4, 3, 64, 96) * 2 - 1
    colors = torch.nn.functional.avg_pool2d(pictures, 8)
    with torch.no_grad():
        before = vae.encode(pictures).latent_dist
        picture = vae.decode(before.mean).sample
        base_vae.spread_latents(vae, before.mean, colors)
        after = vae.encode(pictures).latent_dist
        assert torch.allclose(vae.decode(after.mean).sample, picture, atol=1e-3)
    spots = (after.mean * 0.18215).movedim(1, 0).flatten(1)
    assert torch.allclose(spots.mean(1), torch.zeros(16), atol=1e-3)
    assert torch.allclose(torch.cov(spots), torch.diag(torch.tensor([1.6**2] * 3 + [8.32 / 13] * 13)), atol=1e-2)
    assert torch.equal(after.std, before.std)
    factors = base_vae.color_map(base_vae.spots(after.mean), base_vae.spots(colors))[:-1]
    assert factors[3:].abs().max() < 1e-3 * factors[:3].abs().max()  # colours are in the first three channels alone


def test_colours_are_found_behind_latents_that_hold_them():
    colors = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    latents = colors @ torch.randn(3, 16, generator=torch.Generator().manual_seed(1)) + 0.25
    noisy = latents + 1e-3 * torch.randn(40, 16, generator=torch.Generator().manual_seed(2))
    found = base_vae.color_map(noisy, colors)
    assert torch.allclose(noisy @ found[:-1] + found[-1], colors, atol=0.01)


class Echo(torch.nn.Module):
    """Gives pictures back as they are, from latents of one value."""

    def __init__(self, latent):
        super().__init__()
        self.latent = latent

    def forward(self, pictures):
        count, _, height, width = pictures.shape
        return pictures, torch.full((count, 16, height // 8, width // 8), self.latent)


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (150, 0.5), (300, 0.0), (900, 0.0)])
def test_latents_are_told_colours_less_and_less(step, share):
    grey = {"picture": torch.full((2, 64, 64, 3), 255, dtype=torch.uint8)}
    loss, _ = base_vae.Task(told=300).loss(Echo(0.5), grey, generator_of("cpu", 0), step)
    assert float(loss) == pytest.approx(share * (2 * 1.0 - 0.5) ** 2, abs=1e-5)


def test_nothing_is_told_in_a_run_that_starts_from_weights_that_know():
    grey = {"picture": torch.full((2, 64, 64, 3), 255, dtype=torch.uint8)}
    assert float(base_vae.Task(told=0).loss(Echo(0.5), grey, generator_of("cpu", 0), 0)[0]) == pytest.approx(0, abs=1e-5)


def test_ssim_is_one_for_equal_pictures_and_follows_its_formula():
    first = torch.rand(1, 3, 16, 16)
    assert float(base_vae.ssim(first, first)) == pytest.approx(1.0, abs=1e-5)
    flat, lighter = torch.full((1, 1, 9, 9), 0.4), torch.full((1, 1, 9, 9), 0.8)
    assert float(base_vae.ssim(flat, lighter)) == pytest.approx((2 * 0.32 + 1e-4) / (0.16 + 0.64 + 1e-4), rel=1e-3)


def test_crops_are_parts_of_the_picture_or_of_its_half():
    pictures = torch.arange(64 * 48, dtype=torch.float32).view(1, 1, 64, 48).expand(2, 3, -1, -1)
    values = set(pictures.flatten().tolist())
    whole = 0
    for seed in range(12):
        crop = base_vae.augmented(pictures, (32, 24), generator_of("cpu", seed))
        assert crop.shape == (2, 3, 32, 24)
        whole += set(crop.flatten().tolist()) <= values
    assert 4 < whole < 12


def test_a_fresh_base_knows_no_word_and_says_nothing():
    model = base.Task().build()
    assert not model.text.get_input_embeddings().weight.any()
    with torch.no_grad():
        assert not model(torch.rand(1, 16, 8, 8), torch.tensor([500]), batch(1)["tokens"]).any()


def test_every_part_of_a_fresh_base_learns():
    torch.manual_seed(0)
    task = base.Task()
    model = task.build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    for step in range(4):
        optimizer.zero_grad()
        examples = {"latent": torch.randn(2, 16, 16, 16), "tokens": batch(2)["tokens"]}
        task.loss(model, examples, generator_of("cpu", step), step)[0].backward()
        optimizer.step()
    still = [name for name, weight in model.named_parameters() if weight.ndim > 1 and torch.equal(weight, before[name])]
    assert not still


def test_a_gentle_start_passes_the_encoders_output_on_as_latents():
    torch.manual_seed(0)
    vae = base_vae.gentle(build_vae()).eval()
    pictures = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(vae.encode(pictures).latent_dist.mean, vae.encoder(pictures)[:, :16], atol=1e-6)
        assert vae.encode(pictures).latent_dist.std.amax() < 0.01


def test_latents_of_shards_are_encoded_once_and_come_with_their_captions(tmp_path, shards, monkeypatch):
    save_vae(build_vae(), tmp_path / "vae.safetensors", {})
    latents = CaptionedLatents(shards, 0, tmp_path / "vae.safetensors", False)
    item = latents[3]
    picture = latents.pictures[3]
    with torch.no_grad():
        mean = load_vae(tmp_path / "vae.safetensors").encode(to_signed(picture["picture"][None])).latent_dist.mean
    assert torch.allclose(item["latent"], mean[0] * 0.18215, atol=0.02)
    assert item["tokens"].tolist() == padded_tokens(picture["caption"])
    monkeypatch.setattr(LatentEncoder, "__call__", lambda *_: pytest.fail("encoded again"))
    again = CaptionedLatents(shards, 0, tmp_path / "vae.safetensors", False)
    assert torch.equal(again[3]["latent"], item["latent"])
    for shard in shards.glob("*.safetensors"):
        os.utime(shard, (2e9, 2e9))  # rendered anew, after its latents
    with pytest.raises(pytest.fail.Exception, match="encoded again"):
        CaptionedLatents(shards, 0, tmp_path / "vae.safetensors", False)


def test_landscapes_and_portraits_go_into_batches_of_their_own(tmp_path, shards):
    save_vae(build_vae(), tmp_path / "vae.safetensors", {})
    latents = CaptionedLatents(shards, 0, tmp_path / "vae.safetensors", True)
    shapes = {tuple(latents[index]["latent"].shape): int(latents.buckets[index]) for index in range(len(latents))}
    assert shapes == {(16, 4, 3): 0, (16, 3, 4): 1}


def test_a_second_stage_tells_what_it_started_from(tmp_path):
    torch.manual_seed(0)
    first = base.Task().build()
    base.Task().export(first, tmp_path / "half.safetensors", {"steps": "7"})
    second = base.Task(start=str(tmp_path / "half"))
    built = second.build()
    assert torch.equal(built.unet.conv_in.weight, first.unet.conv_in.weight.half().float())
    second.export(built, tmp_path / "whole.safetensors", {"steps": "9", "task": f"start='{second.start}'"})
    told = read_metadata(tmp_path / "whole_text.safetensors")
    assert told["steps"] == "9" and json.loads(told["started_from"])["steps"] == "7"
    assert told["task"] == "start='half'"  # whose folder is nobody's business
    assert "started_from" not in read_metadata(tmp_path / "half_unet.safetensors")
