"""The patches against their papers' formulas, written out here."""

import pytest
import torch
from torch import nn

from modiste.models.attention import AddedAttention, FeatureRecorder, KeyValueConcat, chain_replace, sd15_layers

from .conftest import SIZE, garment_maps, garment_tokens, run

BLOCK = ("output", 7)  # 8 by 6 tokens here


def softmax_attention(q, k, v, heads):
    """Attention with the heads side by side, one head at a time."""
    results = []
    for qh, kh, vh in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
        scores = torch.einsum("bnd,bmd->bnm", qh, kh) / qh.shape[-1] ** 0.5
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        results.append(torch.einsum("bnm,bmd->bnd", weights, vh))
    return torch.cat(results, dim=-1)


class Spy:
    """Keeps what goes into one block's self-attention and what comes out of it, around other patches."""

    def __init__(self, model):
        self.model = model.clone()
        self.model.set_model_attn1_patch(self.before)

    def output(self, model, inputs, **layout):
        """Run `model`, which was made from this spy's, and return the input and the output of the block's self-attention."""
        model = model.clone()
        model.set_model_attn1_output_patch(self.after)
        run(model, inputs, **layout)
        return self.n, self.out

    def before(self, n, context, value, extra):
        if extra["block"] == BLOCK:
            self.n = n
        return n, context, value

    def after(self, n, extra):
        if extra["block"] == BLOCK:
            self.out = n
        return n


@pytest.fixture
def layer(unet):
    return sd15_layers(unet)[BLOCK].attn1


def tokens(feature_map):
    return feature_map.flatten(2).transpose(1, 2)


def test_concat_is_the_kept_half_of_the_papers_concatenation(model, inputs, layer):
    maps = garment_maps()
    spy = Spy(model)
    n, out = spy.output(KeyValueConcat(maps).install(spy.model), inputs)
    both = torch.cat([tokens(maps[BLOCK]), n[:1]], dim=1)  # the positive row
    q, k, v = (part(both) for part in (layer.to_q, layer.to_k, layer.to_v))
    whole = layer.to_out[0](softmax_attention(q, k, v, layer.heads))
    torch.testing.assert_close(out[:1], whole[:, -n.shape[1] :], rtol=0, atol=1e-5)


def test_two_concats_share_one_softmax(model, inputs, layer):
    first, second = garment_maps(1), garment_maps(2)
    spy = Spy(model)
    n, out = spy.output(KeyValueConcat(second).install(KeyValueConcat(first).install(spy.model)), inputs)
    seen = torch.cat([tokens(first[BLOCK]), tokens(second[BLOCK]), n[:1]], dim=1)
    expected = layer.to_out[0](softmax_attention(layer.to_q(n[:1]), layer.to_k(seen), layer.to_v(seen), layer.heads))
    torch.testing.assert_close(out[:1], expected, rtol=0, atol=1e-5)


def test_a_mask_puts_own_tokens_in_the_place_of_the_garments(model, inputs, layer):
    maps = garment_maps()
    mask = torch.cat([torch.zeros(1, 4, SIZE[1] * 2), torch.ones(1, 28, SIZE[1] * 2)], dim=1)  # not the first row of tokens
    spy = Spy(model)
    n, out = spy.output(KeyValueConcat(maps, mask=mask).install(spy.model), inputs)
    width = SIZE[1] // 2
    shown = tokens(maps[BLOCK]).clone()
    shown[:, :width] = n[:1, :width]
    seen = torch.cat([shown, n[:1]], dim=1)
    expected = layer.to_out[0](softmax_attention(layer.to_q(n[:1]), layer.to_k(seen), layer.to_v(seen), layer.heads))
    torch.testing.assert_close(out[:1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_garment_of_another_size_is_shown_whole(model, inputs, layer, dtype):
    flat = {block: torch.ones_like(value)[:, :, :1, :1].expand(-1, -1, 5, 7) for block, value in garment_maps().items()}
    spy = Spy(model)
    n, out = spy.output(KeyValueConcat(flat).to(dtype).install(spy.model), inputs)
    seen = torch.cat([torch.ones_like(n[:1]), n[:1]], dim=1)
    expected = layer.to_out[0](softmax_attention(layer.to_q(n[:1]), layer.to_k(seen), layer.to_v(seen), layer.heads))
    torch.testing.assert_close(out[:1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.7])
def test_added_attention_is_the_papers_sum_before_to_out(model, inputs, layer, unet, strength):
    keys, values = garment_tokens(1), garment_tokens(2)
    spy = Spy(model)
    n, out = spy.output(AddedAttention(unet, keys, values, strength).install(spy.model), inputs)
    q, k, v = (part(n[:1]) for part in (layer.to_q, layer.to_k, layer.to_v))
    total = softmax_attention(q, k, v, layer.heads) + strength * softmax_attention(q, keys[BLOCK], values[BLOCK], layer.heads)
    torch.testing.assert_close(out[:1], layer.to_out[0](total), rtol=0, atol=1e-5)


def test_added_attention_equals_a_replacement_with_the_added_term(model, inputs, unet):
    keys, values = garment_tokens(1), garment_tokens(2)

    def dressed(q, k, v, extra, attention):
        block, heads = extra["block"], extra["n_heads"]
        return attention(q, k, v) + 0.7 * softmax_attention(q, keys[block], values[block], heads)

    replaced = model.clone()
    for block in sd15_layers(unet):
        chain_replace(replaced, "attn1", block, dressed)
    added = AddedAttention(unet, keys, values, 0.7).install(model)
    one = {"rows": (0,), "parts": (0,)}
    torch.testing.assert_close(run(added, inputs, **one), run(replaced, inputs, **one), rtol=0, atol=2e-5)


def test_two_added_attentions_add_up(model, inputs, layer, unet):
    sets = [(garment_tokens(1), garment_tokens(2)), (garment_tokens(3), garment_tokens(4))]
    spy = Spy(model)
    twice = spy.model
    for keys, values in sets:
        twice = AddedAttention(unet, keys, values, 0.5).install(twice)
    n, out = spy.output(twice, inputs)
    q, k, v = (part(n[:1]) for part in (layer.to_q, layer.to_k, layer.to_v))
    total = softmax_attention(q, k, v, layer.heads)
    for keys, values in sets:
        total = total + 0.5 * softmax_attention(q, keys[BLOCK], values[BLOCK], layer.heads)
    torch.testing.assert_close(out[:1], layer.to_out[0](total), rtol=0, atol=1e-5)


def test_a_mask_keeps_added_attention_to_its_place(model, inputs, unet):
    mask = torch.cat([torch.zeros(1, *SIZE), torch.ones(1, *SIZE)], dim=2)
    spy = Spy(model)
    height, width = SIZE[0] // 2, SIZE[1] // 2

    def grid(**settings):
        only_here = {BLOCK: garment_tokens(1)[BLOCK]}, {BLOCK: garment_tokens(2)[BLOCK]}
        patch = AddedAttention(unet, *only_here, **settings)
        return spy.output(patch.install(spy.model), inputs)[1][0].unflatten(0, (height, width))

    masked, everywhere, nowhere = grid(mask=mask), grid(), grid(strength=0.0)
    assert torch.equal(masked[:, : width // 2], nowhere[:, : width // 2])
    assert torch.equal(masked[:, width // 2 :], everywhere[:, width // 2 :])


def test_layers_are_called_so_that_changed_ones_count(model, inputs, unet, layer):
    """As when a LoRA stands in the place of a layer."""
    keys, values = garment_tokens(1), garment_tokens(2)
    spy = Spy(model)
    patched = AddedAttention(unet, keys, values).install(spy.model)
    original = layer.to_q
    layer.to_q = nn.Sequential(original, nn.Linear(128, 128))
    try:
        n, out = spy.output(patched, inputs)
        q, k, v = (part(n[:1]) for part in (layer.to_q, layer.to_k, layer.to_v))
    finally:
        layer.to_q = original
    total = softmax_attention(q, k, v, layer.heads) + softmax_attention(q, keys[BLOCK], values[BLOCK], layer.heads)
    torch.testing.assert_close(out[:1], layer.to_out[0](total), rtol=0, atol=1e-5)


def test_recorded_features_are_what_concat_takes(model, inputs, unet):
    recorder = FeatureRecorder()
    run(recorder.install(model), inputs, rows=(0,), parts=(0,))
    assert list(recorder.features) == list(sd15_layers(unet))
    spy = Spy(model)
    n, _ = spy.output(spy.model, inputs, rows=(0,), parts=(0,))
    assert torch.equal(tokens(recorder.features[BLOCK]), n)
    itself = KeyValueConcat(recorder.features).install(model)  # keys and values twice change nothing
    expected = run(model, inputs, rows=(0,), parts=(0,))
    torch.testing.assert_close(run(itself, inputs, rows=(0,), parts=(0,)), expected, rtol=0, atol=1e-5)


def test_of_a_guided_run_the_positive_rows_are_recorded(model, inputs):
    alone, guided, negative = FeatureRecorder(), FeatureRecorder(), FeatureRecorder()
    run(alone.install(model), inputs, rows=(0,), parts=(0,))
    run(guided.install(model), inputs, rows=(1, 0), parts=(1, 0))
    run(negative.install(model), inputs, rows=(1,), parts=(1,))
    torch.testing.assert_close(guided.features[BLOCK], alone.features[BLOCK], rtol=0, atol=1e-5)
    assert negative.features == {}
