"""KSampler's runs: noise from the seed, scaling, masks and parts of a schedule."""

import pytest
import torch

from modiste.host.headless.diffusion.sampling import Run, ksample, seeded_noise

SCALE = 0.18215


class Known:
    """A model whose x0 is always the same, and which notes what it was given."""

    def __init__(self, model, clean=0.0):
        self.model_sampling = model.model_sampling
        self.running, self.channels = model.running, model.channels
        self.clean = clean
        self.seen = []

    def predict(self, x, sigma, context, options):
        self.seen.append(x)
        return torch.full_like(x, self.clean)


def sampled(model, latent, run, mask=None):
    prompt = [[torch.zeros(1, 77, 192), {}]]
    return ksample(model, prompt, prompt, latent, run, mask)


def random_latent(seed, batch=2):
    return torch.randn(batch, 16, 16, 16, generator=torch.Generator().manual_seed(seed)) * 4


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_noise_is_what_torch_draws_after_its_seed_is_set(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        expected = torch.randn(3, 4, 5, 6)
    assert torch.equal(seeded_noise(torch.zeros(3, 4, 5, 6), seed), expected)


def test_a_run_leaves_torchs_own_seed_alone(model):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    sampled(Known(model), random_latent(0), Run(5, 2, 1.0, "euler", "normal"))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_seed_gives_the_same_latents_and_another_others(model, prompts):
    latent = torch.zeros(1, 16, 16, 16)
    first, again, other = (ksample(model, prompts[0], prompts[1], latent, Run(s, 2, 3.0, "euler", "normal")) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=0.1)


def test_an_image_of_a_batch_is_made_as_it_would_be_alone(model, prompts):
    latent = random_latent(1)
    run = Run(4, 3, 4.0, "dpmpp_2m", "karras", denoise=0.7, add_noise=False)
    together = ksample(model, prompts[0], prompts[1], latent, run)
    alone = ksample(model, prompts[0], prompts[1], latent[1:], run)
    assert torch.allclose(together[1:], alone, atol=1e-3)


@pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m"])
def test_latents_come_back_scaled_as_they_went_in(model, sampler):
    result = sampled(Known(model, clean=SCALE * 3), random_latent(0), Run(0, 3, 1.0, sampler, "normal"))
    assert torch.allclose(result, torch.full_like(result, 3.0), atol=1e-4)


def test_a_whole_run_starts_from_noise_of_trainings_variance_and_a_part_from_the_latent_with_noise(model):
    latent, known = random_latent(0), Known(model)
    sampled(known, latent, Run(8, 4, 1.0, "euler", "normal"))
    top = model.model_sampling.sigma_max
    assert torch.allclose(known.seen[0], latent * SCALE + seeded_noise(latent, 8) * (1 + top**2) ** 0.5, atol=1e-5)
    known = Known(model)
    sampled(known, latent, Run(8, 4, 1.0, "euler", "normal", denoise=0.5))
    sigma = model.model_sampling.sigma(torch.linspace(999, 0, 8)[4])
    assert torch.allclose(known.seen[0], latent * SCALE + seeded_noise(latent, 8) * sigma, atol=1e-5)


def test_no_denoising_gives_the_latents_back(model):
    latent = random_latent(0)
    assert torch.equal(sampled(model, latent, Run(0, 4, 5.0, "euler", "normal", denoise=0.0)), latent)


def test_a_run_in_two_parts_is_the_whole_run(model, prompts):
    latent = random_latent(0)
    whole = ksample(model, prompts[0], prompts[1], latent, Run(3, 4, 4.0, "euler", "karras"))
    half = ksample(model, prompts[0], prompts[1], latent, Run(3, 4, 4.0, "euler", "karras", first=0, last=2))
    rest = ksample(model, prompts[0], prompts[1], half, Run(9, 4, 4.0, "euler", "karras", first=2, last=99, add_noise=False))
    assert torch.allclose(rest, whole, atol=1e-3)


def test_a_part_may_end_without_noise(model):
    run = Run(3, 4, 1.0, "euler", "karras", first=1, last=3, full_denoise=True)
    result = sampled(Known(model, clean=SCALE * 2), random_latent(0), run)
    assert torch.allclose(result, torch.full_like(result, 2.0), atol=1e-4)


def test_a_part_that_begins_after_the_end_gives_the_latents_back(model):
    latent = random_latent(0)
    assert torch.equal(sampled(model, latent, Run(3, 4, 1.0, "euler", "karras", first=4)), latent)


@pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m"])
def test_what_lies_outside_the_mask_stays(model, sampler):
    latent = random_latent(0)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., :64] = 1
    result = sampled(Known(model, clean=SCALE * 9), latent, Run(1, 3, 1.0, sampler, "normal"), mask)
    assert torch.allclose(result[..., :7], torch.full_like(result[..., :7], 9.0), atol=1e-4)
    assert torch.allclose(result[..., 9:], latent[..., 9:], atol=1e-4)


@pytest.mark.parametrize(("sampler", "seed"), [("euler", 5), ("dpmpp_2m", 5), ("ddim", 6)])
def test_outside_the_mask_the_model_sees_the_image_with_noise(model, sampler, seed):
    latent, known = random_latent(0), Known(model)
    sampled(known, latent, Run(5, 3, 1.0, sampler, "normal", denoise=0.5), torch.zeros(1, 1, 8, 8))
    sigma = model.model_sampling.sigma(torch.linspace(999, 0, 6)[3])
    assert torch.allclose(known.seen[0], latent * SCALE + seeded_noise(latent, seed) * sigma, atol=1e-5)


def test_latents_of_another_vae_are_refused(model):
    with pytest.raises(ValueError, match=r"The latent has 4 channels and the model takes 16"):
        sampled(model, torch.ones(1, 4, 8, 8), Run(0, 1, 1.0, "euler", "normal"))


def test_empty_latents_take_the_models_channels(model):
    run = Run(5, 1, 1.0, "euler", "normal")
    assert torch.equal(sampled(model, torch.zeros(1, 4, 8, 8), run), sampled(model, torch.zeros(1, 16, 8, 8), run))
