"""ComfyUI's hooks in a diffusers UNet: when they run, what they see, and that a run without them is the plain UNet."""

import pytest
import torch

from modiste.models.attention import LAYERS, attach, run_unet, sd15_layers
from modiste.models.base import build_unet

from .conftest import SIZE


def plain(unet, inputs):
    x, timesteps, context = inputs
    with torch.no_grad():
        return unet(x, timesteps, encoder_hidden_states=context).sample


def with_patches(unet, inputs, replace=None, **patches):
    with torch.no_grad():
        return run_unet(unet, *inputs, {"patches": patches, "patches_replace": replace or {}})


@pytest.fixture(scope="module")
def untouched():
    """Two equal UNets, of which one has diffusers' own processors."""
    torch.manual_seed(0)
    unet = build_unet().eval()
    twin = build_unet().eval()
    twin.load_state_dict(unet.state_dict())
    attach(twin)
    return unet, twin


def test_without_patches_it_is_the_plain_unet_to_the_bit(untouched, inputs):
    unet, twin = untouched
    expected = plain(unet, inputs)
    assert torch.equal(with_patches(twin, inputs), expected)
    assert torch.equal(plain(twin, inputs), expected)


def test_every_layer_fires_once_in_running_order(unet, inputs):
    fired = {name: [] for name in ("attn1_patch", "attn1_output_patch", "attn2_patch", "attn2_output_patch", "attn1", "attn2")}

    def before(name):
        return lambda n, context, value, extra: (fired[name].append(extra["block"]), (n, context, value))[1]

    def after(name):
        return lambda n, extra: (fired[name].append(extra["block"]), n)[1]

    def instead(name):
        return lambda q, k, v, extra: (fired[name].append(extra["block"]), q)[1]

    with_patches(
        unet,
        inputs,
        {kind: {layer.block: instead(kind) for layer in LAYERS} for kind in ("attn1", "attn2")},
        attn1_patch=[before("attn1_patch")],
        attn2_patch=[before("attn2_patch")],
        attn1_output_patch=[after("attn1_output_patch")],
        attn2_output_patch=[after("attn2_output_patch")],
    )
    order = [layer.block for layer in LAYERS]
    assert fired == dict.fromkeys(fired, order)


@pytest.mark.parametrize("size", [SIZE, (13, 9)], ids=["even", "odd"])
def test_patches_are_told_what_comfyui_tells(unet, inputs, size):
    told = []

    def spy(n, context, value, extra):
        told.append((dict(extra), n.shape))
        return n, context, value

    x = torch.zeros(2, 16, *size)
    options = {"patches": {"attn1_patch": [spy]}, "cond_or_uncond": [1, 0], "sigmas": torch.tensor([2.0, 2.0])}
    with torch.no_grad():
        run_unet(unet, x, *inputs[1:], options)
    assert [extra["transformer_index"] for extra, _ in told] == list(range(16))
    for extra, (batch, tokens, channels) in told:
        assert extra["original_shape"] == [2, 16, *size]
        assert extra["activations_shape"][:2] == [batch, channels]
        assert extra["activations_shape"][2] * extra["activations_shape"][3] == tokens
        assert extra["n_heads"] * extra["dim_head"] == channels
        assert extra["dim_head"] == 64
        assert extra["block_index"] == 0
        assert extra["cond_or_uncond"] == [1, 0]
        assert extra["sigmas"].tolist() == [2.0, 2.0]
        assert "patches" not in extra


@pytest.mark.parametrize("kind", ["attn1", "attn2"])
def test_hooks_stand_where_comfyui_has_them(unet, inputs, kind):
    block = ("output", 4)
    layer = getattr(sd15_layers(unet)[block], kind)
    parts = {"to_q": layer.to_q, "to_k": layer.to_k, "to_v": layer.to_v, "to_out": layer.to_out[0]}
    ins, outs, seen = {}, {}, {}

    def keep(name):
        def hook(module, arguments, output):
            ins[name], outs[name] = arguments[0], output

        return hook

    def before(n, context, value, extra):
        if extra["block"] != block:
            return n, context, value
        seen["before"] = 2 * n, context + 1, value - 1
        return seen["before"]

    def instead(q, k, v, extra):
        seen["qkv"], seen["result"] = (q, k, v), q + k.mean() + v.mean()
        return seen["result"]

    def after(n, extra):
        if extra["block"] == block:
            seen["after"] = n
        return n

    handles = [module.register_forward_hook(keep(name)) for name, module in parts.items()]
    with_patches(unet, inputs, {kind: {block: instead}}, **{f"{kind}_patch": [before], f"{kind}_output_patch": [after]})
    for handle in handles:
        handle.remove()
    for name, given in zip(("to_q", "to_k", "to_v"), seen["before"], strict=True):
        assert torch.equal(ins[name], given)
    for name, given in zip(("to_q", "to_k", "to_v"), seen["qkv"], strict=True):
        assert torch.equal(outs[name], given)
    assert torch.equal(ins["to_out"], seen["result"])
    assert torch.equal(outs["to_out"], seen["after"])


def test_list_hooks_run_one_after_another(unet, inputs):
    calls = []

    def named(name):
        return lambda n, context, value, extra: (calls.append(name), (n, context, value))[1]

    with_patches(unet, inputs, attn1_patch=[named("first"), named("second")])
    assert calls == ["first", "second"] * 16


def test_the_key_with_a_place_in_the_block_goes_first(unet, inputs):
    called = []

    def named(name):
        return lambda q, k, v, extra: (called.append(name), q)[1]

    with_patches(unet, inputs, {"attn1": {("middle", 0): named("general"), ("middle", 0, 0): named("special")}})
    assert called == ["special"]


def test_middle_one_never_fires(unet, inputs):
    def fail(*_):
        raise AssertionError

    assert torch.equal(with_patches(unet, inputs, {"attn1": {("middle", 1): fail}}), plain(unet, inputs))


def test_a_later_hook_of_a_block_finds_what_an_earlier_one_left(unet, inputs):
    found = []

    def leave(n, context, value, extra):
        extra["left"] = extra["block"]
        return n, context, value

    def find(n, extra):
        found.append((extra["left"], extra["block"]))
        return n

    with_patches(unet, inputs, attn1_patch=[leave], attn2_output_patch=[find])
    assert found == [(layer.block, layer.block) for layer in LAYERS]


def test_a_run_leaves_nothing_behind(unet, inputs):
    options = {"patches": {"attn1_output_patch": [lambda n, extra: n + 1]}, "sigmas": torch.ones(2)}
    before = dict(options)
    expected = plain(unet, inputs)
    with torch.no_grad():
        patched = run_unet(unet, *inputs, options)
    assert not torch.allclose(patched, expected)
    assert options == before
    assert torch.equal(plain(unet, inputs), expected)


def test_a_patch_may_run_the_same_unet(unet, inputs):
    inner = []

    def nested(n, extra):
        if extra["block"] == ("middle", 0):
            inner.append(run_unet(unet, *inputs))
        return n

    with torch.no_grad():
        outer = run_unet(unet, *inputs, {"patches": {"attn1_output_patch": [nested]}})
    assert torch.equal(outer, inner[0])


def test_a_wrapped_unet_runs_its_patches(unet, inputs):
    """As DistributedDataParallel wraps it."""

    class Wrapper(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, *arguments, **named):
            return self.module(*arguments, **named)

    patches = {"attn1_output_patch": [lambda n, extra: n + 1]}
    assert torch.equal(with_patches(Wrapper(unet), inputs, **patches), with_patches(unet, inputs, **patches))


def test_a_patch_that_only_comfyui_runs_is_refused(unet, inputs):
    with pytest.raises(ValueError, match="'output_block_patch', which only ComfyUI runs"):
        with_patches(unet, inputs, output_block_patch=[lambda h, skip, options: (h, skip)])


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_reach_what_a_patch_holds(inputs, checkpointing):
    torch.manual_seed(0)
    unet = build_unet().train()
    if checkpointing:
        unet.enable_gradient_checkpointing()
    shift = torch.zeros(1, requires_grad=True)

    def loss(offset):
        patch = {"patches": {"attn1_output_patch": [lambda n, extra: n + offset * n.detach()]}}
        return run_unet(unet, *inputs, patch).square().mean()

    loss(shift).backward()
    with torch.no_grad():
        slope = (loss(shift + 1e-2) - loss(shift - 1e-2)) / 2e-2
    assert slope.abs() > 1e-6
    assert shift.grad.item() == pytest.approx(slope.item(), rel=0.05)
