"""Weights by block of keys and values from a garment: each block has a strength of its own."""

import pytest
import torch

from modiste.models.attention import LAYERS, KeyValueConcat, sd15_layers

from .conftest import garment_maps, run

BLOCKS = [layer.block for layer in LAYERS]


def patched(model, inputs, blocks=BLOCKS, strength=1.0, weights=None, **settings):
    maps = garment_maps()
    patch = KeyValueConcat({block: maps[block] for block in blocks}, strength, weights=weights, **settings)
    return run(patch.install(model), inputs)


@pytest.mark.parametrize("weights", [dict.fromkeys(BLOCKS, 1.0), {}, {("middle", 0): 1.0}], ids=["all", "none named", "one named"])
def test_weights_of_one_are_no_weights_to_the_bit(model, inputs, weights):
    assert torch.equal(patched(model, inputs, weights=weights), patched(model, inputs))


@pytest.mark.parametrize("block", [("input", 1), ("middle", 0), ("output", 11)], ids=str)
def test_weight_zero_in_a_block_is_no_patch_there_to_the_bit(model, inputs, block):
    others = [other for other in BLOCKS if other != block]
    without = patched(model, inputs, weights={block: 0.0})
    assert torch.equal(without, patched(model, inputs, others))
    assert not torch.equal(without, patched(model, inputs))


def test_weight_zero_in_all_blocks_is_the_plain_model_to_the_bit(model, inputs):
    assert torch.equal(patched(model, inputs, weights=dict.fromkeys(BLOCKS, 0.0)), run(model, inputs))


def test_a_block_that_is_not_named_counts_whole(model, inputs):
    named = {block: 0.0 for block in BLOCKS if block[0] == "input"}
    rest = [block for block in BLOCKS if block[0] != "input"]
    assert torch.equal(patched(model, inputs, weights=named), patched(model, inputs, rest))


@pytest.mark.parametrize(("strength", "weight"), [(1.0, 0.25), (0.5, 0.5), (0.25, 1.0)])
def test_a_weight_times_the_strength_mixes_garment_and_own_tokens(model, inputs, unet, strength, weight):
    """What the block's attention gives, against attention over a quarter of the garment and the picture, written out."""
    block, seen = ("output", 7), {}
    layer = sd15_layers(unet)[block].attn1

    def keep(module, given, out):
        seen["n"], seen["out"] = given[0], out

    handle = layer.register_forward_hook(keep)
    patched(model, inputs, strength=strength, weights={block: weight})
    handle.remove()
    n, maps = seen["n"][:1], garment_maps()[block]  # of the positive row
    keys = torch.cat([0.25 * maps.flatten(2).transpose(1, 2) + 0.75 * n, n], dim=1)
    q, k, v = (part.unflatten(-1, (layer.heads, -1)).movedim(-2, 1) for part in (layer.to_q(n), layer.to_k(keys), layer.to_v(keys)))
    scores = (torch.einsum("bhnd,bhmd->bhnm", q, k) / 64**0.5).softmax(-1)
    expected = layer.to_out[0](torch.einsum("bhnm,bhmd->bhnd", scores, v).movedim(1, -2).flatten(-2))
    torch.testing.assert_close(seen["out"][:1], expected, rtol=0, atol=1e-5)


def test_a_weight_goes_with_a_mask(model, inputs):
    half = torch.full((1, 16, 12), 0.5)
    masked = patched(model, inputs, weights=dict.fromkeys(BLOCKS, 0.5), mask=half)
    torch.testing.assert_close(masked, patched(model, inputs, strength=0.25), rtol=0, atol=1e-6)


def test_the_negative_row_is_left_alone(model, inputs):
    changed, before = patched(model, inputs, weights={("input", 1): 0.5, ("middle", 0): 0.0}), run(model, inputs)
    torch.testing.assert_close(changed[1], before[1], rtol=0, atol=1e-5)
    assert (changed[0] - before[0]).abs().max() > 0.01
