"""The garment image prompt: its numbers against diffusers' own list of layers, its attention against equation 3 written out."""

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.models.restoration.image_encoder import GarmentEncoder
from modiste.models.restoration.image_prompt import ImagePrompt, image_prompt_patch, started
from modiste.models.restoration.projections import Projection, Resampler

from .conftest import NARROW, PLACES, one_sentence, seeded

WIDTH = 20  # of the text of the narrow UNet
TOKENS = 3


def cross_attentions(unet):
    """Return the paths of the cross-attentions by their published numbers: the odd places among diffusers' own processors."""
    plain = UNet2DConditionModel.from_config(unet.config)
    listed = list(plain.attn_processors)
    return {place: name.removesuffix(".processor") for place, name in enumerate(listed) if name.endswith("attn2.processor")}


def block_of(path):
    return PLACES[path.removesuffix(".transformer_blocks.0.attn2")]


@pytest.fixture
def prompt(unet):
    torch.manual_seed(5)
    channels = [unet.get_submodule(path).to_q.in_features for path in cross_attentions(unet).values()]
    return ImagePrompt(None, Projection(6, TOKENS, WIDTH), WIDTH, channels).eval().requires_grad_(False)


def softmax_attention(q, k, v, heads):
    """Attention with the heads side by side, one head at a time."""
    results = []
    for qh, kh, vh in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
        weights = (torch.einsum("bnd,bmd->bnm", qh, kh) / qh.shape[-1] ** 0.5).exp()
        results.append(torch.einsum("bnm,bmd->bnd", weights / weights.sum(-1, keepdim=True), vh))
    return torch.cat(results, -1)


def test_the_published_numbers_are_odd_and_the_middle_is_the_last(unet, prompt):
    numbers = cross_attentions(unet)
    assert list(numbers) == list(range(1, 32, 2))
    assert numbers[31] == "mid_block.attentions.0.transformer_blocks.0.attn2"
    assert list(prompt.ip_adapter) == [str(number) for number in numbers]


def test_each_number_is_for_the_layer_at_that_place_in_diffusers(unet, prompt):
    """All layers have weights of their own, so keys in a wrong place would show."""
    embedding = seeded(2, 6)
    tokens = prompt.image_proj(embedding)
    keys, values = prompt(embedding)
    assert len(keys) == len(values) == 16
    for number, path in cross_attentions(unet).items():
        weights = prompt.state_dict()
        expected = [tokens @ weights[f"ip_adapter.{number}.to_{kind}_ip.weight"].T for kind in "kv"]
        torch.testing.assert_close(keys[block_of(path)], expected[0], rtol=0, atol=1e-6)
        torch.testing.assert_close(values[block_of(path)], expected[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_every_cross_attention_gets_the_pictures_attention_beside_the_texts(unet, prompt, strength):
    """For each layer: what went into it is taken from the run, and what must come out is computed here."""
    plain, context = copy.deepcopy(unet), seeded(2, 7, WIDTH, seed=2)
    embedding = seeded(1, 6)
    tokens = prompt.image_proj(embedding)
    model = image_prompt_patch(unet, *prompt(embedding), strength).install(HeadlessModel(unet, "v_prediction"))
    seen = {}

    def keep(path):
        def hook(module, given, named, out):
            seen[path] = given[0], out

        return hook

    for path in cross_attentions(unet).values():
        unet.get_submodule(path).register_forward_hook(keep(path), with_kwargs=True)
    options = model.model_options["transformer_options"] | {"cond_or_uncond": [1, 0], "sigmas": torch.ones(2)}
    with torch.no_grad():
        model.predict(seeded(2, 4, 8, 6), torch.ones(2), context, options)
    assert len(seen) == 16
    for number, path in cross_attentions(unet).items():
        (n, out), layer = seen[path], plain.get_submodule(path)
        q, k, v = layer.to_q(n), layer.to_k(context), layer.to_v(context)
        attended = softmax_attention(q, k, v, layer.heads)
        k_ll, v_ll = prompt.ip_adapter[str(number)].to_k_ip(tokens), prompt.ip_adapter[str(number)].to_v_ip(tokens)
        attended[1:] += strength * softmax_attention(q[1:], k_ll, v_ll, layer.heads)  # the positive row alone
        torch.testing.assert_close(out, layer.to_out[0](attended), rtol=0, atol=1e-5)


def test_an_image_prompt_starts_with_the_texts_own_keys_and_values(unet, prompt):
    layers = [unet.get_submodule(path) for path in cross_attentions(unet).values()]
    assert started(layers, prompt) is prompt
    for number, path in cross_attentions(unet).items():
        for kind in "kv":
            own = getattr(unet.get_submodule(path), f"to_{kind}").weight
            assert torch.equal(prompt.state_dict()[f"ip_adapter.{number}.to_{kind}_ip.weight"], own)


def test_a_model_of_another_width_is_told_to_take_another_image_prompt(unet, prompt):
    patch = image_prompt_patch(unet, *prompt(seeded(1, 6)))
    wider = UNet2DConditionModel(**NARROW | {"block_out_channels": (16, 16, 24, 32)})
    with pytest.raises(ValueError, match=r"8 channels wide where this one has 16: choose an image prompt for this model") as error:
        patch.install(HeadlessModel(wider, "v_prediction"))
    one_sentence(error)


class Vision:
    """CLIP_VISION that has features ready."""

    def __init__(self, **features):
        self.features = features

    def encode_image(self, image):
        self.image = image
        return self.features


def test_a_base_adapter_sees_clips_embedding(prompt):
    vision = Vision(image_embeds=seeded(2, 6).half(), penultimate_hidden_states=seeded(2, 9, 8))
    images = torch.rand(2, 40, 40, 3)
    seen = prompt.seen(images, vision)
    assert torch.equal(seen, vision.features["image_embeds"].float())
    assert vision.image is images


def test_a_plus_adapter_sees_clips_last_states_but_one():
    resampler = Resampler(embedding=8, inner=16, depth=1, heads=1, count=5, width=WIDTH, hidden=16)
    plus = ImagePrompt(None, resampler, WIDTH, [8] * 16)
    vision = Vision(image_embeds=seeded(2, 6), penultimate_hidden_states=seeded(2, 9, 8))
    seen = plus.seen(torch.rand(2, 40, 40, 3), vision)
    assert torch.equal(seen, vision.features["penultimate_hidden_states"])
    assert plus(seen)[0]["middle", 0].shape == (2, 5, 8)


def test_clip_that_is_missing_or_of_another_width_is_one_sentence(prompt):
    images = torch.rand(1, 40, 40, 3)
    with pytest.raises(ValueError, match=r"sees with CLIP ViT-H: connect 'clip_vision' from Load CLIP Vision\.$") as error:
        prompt.seen(images, None)
    one_sentence(error)
    with pytest.raises(ValueError, match=r"gives 768 channels where this file takes 6: load its own\.$") as error:
        prompt.seen(images, Vision(image_embeds=seeded(1, 768)))
    one_sentence(error)


def test_an_encoder_of_its_own_needs_no_clip():
    torch.manual_seed(0)
    resampler = Resampler(embedding=160, inner=16, depth=1, heads=1, count=5, width=WIDTH, hidden=16)
    own = ImagePrompt(GarmentEncoder(), resampler, WIDTH, [8] * 16)
    images = torch.rand(2, 128, 128, 3)
    seen = own.seen(images, None)
    torch.testing.assert_close(seen, images.permute(0, 3, 1, 2), rtol=0, atol=1e-6)
    assert own.seen(torch.rand(1, 40, 40, 3), None).shape == (1, 3, 128, 128)
    keys, _ = own(seen)
    tokens = own.image_proj(own.image_encoder(seen))
    expected = nn.functional.linear(tokens, own.ip_adapter["31"].to_k_ip.weight)
    torch.testing.assert_close(keys["middle", 0], expected, rtol=0, atol=1e-6)


def test_the_encoder_gives_its_places_row_by_row():
    torch.manual_seed(0)
    encoder = GarmentEncoder().eval()
    crop = torch.full((1, 3, 128, 128), 0.5)
    marked = crop.clone()
    marked[..., 16:32, 96:112] = 1.0  # row 1, column 6 of 8
    with torch.no_grad():
        change = (encoder(marked) - encoder(crop)).norm(dim=-1)
    assert change.shape == (1, 64)
    assert int(change.argmax()) == 8 * 1 + 6
