"""LoRA: every kind of file gives the weights that merging by hand gives, on its clone and only there."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import conv2d

from modiste.host.headless.diffusion.interface import run_once
from modiste.host.headless.diffusion.lora import with_lora
from modiste.host.headless.diffusion.weights import LowRank

CPU = torch.device("cpu")
RANK = 4
ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q"
OUT = "up_blocks.2.attentions.1.transformer_blocks.0.attn1.to_out.0"
CONVOLUTION = "mid_block.resnets.0.conv1"
TEXT = "encoder.layers.1.self_attn.v_proj"

# What each kind of file calls the layers, and its words for (up, down).
KOHYA = (".lora_up.weight", ".lora_down.weight")
FILES = {
    "kohya, diffusers' layers": ("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_q", ATTENTION, KOHYA),
    "kohya, LDM's layers": ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_q", ATTENTION, KOHYA),
    "kohya, list": ("lora_unet_up_blocks_2_attentions_1_transformer_blocks_0_attn1_to_out_0", OUT, KOHYA),
    "ComfyUI": ("diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_q", ATTENTION, KOHYA),
    "diffusers": (f"unet.{ATTENTION}", ATTENTION, (".lora.up.weight", ".lora.down.weight")),
    "diffusers, processors": (
        "unet.up_blocks.2.attentions.1.transformer_blocks.0.attn1.processor.to_out",
        OUT,
        ("_lora.up.weight", "_lora.down.weight"),
    ),
    "peft": (f"unet.{ATTENTION}", ATTENTION, (".lora_B.weight", ".lora_A.weight")),
    "peft, whole": (f"base_model.model.{OUT}", OUT, (".lora_B.default.weight", ".lora_A.default.weight")),
}
TEXT_FILES = {
    "kohya": ("lora_te_text_model_encoder_layers_1_self_attn_v_proj", KOHYA),
    "diffusers": (
        f"text_encoder.text_model.{TEXT}",
        (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    ),
    "peft": (f"text_encoder.text_model.{TEXT}", (".lora_B.weight", ".lora_A.weight")),
}


def layer_of(module, name):
    return module.get_submodule(name).weight


def factors(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) * 0.3 for shape in shapes]


def write(folder, layer, words, tensors, alpha=None):
    state = {layer + word: tensor for word, tensor in zip(words, tensors, strict=True)}
    if alpha is not None:
        state[f"{layer}.alpha"] = torch.tensor(float(alpha))
    save_file(state, folder / "lora.safetensors")
    return folder / "lora.safetensors"


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_equals_merging_by_hand(model, clip, tmp_path, kind):
    layer, parameter, words = FILES[kind]
    weight = layer_of(model.weights.module, parameter).clone()
    up, down = factors((weight.shape[0], RANK), (RANK, weight.shape[1]))
    changed, _ = with_lora(model, clip, write(tmp_path, layer, words, (up, down)), 0.7, 1.0)
    with changed.weights.applied(CPU) as unet:
        assert torch.allclose(layer_of(unet, parameter), weight + 0.7 * up @ down, atol=1e-6)
    assert torch.equal(layer_of(model.weights.module, parameter), weight)


@pytest.mark.parametrize("kind", TEXT_FILES)
def test_text_encoders_change_too_and_are_rounded_to_half_precision(model, clip, tmp_path, kind):
    layer, words = TEXT_FILES[kind]
    weight = layer_of(clip.weights.module, TEXT).clone()
    up, down = factors((192, RANK), (RANK, 192))
    _, changed = with_lora(model, clip, write(tmp_path, layer, words, (up, down)), 1.0, -0.5)
    with changed.weights.applied(CPU) as encoder:
        assert torch.equal(layer_of(encoder, TEXT), (weight - 0.5 * up @ down).half().float())
    assert torch.equal(layer_of(clip.weights.module, TEXT), weight)


def test_alpha_over_rank_scales(model, tmp_path):
    weight = layer_of(model.weights.module, ATTENTION).clone()
    up, down = factors((128, RANK), (RANK, 128))
    path = write(tmp_path, *FILES["kohya, LDM's layers"][::2], (up, down), alpha=1.0)
    with with_lora(model, None, path, 1.0, 0.0)[0].weights.applied(CPU) as unet:
        assert torch.allclose(layer_of(unet, ATTENTION), weight + up @ down / RANK, atol=1e-6)


def test_a_convolution_in_two_is_the_two_in_turn(model, tmp_path):
    weight = layer_of(model.weights.module, CONVOLUTION)
    up, down = factors((weight.shape[0], RANK, 1, 1), (RANK, weight.shape[1], 3, 3))
    path = write(tmp_path, "lora_unet_mid_block_resnets_0_conv1", KOHYA, (up, down))
    x = torch.randn(1, weight.shape[1], 6, 6)
    expected = conv2d(x, weight) + conv2d(conv2d(x, down), up)
    with with_lora(model, None, path, 1.0, 0.0)[0].weights.applied(CPU) as unet:
        assert torch.allclose(conv2d(x, layer_of(unet, CONVOLUTION)), expected, atol=1e-3)


def test_a_convolution_in_three_is_the_three_in_turn(model, tmp_path):
    weight = layer_of(model.weights.module, CONVOLUTION)
    up, down, middle = factors((weight.shape[0], RANK, 1, 1), (RANK, weight.shape[1], 1, 1), (RANK, RANK, 3, 3))
    words = (*KOHYA, ".lora_mid.weight")
    path = write(tmp_path, "lora_unet_mid_block_resnets_0_conv1", words, (up, down, middle))
    x = torch.randn(1, weight.shape[1], 6, 6)
    expected = conv2d(x, weight) + conv2d(conv2d(conv2d(x, down), middle), up)
    with with_lora(model, None, path, 1.0, 0.0)[0].weights.applied(CPU) as unet:
        assert torch.allclose(conv2d(x, layer_of(unet, CONVOLUTION)), expected, atol=1e-3)


def test_two_loras_add_up(model):
    weight = layer_of(model.weights.module, ATTENTION).clone()
    up, down = factors((128, RANK), (RANK, 128))
    model.add_patches({f"{ATTENTION}.weight": LowRank(up, down)}, 0.5)
    model.add_patches({f"{ATTENTION}.weight": LowRank(down.T, up.T)}, 0.25)
    with model.weights.applied(CPU) as unet:
        expected = weight + 0.5 * up @ down + 0.25 * (up @ down).T
        assert torch.allclose(layer_of(unet, ATTENTION), expected, atol=1e-6)


def test_strength_zero_is_the_plain_model_to_the_bit(model, prompts):
    up, down = factors((128, RANK), (RANK, 128))
    changes = {f"{ATTENTION}.weight": LowRank(up, down)}
    off, on = model.clone(), model.clone()
    off.add_patches(changes, 0.0)
    on.add_patches(changes, 1.0)
    latent = torch.ones(1, 16, 16, 16)
    plain = run_once(model, latent, prompts[0], 2.0)
    assert torch.equal(run_once(off, latent, prompts[0], 2.0), plain)
    assert not torch.equal(run_once(on, latent, prompts[0], 2.0), plain)
    assert torch.equal(run_once(model, latent, prompts[0], 2.0), plain)


def test_a_patch_that_holds_a_layer_sees_the_lora_of_a_later_clone(model, prompts):
    layer = model.get_model_object("diffusion_model").get_submodule(ATTENTION)
    plain = layer.weight.clone()
    seen = []
    model.set_model_attn2_patch(lambda n, context, value, extra_options: seen.append(layer.weight.clone()) or (n, context, value))
    clone = model.clone()
    up, down = factors((128, RANK), (RANK, 128))
    clone.add_patches({f"{ATTENTION}.weight": LowRank(up, down)})
    run_once(clone, torch.zeros(1, 16, 16, 16), prompts[0], 1.0)
    assert torch.allclose(seen[0], plain + up @ down, atol=1e-6)


def test_a_run_that_fails_leaves_the_weights_as_they_were(model):
    weight = layer_of(model.weights.module, ATTENTION).clone()
    model.add_patches({f"{ATTENTION}.weight": LowRank(*factors((128, RANK), (RANK, 128)))})
    with pytest.raises(KeyboardInterrupt), model.running():
        raise KeyboardInterrupt
    assert torch.equal(layer_of(model.weights.module, ATTENTION), weight)


@pytest.mark.parametrize("sizes", [((640, RANK), (RANK, 640)), ((128, RANK), (RANK, 640)), ((128, RANK), (2 * RANK, 128))])
def test_a_lora_for_another_size_is_one_sentence(model, clip, tmp_path, sizes):
    layer, _, words = FILES["kohya, LDM's layers"]
    path = write(tmp_path, layer, words, factors(*sizes))
    with pytest.raises(ValueError, match=r"^The LoRA 'lora.safetensors' was made for a model of another size: .* does not fit\.$"):
        with_lora(model, clip, path, 1.0, 1.0)


def test_a_change_of_another_kind_is_refused_rather_than_left_out(model, clip, tmp_path):
    layer, _, (up, down) = FILES["kohya, LDM's layers"]
    words = (up, down, ".dora_scale")
    path = write(tmp_path, layer, words, factors((128, RANK), (RANK, 128), (128, 1)))
    with pytest.raises(ValueError, match=r"^'lora.safetensors' holds '.*\.dora_scale', a change that only ComfyUI makes: "):
        with_lora(model, clip, path, 1.0, 1.0)


def test_a_file_without_a_lora_is_one_sentence(model, clip, tmp_path):
    path = write(tmp_path, "lora_unet_double_blocks_0_img_attn_qkv", KOHYA, factors((3, 4), (4, 3)))
    with pytest.raises(ValueError, match=r"^'lora.safetensors' holds no LoRA for SD1.5-shaped models"):
        with_lora(model, clip, path, 1.0, 1.0)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff" * 100])
def test_a_damaged_file_is_one_sentence(model, clip, tmp_path, content):
    path = tmp_path / "lora.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"lora\.safetensors' cannot be read .* damaged or no safetensors file"):
        with_lora(model, clip, path, 1.0, 1.0)
