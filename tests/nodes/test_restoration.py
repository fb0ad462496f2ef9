"""The nodes of garment restoration on the headless host, with the tiny base and a GarmNet that has learnt nothing yet."""

import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file

from modiste import comfy_entrypoint
from modiste.host.headless import base_model, loaded, managed, with_lora
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.host.headless.executor import Executor
from modiste.host.headless.listing import all_nodes
from modiste.host.headless.schema import Nothing
from modiste.host.headless.session import Session, use
from modiste.host.headless.workflow import load_workflow
from modiste.lab.training.restorer import load_restorer, net_file, new_restorer, prompt_file, save_restorer
from modiste.models.attention import LAYERS
from modiste.models.base.keys import unet_to_diffusers
from modiste.models.restoration import garment_finder
from modiste.models.restoration.categories import CATEGORIES
from modiste.models.restoration.garm_net import GarmNet
from modiste.models.restoration.photos import closer
from modiste.nodes.garments import GarmentCrop, PersonPhoto, RestoredGarmentFinish
from modiste.nodes.restoration import GarmentImagePrompt, GarmFusDenoiser, GarmNetEncode, LoadGarmNet

NET, PROMPT = "modiste_garment_net.safetensors", "modiste_garment_prompt.safetensors"  # as the templates name them
WHOLE = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0}
EARLY = WHOLE | {"end_percent": 0.3}
SIGMA = 1.0  # late
SCALE = 0.18215  # of SD1.5's latents


@pytest.fixture(scope="module")
def trained():
    """What training begins with, shaken so that every part of it counts."""
    torch.manual_seed(0)
    restorer = new_restorer("ours", rank=2).eval().requires_grad_(False)
    for name, weight in restorer.unet.named_parameters():
        if name.endswith(".up"):
            torch.nn.init.normal_(weight, std=0.02)
    torch.nn.init.normal_(restorer.garm_net.unet.conv_in.weight[:, -1:], std=0.3)
    return restorer


@pytest.fixture(scope="module")
def session(trained, tmp_path_factory):
    """A folder in which the user's GarmNet and image prompt go before the pack's."""
    folder = tmp_path_factory.mktemp("session")
    models = folder / "models" / "modiste"
    models.mkdir(parents=True)
    (folder / "input").mkdir()
    save_restorer(trained, models / "own", {})
    net_file(models / "own").rename(models / NET)
    prompt_file(models / "own").rename(models / PROMPT)
    with use(Session(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def base(session):
    return base_model()


@pytest.fixture(scope="module")
def net(session):
    return LoadGarmNet.execute(NET).args[0]


def photos(count=1, height=64, width=48, seed=0):
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(seed))


def mask(top=8, bottom=56, left=8, right=40, height=64, width=48):
    shown = torch.zeros(1, height, width)
    shown[:, top:bottom, left:right] = 1
    return shown


def encode(net, base, images=None, masks=None, garment="upper"):
    images, masks = photos() if images is None else images, mask() if masks is None else masks
    return GarmNetEncode.execute(net, base[1], base[2], images, masks, garment, longest=1024).args[:3]


@pytest.fixture(scope="module")
def seen(net, base):
    """Features, positive and negative of one photo."""
    return encode(net, base)


@pytest.fixture(scope="module")
def own_eyes(base):
    return LoadGarmNet.execute("from the model", base[0]).args[0]


def fuse(model, features, block_weights="", **settings):
    return GarmFusDenoiser.execute(model, features, **WHOLE | settings, block_weights=block_weights).args[0]


def predict(model, positive, negative, sigma=SIGMA, parts=(1, 0), size=(8, 6)):
    """Return what a MODEL takes for the noiseless latents of a batch with these parts; 0 is positive, 1 negative."""
    channels = model.get_model_object("diffusion_model").config.in_channels
    noisy = torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(9)).repeat(len(parts), 1, 1, 1)
    text = torch.cat([(positive, negative)[part][0][0] for part in parts])
    sigmas = torch.full((len(parts),), float(sigma))
    with torch.no_grad(), model.running() as options:
        return model.predict(noisy, sigmas, text, options | {"cond_or_uncond": list(parts), "sigmas": sigmas[:1]})


def one_sentence(error):
    """Return what an error says if it is one sentence."""
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text
    return text


def test_a_garment_is_cut_out_of_every_photo(session):
    images = torch.cat([photos(2), torch.ones(2, 64, 48, 1)], -1)  # with an alpha channel, as some nodes give it
    masks = torch.cat([mask(8, 48, 10, 30), mask(0, 20, 0, 48)])
    crop, cut, *places = GarmentCrop.execute(images, masks, 48, 0.1).args
    assert crop.shape == (2, 48, 48, 3) and cut.shape == (2, 48, 48)
    assert places == [[-4, -5], [4, -19], [48, 58]]  # lefts, tops, and sides of 40 and 48 pixels and a fifth
    shown = (images[0, ..., :3] * masks[0, ..., None])[4:52, :44]  # at its own size, and 4 pixels beyond the picture
    torch.testing.assert_close(crop[0, :, 4:], shown, rtol=0, atol=1e-6)
    assert not crop[0, :, :4].any()


@pytest.mark.parametrize(
    ("masks", "told"),
    [
        (mask() * 0, "The mask is empty"),
        (torch.ones(1, 48, 64), "give a mask of the image's size"),
        (torch.ones(3, 64, 48), "There are 3 masks for 2 images"),
    ],
    ids=["empty", "turned", "three"],
)
def test_masks_that_cannot_be_used_are_one_sentence(base, net, masks, told):
    for node in (lambda: GarmentCrop.execute(photos(2), masks, 48, 0.1), lambda: encode(net, base, photos(2), masks)):
        with pytest.raises(ValueError, match=told) as error:
            node()
        one_sentence(error)


def test_a_tiny_garment_is_warned_of_and_encoded(base, net, caplog):
    features, *_ = encode(net, base, masks=mask(10, 20, 10, 20))
    assert len(features.layers) == 16
    assert "only 10 pixels large" in caplog.text


def test_garm_net_is_given_the_latent_at_its_usual_spread_the_mask_and_the_category(base, net, monkeypatch):
    _, clip, vae = base
    given, forward = [], GarmNet.forward
    monkeypatch.setattr(GarmNet, "forward", lambda self, *inputs: (given.append(inputs), forward(self, *inputs))[1])
    image, shown = photos(height=69, width=50), mask(height=69, width=50)
    _, positive, negative = encode(net, base, image, shown, "full body")
    ((latent, seen_mask, text),) = given
    near, near_mask = closer(image, shown, (72, 48))  # multiples of 8
    torch.testing.assert_close(latent, vae.encode(near) * SCALE)
    assert torch.equal(seen_mask, near_mask)
    for found, words in ((positive, "a dress on a white background"), (negative, "")):
        assert torch.equal(found[0][0], clip.encode_from_tokens_scheduled(clip.tokenize(words))[0][0])
    assert torch.equal(text, positive[0][0])


def test_strength_zero_is_the_plain_model_to_the_bit(base, seen):
    features, *words = seen
    assert features.denoiser
    assert torch.equal(predict(fuse(base[0], features, strength=0.0), *words), predict(base[0], *words))


@pytest.mark.parametrize("kind", ["garm net", "own eyes"])
def test_outside_its_window_garm_fus_is_the_plain_model_to_the_bit(base, seen, own_eyes, kind):
    """Of what is attended to: weights cannot change in the middle of a drawing, so the denoiser's LoRA has no window."""
    features, *words = seen if kind == "garm net" else encode(own_eyes, base)
    early = fuse(base[0], replace(features, denoiser={}), **EARLY)
    plain = base[0]
    assert torch.equal(predict(early, *words), predict(plain, *words))
    assert (predict(early, *words, sigma=10) - predict(plain, *words, sigma=10)).abs().max() > 1e-3


def test_block_weights_of_zero_are_the_plain_model_to_the_bit(base, seen):
    features, *words = replace(seen[0], denoiser={}), *seen[1:]
    plain, whole = predict(base[0], *words), predict(fuse(base[0], features), *words)
    assert torch.equal(predict(fuse(base[0], features, "0"), *words), plain)
    assert torch.equal(predict(fuse(base[0], features, "1, 1, 1"), *words), whole)
    without_middle = predict(fuse(base[0], features, "1, 0, 1"), *words)
    layers = {block: feature for block, feature in features.layers.items() if block != ("middle", 0)}
    assert torch.equal(without_middle, predict(fuse(base[0], replace(features, layers=layers)), *words))
    with pytest.raises(ValueError, match=r"The block weights are 'strong': give 1, 3"):
        fuse(base[0], features, "strong")


@pytest.mark.parametrize("kind", ["garm net", "own eyes", "image prompt"])
def test_the_garment_changes_the_positive_rows_alone(base, seen, own_eyes, kind):
    features, *words = encode(own_eyes, base) if kind == "own eyes" else seen
    if kind == "image prompt":
        changed = GarmentImagePrompt.execute(base[0], PROMPT, photos(1, 64, 64), **WHOLE).args[0]
    else:
        changed = fuse(base[0], replace(features, denoiser={}))
    parts = (1, 0, 0, 1)
    difference = (predict(changed, *words, parts=parts) - predict(base[0], *words, parts=parts)).abs().amax((1, 2, 3))
    assert difference[[0, 3]].max() < 1e-5 and difference[[1, 2]].min() > 1e-3


def test_an_image_prompt_at_strength_zero_or_outside_its_window_is_the_plain_model_to_the_bit(base, seen):
    words, crop = seen[1:], photos(1, 64, 64)
    plain = predict(base[0], *words)
    for settings in (WHOLE | {"strength": 0.0}, EARLY):
        assert torch.equal(predict(GarmentImagePrompt.execute(base[0], PROMPT, crop, **settings).args[0], *words), plain)
    early = GarmentImagePrompt.execute(base[0], PROMPT, crop, **EARLY).args[0]
    assert not torch.equal(predict(early, *words, sigma=10), predict(base[0], *words, sigma=10))


def test_without_a_file_the_image_prompt_node_hands_its_model_on(base):
    assert GarmentImagePrompt.execute(base[0], "none", photos(), **WHOLE).args == (base[0],)


def test_the_nodes_predict_what_the_trainer_does(trained, session, base, net, tmp_path):
    """GarmNet, image prompt, GarmFus and the denoiser's changes at once, from files, for both sides of guidance."""
    restorer = copy.deepcopy(trained)
    save_restorer(trained, tmp_path / "rounded", {})
    load_restorer(restorer, tmp_path / "rounded")
    model, _, vae = base
    image, shown = photos(seed=3), mask()
    crop = GarmentCrop.execute(image, shown, 128, 0.05).args[0]
    features, *words = encode(net, base, image, shown, "lower")
    prompted = GarmentImagePrompt.execute(model, PROMPT, crop, **WHOLE).args[0]
    found = predict(fuse(prompted, features), *words, parts=(0, 1))

    sampling = model.get_model_object("model_sampling")
    noisy = torch.randn(1, 16, 8, 6, generator=torch.Generator().manual_seed(9)).repeat(2, 1, 1, 1)
    with torch.no_grad():
        near, near_mask = closer(image, shown)
        told = restorer.see(vae.encode(near) * SCALE, near_mask, crop, torch.tensor([CATEGORIES.index("lower")]))
        timestep = sampling.timestep(torch.tensor([SIGMA, SIGMA])).float()
        v = restorer.denoise(noisy / (1 + SIGMA**2) ** 0.5, timestep, torch.tensor([True, False]), told)
    expected = noisy / (1 + SIGMA**2) - v * SIGMA / (1 + SIGMA**2) ** 0.5  # x0 of v-prediction
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)
    assert (found - predict(model, *words, parts=(0, 1))).abs().amax((1, 2, 3)).min() > 0.01


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_the_denoisers_changes_go_with_the_strength(base, seen, strength):
    """The same weights, changed here one by one."""
    features, *words = seen
    unet = copy.deepcopy(base[0].get_model_object("diffusion_model"))
    weights, lora = dict(unet.named_parameters()), features.denoiser
    for key in [key for key in lora if key.endswith(".lora_up.weight")]:
        layer = key.removesuffix(".lora_up.weight")
        up, down = (lora[f"{layer}.lora_{name}.weight"].float() for name in ("up", "down"))
        (name,) = unet_to_diffusers({layer.removeprefix("diffusion_model.") + ".weight": up})
        weights[name].data += strength * (up.flatten(1) @ down.flatten(1)).view(weights[name].shape)
    merged = HeadlessModel(unet, "v_prediction")
    fused = fuse(base[0], features, "0", strength=strength)  # nothing to attend to
    before = predict(base[0], *words)
    torch.testing.assert_close(predict(fused, *words), predict(merged, *words), rtol=0, atol=1e-4)
    assert (predict(fused, *words) - before).abs().max() > 0.01
    changed = with_lora(base[0], features.denoiser, strength)
    assert torch.equal(predict(changed, *words), predict(fused, *words))
    assert torch.equal(predict(base[0], *words), before)  # the base itself is as it was


def test_the_changes_of_one_garm_net_count_once_however_it_was_loaded_and_as_strong_as_the_strongest(session, base, seen):
    features, *words = seen
    again = encode(LoadGarmNet.execute(NET).args[0], base)[0]
    assert again.denoiser is not features.denoiser
    once = predict(fuse(base[0], features, "0"), *words)
    for first, second in ((1.0, 1.0), (0.2, 1.0), (1.0, 0.2)):
        twice = fuse(fuse(base[0], features, "0", strength=first), again, "0", strength=second)
        torch.testing.assert_close(predict(twice, *words), once, rtol=0, atol=1e-5)
    other = replace(again, denoiser={name: 2 * tensor for name, tensor in again.denoiser.items()})
    assert (predict(fuse(fuse(base[0], features, "0"), other, "0"), *words) - once).abs().max() > 0.01


@pytest.mark.parametrize("eyes", ["net", "own_eyes"])
def test_photos_are_looked_at_one_by_one_and_each_is_seen_as_if_alone(session, base, eyes, request):
    net = request.getfixturevalue(eyes)
    images, masks = photos(3), torch.cat([mask(), mask(0, 30), mask(20, 64)])
    together = encode(net, base, images, masks)[0]
    for number in range(3):
        alone = encode(net, base, images[number : number + 1], masks[number : number + 1])[0]
        for block, feature in alone.layers.items():
            torch.testing.assert_close(together.layers[block][number : number + 1], feature, rtol=0, atol=1e-4)
    shared = encode(net, base, images, masks[:1])[0].layers
    assert all((together.layers[block][1] - shared[block][1]).abs().max() > 1e-3 for block in shared)  # each one's own mask counts
    told = []
    reporter = SimpleNamespace(advance=lambda done, total: told.append((done, total)))
    with use(replace(session, reporter=reporter)):
        encode(net, base, images, masks)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("denoiser", "told"),
    [
        ({"diffusion_model.middle_block.1.proj_in.lora_up.weight": torch.zeros(128, 2)}, "fit no layer of this model"),
        (
            {
                "diffusion_model.middle_block.1.proj_in.lora_up.weight": torch.zeros(1280, 2, 1, 1),
                "diffusion_model.middle_block.1.proj_in.lora_down.weight": torch.zeros(2, 1280, 1, 1),
            },
            "made for a model of another size",
        ),
    ],
    ids=["half of a change", "another size"],
)
def test_changes_that_do_not_fit_the_denoiser_are_one_sentence(base, seen, denoiser, told):
    with pytest.raises(ValueError, match=told) as error:
        fuse(base[0], replace(seen[0], denoiser=denoiser))
    one_sentence(error)


def test_a_module_in_the_hosts_care_comes_on_the_device_of_the_session(tmp_path):
    handle = managed(torch.nn.Linear(3, 2))
    assert loaded(handle).weight.device.type == "cpu"
    with use(Session(tmp_path, device="meta")):
        assert loaded(handle).weight.device.type == "meta"


def test_with_its_own_eyes_a_model_sees_and_shows_only_what_the_mask_shows(base, own_eyes):
    image, shown = photos(1, 128, 128), mask(0, 128, 0, 64, 128, 128)  # the left half: whole places at every level
    features, *words = encode(own_eyes, base, image, shown)
    assert features.denoiser == {} and torch.equal(features.mask, shown)
    elsewhere = torch.where(shown[..., None] > 0, image, 1 - image)
    other = encode(own_eyes, base, elsewhere, shown)[0]
    assert all(torch.equal(other.layers[block], features.layers[block]) for block in features.layers)

    def right_half_changed(amount):
        layers = {block: feature.clone() for block, feature in features.layers.items()}
        for feature in layers.values():
            feature[..., feature.shape[-1] // 2 :] += amount
        return predict(fuse(base[0], replace(features, layers=layers)), *words, size=(16, 16))

    assert torch.equal(right_half_changed(5.0), right_half_changed(0.0))
    left = encode(own_eyes, base, torch.where(shown[..., None] > 0, 1 - image, image), shown)[0]
    assert all((left.layers[block] - features.layers[block]).abs().max() > 0.01 for block in features.layers)
    assert (right_half_changed(0.0) - predict(base[0], *words, size=(16, 16)))[1].abs().max() > 1e-3


class OtherVae:
    """A VAE with SD1.5's four channels."""

    def encode(self, pixels):
        return torch.zeros(len(pixels), 4, pixels.shape[1] // 8, pixels.shape[2] // 8)


class OtherClip:
    """A text encoder as wide as SD1.5's."""

    def tokenize(self, text):
        return text

    def encode_from_tokens_scheduled(self, tokens):
        return [[torch.zeros(1, 77, 768), {}]]


def test_the_vae_or_clip_of_another_base_is_one_sentence(base, net):
    model, clip, vae = base
    with pytest.raises(ValueError, match=r"gives latents of 4 channels where the network takes 16") as error:
        encode(net, (model, clip, OtherVae()))
    one_sentence(error)
    with pytest.raises(ValueError, match=r"text is 768 wide where the network takes 192") as error:
        encode(net, (model, OtherClip(), vae))
    one_sentence(error)


@pytest.fixture(scope="module")
def sdxl():
    """A model with SDXL's places for attention, and only two levels of it."""
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(1, 2, 2),
        cross_attention_dim=20,
        norm_num_groups=4,
    )
    return HeadlessModel(unet, "epsilon")


def test_a_model_that_is_not_sd15_shaped_is_one_sentence_at_every_node(seen, sdxl):
    nodes = [
        lambda: LoadGarmNet.execute("from the model", sdxl),
        lambda: fuse(sdxl, seen[0]),
        lambda: GarmentImagePrompt.execute(sdxl, PROMPT, photos(1, 64, 64), **WHOLE),
    ]
    for node in nodes:
        with pytest.raises(ValueError, match=r"SD1\.5-shaped model, and the one given has other attention layers") as error:
            node()
        one_sentence(error)


def test_features_and_image_prompts_of_another_width_are_one_sentence(base, seen):
    wide = replace(seen[0], layers={block: feature.repeat(1, 5, 1, 1) for block, feature in seen[0].layers.items()})
    with pytest.raises(ValueError, match=r"320 channels wide where this one has 64: encode it with the checkpoint") as error:
        fuse(base[0], wide)
    one_sentence(error)


def test_from_the_model_without_a_model_is_one_sentence(session):
    with pytest.raises(ValueError, match=r"^'from the model' has no model: connect an SD1\.5 model, or choose a file\.$"):
        LoadGarmNet.execute("from the model")


def test_a_missing_file_is_named(session, base):
    with pytest.raises(FileNotFoundError, match=r"'gone\.safetensors'"):
        LoadGarmNet.execute("gone.safetensors")
    with pytest.raises(FileNotFoundError, match=r"'gone\.bin'"):
        GarmentImagePrompt.execute(base[0], "gone.bin", photos(), **WHOLE)


class Vision:
    """CLIP_VISION that gives the same embedding for each picture."""

    def __init__(self, width):
        self.width = width

    def encode_image(self, image):
        return {"image_embeds": torch.ones(len(image), self.width), "penultimate_hidden_states": torch.ones(len(image), 5, 9)}


def test_an_ip_adapter_file_of_the_models_width_works_with_clip_vision(session, base, seen):
    """A made-up one, as wide as the tiny base."""
    order = [place for name in ("down", "up", "mid") for place in range(16) if LAYERS[place].diffusers.startswith(name)]
    generator = torch.Generator().manual_seed(0)
    unet = base[0].get_model_object("diffusion_model")
    state = {"image_proj.proj.weight": torch.ones(4 * 192, 12), "image_proj.proj.bias": torch.randn(4 * 192, generator=generator)}
    state |= {"image_proj.norm.weight": torch.ones(192), "image_proj.norm.bias": torch.zeros(192)}
    for number, place in enumerate(order):
        channels = unet.get_submodule(LAYERS[place].diffusers).attn2.to_q.in_features
        for kind in "kv":
            state[f"ip_adapter.{2 * number + 1}.to_{kind}_ip.weight"] = torch.randn(channels, 192, generator=generator) / 14
    save_file(state, session.base / "models" / "modiste" / "adapter.safetensors")

    def prompted(clip_vision=None):
        return GarmentImagePrompt.execute(base[0], "adapter.safetensors", photos(), **WHOLE, clip_vision=clip_vision).args[0]

    words = seen[1:]
    difference = (predict(prompted(Vision(12)), *words) - predict(base[0], *words)).abs().amax((1, 2, 3))
    assert difference[0] < 1e-5 and difference[1] > 0.01
    with pytest.raises(ValueError, match=r"CLIP Vision gives 9 channels where this file takes 12: load its own") as error:
        prompted(Vision(9))
    one_sentence(error)
    with pytest.raises(ValueError, match=r"connect 'clip_vision' from Load CLIP Vision") as error:
        prompted()
    one_sentence(error)


def test_finishing_takes_pictures_with_an_alpha_channel(session):
    image = torch.full((1, 32, 24, 4), 0.98)
    image[:, 8:20, 6:18] = 0.2
    pictures, masks = RestoredGarmentFinish.execute(image, 0.06, 0).args
    assert pictures.shape == (1, 32, 24, 3) and masks.sum() == 12 * 12
    assert pictures[0, 0, 0].tolist() == [1, 1, 1]


def test_a_photo_of_nobody_is_one_sentence(session, monkeypatch):
    monkeypatch.setattr(garment_finder, "found_garments", lambda images: torch.zeros(images.shape[:3], dtype=torch.long))
    Image.new("RGB", (40, 60), "white").save(session.input_folder / "nobody.png")
    with pytest.raises(ValueError, match=r"^No garment was found in the photo: use Load Image, and paint the garment") as error:
        PersonPhoto.execute("nobody.png", 0, 64, 64)
    one_sentence(error)


FOLLOWING = ("KSampler", "VAEDecode", "ModisteRestoredGarmentFinish", "SaveImage")  # in each row


def test_a_workflow_looks_once_at_each_garment_and_not_again_for_another_seed(session, monkeypatch):
    looked = []
    forward = GarmNet.forward
    monkeypatch.setattr(GarmNet, "forward", lambda self, *given: (looked.append(1), forward(self, *given))[1])
    nodes = all_nodes(comfy_entrypoint())
    prompt = load_workflow(Path(__file__).parents[2] / "workflows" / "restore_garment_tiny.json", nodes)
    by_type = {}
    for node_id, node in prompt.items():
        by_type.setdefault(node["class_type"], []).append(node_id)
    for sampler in by_type["KSampler"]:
        prompt[sampler]["inputs"] |= {"steps": 1, "seed": 1}
    for sized in by_type["ModistePersonPhoto"]:
        prompt[sized]["inputs"] |= {"width": 96, "height": 128}
    executor = Executor(nodes, session)
    first = executor.run(prompt)
    (person,) = by_type["ModistePersonPhoto"]
    image, *masks = (items[0] for items in first.results[person].outputs)
    worn = [category for category, one in zip(CATEGORIES, masks, strict=True) if not isinstance(one, Nothing)]
    assert image.shape == (1, 128, 96, 3) and worn and len(worn) < 3
    assert len(looked) == len(worn)
    pictures = [path.name for path in first.files]
    assert sorted(pictures) == sorted(["person_00001_.png", *(f"restored_{one.replace(' ', '_')}_00001_.png" for one in worn)])

    for sampler in by_type["KSampler"]:
        prompt[sampler]["inputs"]["seed"] = 2
    again = executor.run(prompt)
    assert len(looked) == len(worn)
    assert again.nodes_run == len(FOLLOWING) * len(worn)
    assert sum(path.name.endswith("_00002_.png") for path in again.files) == len(worn)
