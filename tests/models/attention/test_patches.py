"""The rules that every patch of ours keeps, each on the two that systems are built from."""

import copy

import pytest
import torch

from modiste.models.attention import AddedAttention, KeyValueConcat, Window, chain_replace, sd15_layers

from .conftest import SIZE, garment_maps, garment_tokens, run

KINDS = ["concat", "added", "added beside text"]
HALF = torch.cat([torch.zeros(1, SIZE[0], SIZE[1] // 2), torch.ones(1, SIZE[0], SIZE[1] // 2)], dim=2)  # its left side is 0


def patch_of(kind, model, seed=0, count=1, **settings):
    if kind == "concat":
        return KeyValueConcat(garment_maps(seed, count), **settings)
    unet = model.get_model_object("diffusion_model")
    where = "attn1" if kind == "added" else "attn2"
    return AddedAttention(unet, garment_tokens(seed, count), garment_tokens(seed + 100, count), kind=where, **settings)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def patched(kind, model, **settings):
    return patch_of(kind, model, **settings).install(model)


def test_a_patch_changes_the_picture(kind, model, inputs):
    assert (run(patched(kind, model), inputs) - run(model, inputs))[0].abs().max() > 0.01


def test_strength_zero_is_the_plain_model_to_the_bit(kind, model, inputs):
    assert torch.equal(run(patched(kind, model, strength=0.0), inputs), run(model, inputs))


def test_strength_goes_from_nothing_to_all(kind, model, inputs):
    change = [(run(patched(kind, model, strength=s), inputs) - run(model, inputs)).abs().mean() for s in (0.01, 0.5, 1.0)]
    assert change[0] < 0.1 * change[2]
    assert change[0] < change[1] < change[2]


@pytest.mark.parametrize(("sigma", "inside"), [(5.01, False), (5.0, True), (1.0, True), (0.99, False)])
def test_outside_its_window_it_is_the_plain_model_to_the_bit(kind, model, inputs, sigma, inside):
    changed = run(patched(kind, model, window=Window(start=5.0, end=1.0)), inputs, sigma=sigma)
    assert torch.equal(changed, run(model, inputs, sigma=sigma)) is not inside


def test_percents_are_shares_of_sampling(kind, model, inputs):
    sampling = model.get_model_object("model_sampling")
    first_half = patched(kind, model, window=Window.of(model, 0.0, 0.5))
    for percent, inside in ((0.1, True), (0.49, True), (0.51, False), (0.9, False)):
        sigma = float(sampling.percent_to_sigma(percent))
        assert torch.equal(run(first_half, inputs, sigma=sigma), run(model, inputs, sigma=sigma)) is not inside
    everywhere = patched(kind, model, window=Window.of(model, 0.0, 1.0))
    for sigma in (float(sampling.sigma_max), float(sampling.sigma_min)):
        assert not torch.equal(run(everywhere, inputs, sigma=sigma), run(model, inputs, sigma=sigma))


def test_a_mask_of_zeros_is_the_plain_model_to_the_bit(kind, model, inputs):
    assert torch.equal(run(patched(kind, model, mask=torch.zeros(1, *SIZE)), inputs), run(model, inputs))


def test_a_mask_of_ones_is_no_mask(kind, model, inputs):
    masked = run(patched(kind, model, mask=torch.ones(1, 64, 64)), inputs)
    torch.testing.assert_close(masked, run(patched(kind, model), inputs), rtol=0, atol=1e-6)


def test_half_a_mask_is_neither(kind, model, inputs):
    half = run(patched(kind, model, mask=HALF), inputs)[0]
    for other in (run(model, inputs), run(patched(kind, model), inputs)):
        assert (half - other[0]).abs().max() > 0.01


@pytest.mark.parametrize("parts", [(0,), (1,), (0, 1), (1, 0), (0, 0, 1)], ids=str)
def test_all_layouts_of_a_batch_agree_with_split_calls(kind, model, inputs, parts):
    changed = patched(kind, model)
    together = run(changed, inputs, rows=parts, parts=parts)  # row 0 of the inputs is the positive one
    for index, part in enumerate(parts):
        alone = run(changed, inputs, rows=(part,), parts=(part,))
        torch.testing.assert_close(together[index : index + 1], alone, rtol=0, atol=2e-5)


def test_a_garment_leaves_negative_rows_alone(kind, model, inputs):
    changed, before = run(patched(kind, model), inputs), run(model, inputs)
    torch.testing.assert_close(changed[1], before[1], rtol=0, atol=1e-5)
    assert torch.equal(run(patched(kind, model), inputs, parts=(1, 1)), run(model, inputs, parts=(1, 1)))


def test_every_image_gets_its_own_garment(kind, model, inputs):
    both = patched(kind, model, seed=3, count=2)
    x, timesteps, context = inputs
    pictures = (x[[0, 1, 0, 1]], timesteps.repeat(2), context[[0, 0, 1, 1]])  # two images, positive and then negative
    together = run(both, pictures, rows=(0, 1, 2, 3), parts=(0, 1))
    for image in range(2):
        one = patch_of(kind, model, seed=3, count=2)
        one.tensors = {block: tensor[image : image + 1] for block, tensor in one.tensors.items()}
        alone = run(one.install(model), pictures, rows=(image,), parts=(0,))
        torch.testing.assert_close(together[image : image + 1], alone, rtol=0, atol=2e-5)


def test_other_counts_of_garments_are_refused_in_one_sentence(kind, model, inputs):
    three = patched(kind, model, count=3)
    with pytest.raises(ValueError, match="There are 3 garments for a batch of 2 images: give one, or as many as images"):
        run(three, inputs, parts=(0,))


def test_a_garment_of_another_model_is_refused_in_one_sentence(model):
    wide = KeyValueConcat({("input", 1): torch.zeros(1, 320, 8, 8)})
    with pytest.raises(ValueError, match="encoded for a model that is 320 channels wide where this one has 64"):
        wide.install(model)


def test_installing_leaves_the_model_as_it_was(kind, model, inputs):
    before = run(model, inputs)
    patched(kind, model)
    assert torch.equal(run(model, inputs), before)


def test_two_patches_stack(kind, model, inputs):
    first, second = patch_of(kind, model, seed=1), patch_of(kind, model, seed=2)
    both = run(second.install(first.install(model)), inputs)
    for one in (first, second):
        assert (both - run(one.install(model), inputs))[0].abs().max() > 0.01
    silent = patch_of(kind, model, seed=2, strength=0.0)
    assert torch.equal(run(silent.install(first.install(model)), inputs), run(first.install(model), inputs))


def test_patches_of_two_kinds_stack(model, inputs):
    concat, added = patch_of("concat", model), patch_of("added", model)
    one_way = run(added.install(concat.install(model)), inputs)
    other_way = run(concat.install(added.install(model)), inputs)
    torch.testing.assert_close(one_way, other_way, rtol=0, atol=1e-5)
    assert (one_way - run(concat.install(model), inputs))[0].abs().max() > 0.01


def test_copies_of_a_model_share_the_patch(kind, model):
    patch = patch_of(kind, model)
    assert copy.deepcopy({"patches": [patch]})["patches"][0] is patch


def test_a_patch_moves_with_the_model(kind, model):
    patch = patch_of(kind, model)
    assert patch.to(torch.float16).to(torch.device("meta")) is patch
    for tensor in patch.tensors.values():
        assert (tensor.dtype, tensor.device.type) == (torch.float16, "meta")
    assert patch.models() == []


def test_a_mask_moves_with_the_patch_and_keeps_its_numbers(kind, model):
    patch = patch_of(kind, model, mask=HALF).to(torch.float16)
    assert patch.mask.dtype == torch.float32
    assert patch.to(torch.device("meta")).mask.device.type == "meta"


def test_a_patch_does_not_take_on_the_eight_bits_of_a_models_weights(kind, model):
    patch = patch_of(kind, model)
    before = {block: tensor.clone() for block, tensor in patch.tensors.items()}
    assert patch.to(torch.float8_e4m3fn) is patch
    assert all(torch.equal(tensor, before[block]) for block, tensor in patch.tensors.items())


@pytest.mark.parametrize("key", [("middle", 0), ("middle", 0, 0)])
def test_a_replacement_that_is_there_is_chained(model, inputs, key):
    theirs = model.clone()
    theirs.set_model_attn1_replace(lambda q, k, v, extra: 0.5 * v, *key)
    ours = theirs.clone()
    chain_replace(ours, "attn1", ("middle", 0), lambda q, k, v, extra, attention: attention(q, k, v))
    assert not torch.equal(run(theirs, inputs), run(model, inputs))
    assert torch.equal(run(ours, inputs), run(theirs, inputs))


def test_an_attention_that_returns_its_values_returns_the_images_own(model, inputs):
    """As perturbed-attention guidance does in the middle; elsewhere the garment is not shown here."""
    perturbed = model.clone()
    perturbed.set_model_attn1_replace(lambda q, k, v, extra: v, "middle", 0)
    maps = garment_maps()
    elsewhere = dict.fromkeys(maps.keys() - {("middle", 0)}, 0.0)
    expected = run(perturbed, inputs)
    assert not torch.equal(expected, run(model, inputs))
    assert torch.equal(run(KeyValueConcat(maps, weights=elsewhere).install(perturbed), inputs), expected)
    assert not torch.equal(run(KeyValueConcat(maps).install(perturbed), inputs), expected)


def test_tokens_merged_behind_the_garment_are_shown_it_and_before_it_are_one_sentence(model, inputs):
    def merged(n, context, value, extra):
        return n[:, ::2], context, value

    def parted(n, extra):
        return n.repeat_interleave(2, 1)

    def merging(model):
        clone = model.clone()
        clone.set_model_patch(merged, "attn1_patch")
        clone.set_model_patch(parted, "attn1_output_patch")
        return clone

    shown = run(merging(patched("concat", model)), inputs)
    assert not torch.equal(shown, run(merging(model), inputs))
    with pytest.raises(ValueError, match=r"^A patch before the garment's, .* put it behind the garment's, nearer to KSampler\.$"):
        run(patched("concat", merging(model)), inputs)


def test_a_replacement_alone_is_given_the_plain_attention(model, inputs):
    ours = model.clone()
    for block in sd15_layers(model.get_model_object("diffusion_model")):
        chain_replace(ours, "attn2", block, lambda q, k, v, extra, attention: attention(q, k, v))
    assert torch.equal(run(ours, inputs), run(model, inputs))


def test_chained_replacements_move_and_are_copied_with_the_model(model):
    existing, ours = (
        KeyValueConcat(garment_maps()),
        AddedAttention(model.get_model_object("diffusion_model"), garment_tokens(), garment_tokens()),
    )
    theirs = model.clone()
    theirs.set_model_attn1_replace(existing, "middle", 0)
    chain_replace(theirs, "attn1", ("middle", 0), ours)
    chained = theirs.model_options["transformer_options"]["patches_replace"]["attn1"]["middle", 0, 0]
    assert copy.deepcopy(chained) is chained
    chained.to(torch.float16)
    for patch in (existing, ours):
        assert {tensor.dtype for tensor in patch.tensors.values()} == {torch.float16}
