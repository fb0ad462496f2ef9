"""The tiny base: its layouts, its tokens, its files."""

import json
import struct

import pytest
import torch

from modiste.models import base
from modiste.models.base import files, keys, tokenizer


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return base.build_unet()


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return base.build_vae()


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_unet_names_go_to_ldm_and_back_without_loss(unet):
    state = unet.state_dict()
    there = keys.unet_to_ldm(state)
    assert len(there) == len(state)
    assert equal(keys.unet_to_diffusers(there), state)


def test_vae_names_go_to_ldm_and_back_without_loss(vae):
    state = vae.state_dict()
    there = keys.vae_to_ldm(state)
    assert there["encoder.mid.attn_1.q.weight"].shape == (128, 128, 1, 1)
    assert equal(keys.vae_to_diffusers(there), state)


def test_diffusers_own_converter_reads_our_ldm_unet(unet):
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    checkpoint = {f"model.diffusion_model.{name}": weight for name, weight in keys.unet_to_ldm(unet.state_dict()).items()}
    assert equal(convert_ldm_unet_checkpoint(checkpoint, dict(unet.config)), unet.state_dict())


def test_diffusers_own_converter_reads_our_ldm_vae(vae):
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    checkpoint = {f"first_stage_model.{name}": weight for name, weight in keys.vae_to_ldm(vae.state_dict()).items()}
    assert equal(convert_ldm_vae_checkpoint(checkpoint, dict(vae.config)), vae.state_dict())


def test_a_foreign_name_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"'double_blocks.0.img_attn.qkv.weight' is not one of an SD1.5-shaped model"):
        keys.unet_to_diffusers({"double_blocks.0.img_attn.qkv.weight": torch.zeros(1)})


def test_every_attention_head_is_64_wide(unet):
    from diffusers.models.attention_processor import Attention

    attentions = [module for module in unet.modules() if isinstance(module, Attention)]
    assert len(attentions) == 32
    assert {module.inner_dim // module.heads for module in attentions} == {64}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # as OpenAI's CLIP gives them
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("A  Photo\nof a CAT!", [320, 1125, 539, 320, 2368, 256]),
        ("it's", [585, 568]),
        ("hello world", [3306, 1002]),
        ("", []),
    ],
)
def test_tokens_are_clips(text, tokens):
    assert tokenizer.tokenize(text) == tokens


def test_tokens_are_padded_and_cut_to_77():
    assert tokenizer.padded_tokens("a cat") == [49406, 320, 2368] + [49407] * 74
    long = tokenizer.padded_tokens("cat " * 100)
    assert len(long) == 77 and long[0] == 49406 and long[-1] == 49407 and set(long[1:-1]) == {2368}


def test_files_hold_half_floats_under_standard_names_and_come_back(unet, vae, tmp_path):
    text = base.build_text_encoder()
    files.save_unet(unet, tmp_path / "unet.safetensors", {"trained": "no"})
    files.save_vae(vae, tmp_path / "vae.safetensors", {})
    files.save_text_encoder(text, tmp_path / "text.safetensors", {})
    content = (tmp_path / "unet.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    assert header["__metadata__"] == {"kind": "base-unet", "version": "1", "licence": "Apache-2.0", "trained": "no"}
    assert header["input_blocks.0.0.weight"] == header["input_blocks.0.0.weight"] | {"dtype": "F16", "shape": [64, 16, 3, 3]}
    assert "text_model.embeddings.token_embedding.weight" in files._read(tmp_path / "text.safetensors")
    for module, loaded in (
        (unet, base.load_unet(tmp_path / "unet.safetensors")),
        (vae, base.load_vae(tmp_path / "vae.safetensors")),
        (text, base.load_text_encoder(tmp_path / "text.safetensors")),
    ):
        rounded = {name: weight.half().float() for name, weight in module.state_dict().items() if weight.is_floating_point()}
        assert equal({name: weight for name, weight in loaded.state_dict().items() if weight.is_floating_point()}, rounded)
    tokens = torch.tensor([tokenizer.padded_tokens("a red skirt")])
    assert torch.allclose(
        base.load_text_encoder(tmp_path / "text.safetensors")(tokens).last_hidden_state,
        text.half().float().eval()(tokens).last_hidden_state,
        atol=1e-6,
    )


def test_a_file_stays_below_25_megabytes(unet):
    assert sum(weight.numel() for weight in unet.parameters()) * 2 < 25e6
    assert sum(weight.numel() for weight in base.build_text_encoder().parameters()) * 2 < 25e6


def test_a_missing_file_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"^There is no file 'gone.safetensors' in the folder .*: check the name"):
        base.load_unet(tmp_path / "gone.safetensors")
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^The pack's file 'gone.safetensors' is missing from .*: install the pack again"):
        base.load_unet(tmp_path / "gone.safetensors")


def test_files_that_are_damaged_or_of_another_model_are_one_sentence(vae, tmp_path):
    path = tmp_path / "vae.safetensors"
    files.save_vae(vae, path, {"kind": "something else"})
    content = path.read_bytes()
    assert b'"kind":"base-vae"' in content
    with pytest.raises(ValueError, match=r"is not one of an SD1\.5-shaped model"):
        base.load_unet(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"vae.safetensors' cannot be read .*: it is damaged or no safetensors file\.$"):
        base.load_vae(path)


def test_weights_of_another_size_are_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "text.safetensors"
    files.save_text_encoder(base.build_text_encoder(), path, {})
    monkeypatch.setitem(base.TEXT_CONFIG, "num_hidden_layers", 3)
    with pytest.raises(ValueError, match=r"^The weights are not those of a CLIPTextModel of this size: .*layers\.3") as error:
        base.load_text_encoder(path)
    assert "\n" not in str(error.value)


def test_weights_that_fp16_cannot_hold_are_not_written(tmp_path):
    vae = base.build_vae()
    with torch.no_grad():
        vae.quant_conv.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"'quant_conv\.weight' is too large for fp16"):
        files.save_vae(vae, tmp_path / "vae.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_an_autoencoders_file_tells_the_colours_of_its_latents(vae, tmp_path):
    told = {"factors": [[0.5, 0.0, 0.25]] * 16, "offset": [0.0, 0.125, -1.0]}
    files.save_vae(vae, tmp_path / "told.safetensors", {files.COLORS: json.dumps(told)})
    assert files.latent_colors(tmp_path / "told.safetensors") == (told["factors"], told["offset"])
    files.save_vae(vae, tmp_path / "untold.safetensors", {})
    assert files.latent_colors(tmp_path / "untold.safetensors") is None
