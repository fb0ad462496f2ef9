"""MODEL: what is set on a clone stays there, and patches see what core would show them."""

import pytest
import torch

from modiste.host.headless.diffusion.interface import run_once
from modiste.host.headless.diffusion.model import HeadlessModel
from modiste.host.headless.diffusion.sampling import Run, ksample

LATENT = torch.zeros(1, 16, 16, 16)


def through(n, context, value, extra_options):
    return n, context, value


def test_patches_lie_under_cores_names(model):
    model.set_model_attn1_patch(through)
    model.set_model_attn1_patch(max)
    model.set_model_attn1_output_patch(min)
    model.set_model_attn2_patch(sum)
    model.set_model_attn2_output_patch(any)
    model.set_model_attn1_replace(all, "middle", 0)
    model.set_model_attn2_replace(map, "input", 4, 0)
    assert model.model_options == {
        "transformer_options": {
            "patches": {
                "attn1_patch": [through, max],
                "attn1_output_patch": [min],
                "attn2_patch": [sum],
                "attn2_output_patch": [any],
            },
            "patches_replace": {"attn1": {("middle", 0): all}, "attn2": {("input", 4, 0): map}},
        }
    }


def test_what_is_set_on_a_clone_stays_on_it(model):
    model.set_model_attn1_patch(through)
    model.set_model_attn1_replace(through, "middle", 0)
    clone = model.clone()
    clone.set_model_attn1_patch(max)
    clone.set_model_attn1_replace(min, "middle", 0)
    clone.model_options["transformer_options"]["own"] = 1
    assert model.model_options == {
        "transformer_options": {"patches": {"attn1_patch": [through]}, "patches_replace": {"attn1": {("middle", 0): through}}}
    }
    assert clone.model_options["transformer_options"]["patches"]["attn1_patch"] == [through, max]


def test_a_clone_shares_the_weights(model):
    assert model.clone().get_model_object("diffusion_model") is model.get_model_object("diffusion_model")


def test_an_unknown_part_is_named(model):
    with pytest.raises(AttributeError, match="'latent_format'"):
        model.get_model_object("latent_format")


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_run_without_patches_is_the_bare_unet(unet, prompts, prediction):
    """The expectation is worked out in the variables of training, where the clean part and the noise share a variance of 1."""
    model = HeadlessModel(unet, prediction)
    latent = torch.randn(2, 16, 16, 16, generator=torch.Generator().manual_seed(2))
    sigma = model.model_sampling.sigmas[321]
    kept = 1 / (1 + sigma**2)
    with torch.no_grad():
        noisy = kept**0.5 * 0.18215 * latent
        output = unet(noisy, 321, prompts[0][0][0].expand(2, -1, -1)).sample
    if prediction == "epsilon":
        clean = (noisy - (1 - kept) ** 0.5 * output) / kept**0.5
    else:
        clean = kept**0.5 * noisy - (1 - kept) ** 0.5 * output
    assert torch.allclose(run_once(model, latent, prompts[0], float(sigma)), clean / 0.18215, atol=1e-4)


def test_a_patch_sees_what_the_run_is_about(model, prompts):
    seen = []

    def look(n, context, value, extra_options):
        seen.append(dict(extra_options))
        return n, context, value

    model.set_model_attn2_patch(look)
    ksample(model, prompts[0], prompts[1], LATENT, Run(0, 2, 5.0, "euler", "karras"))
    assert len(seen) == 2 * 16
    first = seen[0]
    assert first["cond_or_uncond"] == [1, 0] and len(first["uuids"]) == 2
    assert first["sample_sigmas"].tolist() == pytest.approx([14.6146, 0.0292, 0.0], abs=1e-4)
    assert first["sigmas"].tolist() == pytest.approx([14.6146], abs=1e-4)
    assert seen[16]["sigmas"].tolist() == pytest.approx([0.0292], abs=1e-4)
    assert "patches" not in first


class Moving:
    """A patch that notes where it was asked to go, and is another one there."""

    def __init__(self, helper=None):
        self.asked = []
        self.calls = 0
        self.there = None
        self.helper = helper

    def to(self, place):
        self.asked.append(place)
        self.there = self.there or Moving()
        return self.there if len(self.asked) == 1 else self

    def models(self):
        return [self.helper] if self.helper else []

    def __call__(self, n, context, value, extra_options):
        self.calls += 1
        return n, context, value


class Helper:
    def __init__(self):
        self.model = self
        self.place = None

    def to(self, place):
        self.place = place


def test_a_patch_is_moved_for_the_run_with_the_models_it_names(model, prompts):
    helper = Helper()
    patch = Moving(helper)
    model.set_model_attn1_patch(patch)
    run_once(model, LATENT, prompts[0], 1.0)
    assert patch.asked == [torch.device("cpu")] and patch.there.asked == [torch.float32]
    assert helper.place == torch.device("cpu")
    assert patch.calls == 0 and patch.there.there.calls == 16
    assert model.model_options["transformer_options"]["patches"]["attn1_patch"] == [patch]


def test_a_patch_on_a_clone_leaves_the_original_to_the_bit(model, prompts):
    run = Run(0, 2, 5.0, "euler", "normal")
    before = ksample(model, prompts[0], prompts[1], LATENT, run)
    patched = model.clone()
    patched.set_model_attn1_output_patch(lambda n, extra_options: n * 0.5)
    assert not torch.equal(ksample(patched, prompts[0], prompts[1], LATENT, run), before)
    assert torch.equal(ksample(model, prompts[0], prompts[1], LATENT, run), before)
