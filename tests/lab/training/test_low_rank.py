"""Changes of low rank: what they add, what they leave alone, and that their file is a LoRA like any other."""

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import conv2d, linear

from modiste.host.headless.diffusion.lora import unet_changes, with_lora
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.lab.training.low_rank import add_low_rank, load_low_rank, low_rank_state
from modiste.models.base.architecture import UNET_CONFIG
from modiste.models.base.sd15 import SD15_UNET

RANK = 3
NARROW = UNET_CONFIG | {
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (8, 16, 24, 32),
    "attention_head_dim": (1, 2, 3, 4),
    "cross_attention_dim": 20,
    "norm_num_groups": 4,
}
# One layer of each kind by both names, as LDM's checkpoints and diffusers have them.
NAMES = {
    "input_blocks.1.0.in_layers.2": "down_blocks.0.resnets.0.conv1",
    "input_blocks.4.0.emb_layers.1": "down_blocks.1.resnets.0.time_emb_proj",
    "input_blocks.4.0.skip_connection": "down_blocks.1.resnets.0.conv_shortcut",
    "input_blocks.4.1.transformer_blocks.0.attn2.to_q": "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q",
    "middle_block.1.proj_in": "mid_block.attentions.0.proj_in",
    "middle_block.2.out_layers.3": "mid_block.resnets.1.conv2",
    "output_blocks.5.1.transformer_blocks.0.ff.net.0.proj": "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj",
    "output_blocks.11.1.transformer_blocks.0.attn1.to_out.0": "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_out.0",
}


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return UNet2DConditionModel(**NARROW).eval()


@pytest.fixture(scope="module")
def changed(plain):
    return with_changes(plain, 1)


def with_changes(plain, seed):
    """Return a copy with changes that are not nothing any more."""
    torch.manual_seed(seed)
    unet = copy.deepcopy(plain)
    add_low_rank(unet, RANK)
    for module in changed_layers(unet).values():
        nn.init.normal_(module.parametrizations["weight"][0].up, std=0.3)
    return unet


def changed_layers(unet):
    return {name: module for name, module in unet.named_modules() if hasattr(module, "parametrizations")}


def inputs(count=2):
    generator = torch.Generator().manual_seed(2)
    shapes = ((count, 4, 16, 8), (count, 7, 20))
    latents, text = (torch.randn(shape, generator=generator) for shape in shapes)
    return {"sample": latents, "timestep": torch.tensor([10, 700][:count]), "encoder_hidden_states": text}


def out(unet):
    with torch.no_grad():
        return unet(**inputs()).sample


def test_changes_start_as_nothing(plain):
    unet = copy.deepcopy(plain)
    add_low_rank(unet, RANK)
    assert torch.equal(out(unet), out(plain))
    assert all(torch.equal(module.weight, plain.get_submodule(name).weight) for name, module in changed_layers(unet).items())


def test_a_changed_network_does_what_a_second_path_of_low_rank_beside_every_layer_does(plain, changed):
    beside = copy.deepcopy(plain)
    for name, module in changed_layers(changed).items():
        change = module.parametrizations["weight"][0]
        beside.get_submodule(name).register_forward_hook(second_path(change.down.detach(), change.up.detach()))
    assert (out(changed) - out(plain)).abs().max() > 0.1
    assert torch.allclose(out(changed), out(beside), atol=1e-4)


def second_path(down, up):
    """Return what adds up(down(x)) to a layer's output: of a convolution `down` has its kernel, and `up` is 1 x 1."""

    def hook(module, given, output):
        if isinstance(module, nn.Linear):
            return output + linear(linear(given[0], down), up)
        narrow = conv2d(given[0], down.unflatten(1, module.weight.shape[1:]), stride=module.stride, padding=module.padding)
        return output + conv2d(narrow, up[..., None, None])

    return hook


def test_changed_are_the_matrices_of_attentions_and_residual_blocks_and_no_others(plain, changed):
    inside = {
        name.removesuffix(".weight")
        for name, weight in plain.named_parameters()
        if weight.ndim > 1 and {"attentions", "resnets"} & set(name.split("."))
    }
    assert changed_layers(changed).keys() == inside
    outside = {name for name, weight in plain.named_parameters() if weight.ndim > 1} - {f"{name}.weight" for name in inside}
    assert len(outside) == 2 + 2 + 3 + 3  # first and last convolution, the time's, and those between sizes


def test_sd15_has_272_changed_layers_of_the_rank_asked_for():
    """16 attentions of 12 matrices; 22 residual blocks of 3, of which 14 have a shortcut."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SD15_UNET)
        add_low_rank(unet, 4)
    layers = changed_layers(unet)
    assert len(layers) == 16 * 12 + 22 * 3 + 14
    for module in layers.values():
        change = module.parametrizations["weight"][0]
        assert change.down.shape == (4, module.weight[0].numel()) and change.up.shape == (len(module.weight), 4)


def test_changes_learn_and_the_base_does_not(plain):
    unet = copy.deepcopy(plain)
    add_low_rank(unet, RANK)
    trained = {name for name, weight in unet.named_parameters() if weight.requires_grad}
    assert trained == {f"{name}.parametrizations.weight.0.{part}" for name in changed_layers(unet) for part in ("up", "down")}
    unet(**inputs()).sample.square().mean().backward()
    for name, weight in unet.named_parameters():
        assert (weight.grad is not None) == (name in trained)
        if name.endswith(".up"):
            assert weight.grad.any(), name
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if name.endswith(".up"):
                weight.fill_(0.01)
    unet(**inputs()).sample.square().mean().backward()
    assert all(weight.grad.any() for name, weight in unet.named_parameters() if name in trained)


def test_a_step_moves_the_changes_alone(plain):
    changed = with_changes(plain, 1)
    before = {name: weight.detach().clone() for name, weight in changed.named_parameters()}
    optimizer = torch.optim.SGD([weight for weight in changed.parameters() if weight.requires_grad], 0.1)
    changed(**inputs()).sample.square().mean().backward()
    optimizer.step()
    moved = {name for name, weight in changed.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if name.endswith((".up", ".down"))}
    for name, module in changed_layers(changed).items():
        assert torch.equal(module.parametrizations["weight"].original, plain.get_submodule(name).weight)


@pytest.mark.parametrize(("ldm", "diffusers"), NAMES.items())
def test_tensors_have_the_names_and_shapes_of_lora_files(plain, changed, ldm, diffusers):
    state, layer = low_rank_state(changed), plain.get_submodule(diffusers)
    down, up = (state[f"diffusion_model.{ldm}.lora_{part}.weight"] for part in ("down", "up"))
    kernel = tuple(layer.weight.shape[2:])
    assert down.shape == (RANK, layer.weight.shape[1], *kernel)
    assert up.shape == (len(layer.weight), RANK, *(1 for _ in kernel))
    product = torch.einsum("or,rihw->oihw" if kernel else "or,ri->oi", up.flatten(1), down)
    assert torch.allclose(changed.get_submodule(diffusers).weight - layer.weight, product, atol=1e-5)


def test_the_host_reads_the_tensors_as_the_very_same_changes(plain, changed):
    changes = unet_changes(low_rank_state(changed), plain, "The changes")
    layers = changed_layers(changed)
    assert changes.keys() == {f"{name}.weight" for name in layers}
    for name, module in layers.items():
        before = plain.get_submodule(name).weight
        assert torch.allclose(before + changes[f"{name}.weight"].delta(1.0, before.shape), module.weight, atol=1e-6)


def test_a_file_of_the_tensors_is_a_lora_that_the_host_loads(plain, changed, tmp_path):
    save_file(low_rank_state(changed), tmp_path / "lora.safetensors")
    model, _ = with_lora(HeadlessModel(copy.deepcopy(plain), "v_prediction"), None, tmp_path / "lora.safetensors", 1.0, 0.0)
    with model.running(), torch.no_grad():
        found = model.get_model_object("diffusion_model")(**inputs()).sample
    assert torch.allclose(found, out(changed), atol=1e-4)


def test_what_was_written_comes_back(plain, changed):
    state = {name: tensor.clone() for name, tensor in low_rank_state(changed).items()}
    other = with_changes(plain, 5)
    assert not torch.equal(out(other), out(changed))
    load_low_rank(other, state)
    assert torch.equal(out(other), out(changed))
    load_low_rank(other, {name: tensor.half() for name, tensor in state.items()})
    assert all(torch.equal(tensor, state[name].half().float()) for name, tensor in low_rank_state(other).items())


@pytest.mark.parametrize("how", ["fewer", "more", "none"])
def test_changes_of_other_layers_are_refused_and_nothing_is_taken(changed, how):
    state = {name: tensor + 1 for name, tensor in low_rank_state(changed).items()}
    first = next(iter(state))
    if how == "fewer":
        del state[first]
    elif how == "more":
        state["diffusion_model.out.2.lora_up.weight"] = torch.ones(4, RANK, 1, 1)
    else:
        state = {}
    before = out(changed)
    with pytest.raises(ValueError, match="are of other layers, or of another rank: start from a file of the same model") as error:
        load_low_rank(changed, state)
    assert "\n" not in str(error.value)
    assert torch.equal(out(changed), before)


def test_a_copy_has_changes_of_its_own(plain):
    """The averaged weights are a copy."""
    changed = with_changes(plain, 1)
    average, before = copy.deepcopy(changed), out(changed)
    with torch.no_grad():
        for module in changed_layers(changed).values():
            module.parametrizations["weight"][0].up.mul_(2)
    assert torch.equal(out(average), before) and not torch.equal(out(changed), before)
