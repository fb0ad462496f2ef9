"""The networks of garment restoration: what they see, what they are not told, and that files hold what the nodes take."""

import copy
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest
import torch

from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.lab.training.bases import load_training_base
from modiste.lab.training.restorer import (
    METHODS,
    Restorer,
    guided,
    load_restorer,
    net_file,
    new_restorer,
    prompt_file,
    prompt_states,
    save_restorer,
)
from modiste.models.attention import KeyValueConcat, run_unet
from modiste.models.base import load_text_encoder, load_unet
from modiste.models.base.tokenizer import padded_tokens
from modiste.models.restoration.categories import CATEGORIES, PROMPTS
from modiste.models.restoration.files import load_garm_net
from modiste.models.restoration.image_prompt import image_prompt_patch
from modiste.models.restoration.ip_adapter import read_image_prompt
from modiste.models.weights.tensors import read_metadata

SIZE = (8, 6)  # of the latents here
# What each network looks at.
LOOKS_AT = {
    "ours": {"person", "mask", "crop", "category"},
    "no_garmnet": {"crop", "category"},
    "concat": {"person", "mask", "category"},
}


@pytest.fixture(scope="module")
def base():
    return load_training_base(None)


@pytest.fixture(scope="module")
def fresh(base):
    """Return a network as training begins; the base's UNet is copied, since it is changed in place."""

    def build(method, **options):
        torch.manual_seed(0)
        return new_restorer(method, base=replace(base, unet=copy.deepcopy(base.unet)), **options)

    return build


@pytest.fixture(scope="module")
def restorers(fresh):
    """One network of each method, none of whose weights is nothing any more."""
    return {method: moved(fresh(method)).eval() for method in METHODS}


def moved(restorer, seed=1):
    """Move every weight that is trained a little, as training does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in restorer.parameters():
            if weight.requires_grad:
                weight.add_(0.03 * torch.randn(weight.shape, generator=generator))
    return restorer


def people(count=2, seed=3):
    """Return what can be seen of some people, all different."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "person": torch.randn(count, 16, *SIZE, generator=generator),
        "mask": (torch.rand(count, 32, 24, generator=generator) > 0.5).float(),
        "crop": torch.rand(count, 128, 128, 3, generator=generator),
        "category": torch.arange(count) % len(CATEGORIES),
    }


def noise(count, seed=4):
    return torch.randn(count, 16, *SIZE, generator=torch.Generator().manual_seed(seed))


def seen_by(restorer, told):
    with torch.no_grad():
        return restorer.see(told["person"], told["mask"], told["crop"], told["category"])


def denoised(restorer, noisy, timestep, keep, told):
    with torch.no_grad():
        return restorer.denoise(noisy, torch.tensor(timestep), torch.tensor(keep), seen_by(restorer, told))


@cache
def states(text):
    """Return the text encoder's states [1, 77, D] of a text."""
    with torch.no_grad():
        return load_text_encoder()(torch.tensor([padded_tokens(text)])).last_hidden_state


@pytest.mark.parametrize("method", METHODS)
def test_every_draw_of_every_person_gets_latents_of_its_own(restorers, method):
    found = denoised(restorers[method], noise(4), [0, 300, 600, 999], [True, True, False, True], people())
    assert found.shape == (4, 16, *SIZE) and torch.isfinite(found).all()
    assert (found[0] - found[2]).abs().max() > 0.01


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("what", ["person", "mask", "crop", "category"])
def test_who_is_told_nothing_is_told_nothing_and_who_is_told_sees_it(restorers, method, what):
    restorer, told = restorers[method], people()
    other = told | {what: (told[what] + 1) % len(CATEGORIES) if what == "category" else people(seed=8)[what]}
    keep = [True, False, False, True]
    before, after = (denoised(restorer, noise(4), [10, 200, 500, 900], keep, who) for who in (told, other))
    for row, kept in enumerate(keep):
        assert torch.equal(before[row], after[row]) == (not kept or what not in LOOKS_AT[method]), row


@pytest.mark.parametrize("method", METHODS)
def test_of_whom_nothing_is_told_all_are_alike(restorers, method):
    """Whoever it is, in whatever place of the batch: the same noise gives the same."""
    found = denoised(restorers[method], noise(1).expand(6, -1, -1, -1), [500] * 6, [False] * 6, people(3))
    assert torch.allclose(found, found[:1].expand_as(found), atol=1e-5)


@pytest.mark.parametrize("method", ["ours", "no_garmnet"])
def test_who_is_told_nothing_gets_the_base_with_an_empty_prompt_at_first(fresh, method):
    timestep = torch.tensor([20, 700])
    found = denoised(fresh(method), noise(2), timestep.tolist(), [False, False], people())
    with torch.no_grad():
        expected = load_unet()(noise(2), timestep, states("").expand(2, -1, -1)).sample
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_row_n_shows_person_n_in_every_draw(restorers, method):
    restorer, told = restorers[method], people(3)
    noisy, timestep, keep = noise(6), [50, 150, 350, 550, 750, 950], [True, True, False, True, False, True]
    together = denoised(restorer, noisy, timestep, keep, told)
    for row in range(6):
        alone = {name: tensor[row % 3 : row % 3 + 1] for name, tensor in told.items()}
        single = denoised(restorer, noisy[row : row + 1], timestep[row : row + 1], keep[row : row + 1], alone)
        assert torch.allclose(together[row], single[0], atol=1e-4), row


@pytest.mark.parametrize("method", METHODS)
def test_people_in_another_order_are_the_same_in_that_order(restorers, method):
    restorer, told, order = restorers[method], people(3), [2, 0, 1]
    rows = [*order, *(3 + place for place in order)]
    timestep, keep = [50, 150, 350, 550, 750, 950], [True, False, True, True, True, False]
    before = denoised(restorer, noise(6), timestep, keep, told)
    turned = {name: tensor[order] for name, tensor in told.items()}
    after = denoised(restorer, noise(6)[rows], [timestep[row] for row in rows], [keep[row] for row in rows], turned)
    assert torch.allclose(after, before[rows], atol=1e-4)


def test_prompts_are_those_of_the_categories_and_the_empty_one_last(base):
    found = prompt_states(base.text_encoder)
    for state, text in zip(found, [*PROMPTS.values(), ""], strict=True):
        assert torch.allclose(state, states(text)[0], atol=1e-5)


def merged(restorer):
    """Return the base's UNet with the changes added to its weights by hand."""
    plain = load_unet()
    with torch.no_grad():
        for name, module in restorer.unet.named_modules():
            if hasattr(module, "parametrizations"):
                change, weight = module.parametrizations["weight"][0], plain.get_submodule(name).weight
                weight += torch.einsum("or,ri->oi", change.up, change.down).reshape(weight.shape)
    return plain


def test_what_was_trained_is_what_the_nodes_run(restorers, tmp_path):
    """Files through the nodes' readers, and the nodes' patches on a plain UNet with the changes merged, as in a sampler's batch."""
    restorer = copy.deepcopy(restorers["ours"])
    save_restorer(restorer, tmp_path / "garment", {})
    load_restorer(restorer, tmp_path / "garment")  # rounded, as the files are
    told, noisy, timestep = people(), noise(2), torch.tensor([700, 700])
    text = torch.cat([states(PROMPTS[CATEGORIES[number]]) for number in told["category"]])

    unet = merged(restorer)
    prompt = read_image_prompt(prompt_file(tmp_path / "garment"))
    with torch.no_grad():
        features = load_garm_net(net_file(tmp_path / "garment")).net(told["person"], told["mask"], text)
        keys, values = prompt(prompt.seen(told["crop"], None))
        model = KeyValueConcat(features).install(HeadlessModel(unet, "v_prediction"))
        model = image_prompt_patch(unet, keys, values).install(model)
        options = model.model_options["transformer_options"] | {"cond_or_uncond": [0, 1]}
        states_of_both = torch.cat([text, states("").expand(2, -1, -1)])
        expected = run_unet(unet, noisy.repeat(2, 1, 1, 1), timestep.repeat(2), states_of_both, options)
    found = denoised(restorer, noisy.repeat(2, 1, 1, 1), [700] * 4, [True, True, False, False], told)
    assert (found[:2] - found[2:]).abs().max() > 0.05
    assert torch.allclose(found, expected, atol=2e-4)


def trained(restorer):
    return {name: weight for name, weight in restorer.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_written_comes_back_to_the_bit_of_half_precision(restorers, fresh, tmp_path, method):
    save_restorer(restorers[method], tmp_path / "garment", {"trained": "no"})
    files = {"garment_net.safetensors"} | ({"garment_prompt.safetensors"} if method != "concat" else set())
    assert {path.name for path in tmp_path.iterdir()} == files
    assert all(read_metadata(path)["trained"] == "no" for path in tmp_path.iterdir())
    assert all(path.stat().st_size <= 25e6 for path in tmp_path.iterdir())
    other = fresh(method)
    load_restorer(other, tmp_path / "garment")
    expected = trained(restorers[method])
    assert trained(other).keys() == expected.keys()
    unlike = [name for name, weight in trained(other).items() if not torch.equal(weight, expected[name].half().float())]
    assert not unlike
    assert torch.allclose(
        *(denoised(one, noise(2), [100, 900], [True, True], people()) for one in (other.eval(), restorers[method])), atol=0.02
    )


def test_files_without_garmnet_hold_less(restorers, tmp_path):
    for method in METHODS:
        save_restorer(restorers[method], tmp_path / method, {})
    sizes = [net_file(tmp_path / method).stat().st_size for method in METHODS]
    assert sizes[1] < sizes[2] < sizes[0] / 5  # the changes alone, and those with a first convolution


@pytest.mark.parametrize(
    ("method", "written", "refusal"),
    [
        ("ours", "no_garmnet", ValueError),
        ("ours", "concat", FileNotFoundError),
        ("concat", "ours", ValueError),
        ("concat", "no_garmnet", ValueError),
        ("no_garmnet", "concat", FileNotFoundError),
        ("no_garmnet", "ours", ValueError),
    ],
)
def test_files_of_another_method_are_refused(restorers, tmp_path, method, written, refusal):
    save_restorer(restorers[written], tmp_path / "other", {})
    with pytest.raises(refusal, match=r"other_(net|prompt)\.safetensors") as error:
        load_restorer(copy.deepcopy(restorers[method]), tmp_path / "other")
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_files_of_another_rank_are_refused(restorers, fresh, tmp_path):
    save_restorer(restorers["concat"], tmp_path / "other", {})
    with pytest.raises(ValueError, match="is of another method or size: start from a file of the same"):
        load_restorer(fresh("concat", rank=5), tmp_path / "other")


def test_missing_files_are_named(restorers, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file 'garment_net\.safetensors'"):
        load_restorer(restorers["ours"], tmp_path / "garment")


def test_a_name_with_dots_is_kept_whole(tmp_path):
    assert net_file(tmp_path / "garment.v2") == tmp_path / "garment.v2_net.safetensors"
    assert prompt_file(tmp_path / "garment.v2") == tmp_path / "garment.v2_prompt.safetensors"


class Two:
    """Predicts one thing of rows that are told something, and another of those that are not."""

    def __init__(self, told, untold, prediction):
        self.told, self.untold, self.prediction, self.rows = told, untold, prediction, []

    def denoise(self, noisy, timestep, keep, seen):
        self.rows.append((keep.tolist(), timestep.tolist()))
        assert all(torch.equal(noisy[row], noisy[row % 2]) for row in range(len(noisy)))
        return torch.where(keep.view(-1, 1, 1, 1), self.told + noisy, self.untold - noisy)


SEEN = SimpleNamespace(category=torch.tensor([0, 1]))


@pytest.mark.parametrize("guidance", [0.0, 1.5, 3.0])
def test_guidance_asks_twice_and_goes_past_what_is_told(guidance):
    model = Two(3.0, -1.0, "v_prediction")
    found = guided(model, SEEN, 2, guidance)(noise(2), torch.tensor(40))
    assert model.rows == [([True, True, False, False], [40] * 4)]
    told, untold = 3 + noise(2), -1 - noise(2)
    assert torch.allclose(found, (1 - guidance) * untold + guidance * told, atol=1e-5)


def test_without_guidance_it_asks_once():
    model = Two(3.0, -1.0, "v_prediction")
    found = guided(model, SEEN, 2, 1)(noise(2), torch.tensor(40))
    assert model.rows == [([True, True], [40, 40])]
    assert torch.equal(found, 3 + noise(2))


def test_guided_noise_becomes_v_after_guidance():
    found = guided(Two(3.0, -1.0, "epsilon"), SEEN, 2, 2.0)(noise(2), torch.tensor(999))
    predicted, share = 2 * (3 + noise(2)) - (-1 - noise(2)), 0.00466
    assert torch.allclose(found, (predicted - (1 - share) ** 0.5 * noise(2)) / share**0.5, rtol=1e-3, atol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_guidance_of_a_network_is_between_two_runs_of_it(restorers, method):
    restorer, told = restorers[method], people()
    with torch.no_grad():
        found = guided(restorer, seen_by(restorer, told), 2, 1.5)(noise(2), torch.tensor(600))
    kept, empty = (denoised(restorer, noise(2), [600, 600], [keep] * 2, told) for keep in (True, False))
    assert torch.allclose(found, empty + 1.5 * (kept - empty), atol=1e-4)


def test_a_restorer_says_what_its_base_predicts(base):
    unet = torch.nn.Identity()
    assert Restorer(unet, None, None, torch.zeros(1)).prediction == base.prediction == "v_prediction"
    assert Restorer(unet, None, None, torch.zeros(1), "epsilon").prediction == "epsilon"


def test_a_damaged_prompt_is_named(tmp_path):
    save_restorer(new_restorer("no_garmnet", 1), tmp_path / "x", {})
    (tmp_path / "x_prompt.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="x_prompt"):
        load_restorer(new_restorer("no_garmnet", 1), tmp_path / "x")
