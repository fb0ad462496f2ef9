"""Noise levels: against SD1.5's published numbers and the formulas worked out with numpy in double precision."""

import numpy as np
import pytest
import torch

from modiste.host.headless.diffusion.noise import ModelSampling
from modiste.host.headless.diffusion.schedules import SCHEDULES, sigmas_for

NOISE = ModelSampling("epsilon")


def training_sigmas():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    return np.sqrt((1 - kept) / kept)


def near(sigmas, expected):
    return np.allclose(np.asarray(sigmas), expected, rtol=2e-6, atol=0)


def test_the_sigmas_are_those_of_sd15s_training():
    assert near(NOISE.sigmas, training_sigmas())
    assert float(NOISE.sigma_min) == pytest.approx(0.0292, abs=1e-4)
    assert float(NOISE.sigma_max) == pytest.approx(14.6146, abs=1e-4)


def test_timesteps_and_sigmas_are_each_others_inverse():
    timesteps = torch.arange(1000)
    assert torch.equal(NOISE.timestep(NOISE.sigma(timesteps)), timesteps)


def test_a_sigma_between_two_timesteps_takes_the_nearer_in_logarithms():
    low, high = NOISE.sigmas[10].double(), NOISE.sigmas[11].double()
    between = torch.stack([low**0.51 * high**0.49, low**0.49 * high**0.51]).float()
    assert NOISE.timestep(between).tolist() == [10, 11]


def test_a_timestep_between_two_has_the_geometric_mean_of_their_sigmas():
    assert float(NOISE.sigma(torch.tensor(10.5))) == pytest.approx(float((NOISE.sigmas[10] * NOISE.sigmas[11]) ** 0.5), rel=1e-6)


def test_percent_runs_from_all_noise_to_none():
    assert NOISE.percent_to_sigma(0.0) > 1e8
    assert NOISE.percent_to_sigma(1.0) == 0.0
    expected = np.exp(np.interp(0.75 * 999, np.arange(1000), np.log(training_sigmas())))
    assert NOISE.percent_to_sigma(0.25) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("steps", [1, 7, 20])
def test_normal_takes_timesteps_in_equal_distances(steps):
    timesteps = np.linspace(999, 0, steps)
    expected = np.exp(np.interp(timesteps, np.arange(1000), np.log(training_sigmas())))
    assert np.allclose(sigmas_for(NOISE, "normal", steps), [*expected, 0], rtol=1e-4)


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_karras_takes_seventh_roots_in_equal_distances(steps):
    roots = np.linspace(training_sigmas()[-1] ** (1 / 7), training_sigmas()[0] ** (1 / 7), steps)
    assert np.allclose(sigmas_for(NOISE, "karras", steps), [*roots**7, 0], rtol=1e-5)


def test_ddim_uniform_takes_every_nth_timestep_from_the_second():
    assert near(sigmas_for(NOISE, "ddim_uniform", 10), [*training_sigmas()[901::-100], 0])


def test_ddim_uniform_has_more_steps_where_their_number_does_not_divide_1000():
    sigmas = sigmas_for(NOISE, "ddim_uniform", 30)
    assert near(sigmas, [*training_sigmas()[991::-33], 0])
    assert len(sigmas) == 32


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_sigmas_fall_to_zero(schedule, steps):
    sigmas = sigmas_for(NOISE, schedule, steps)
    assert len(sigmas) == steps + 1
    assert (sigmas.diff() < 0).all() and sigmas[-1] == 0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_denoising_in_part_takes_the_end_of_a_longer_run(schedule):
    assert torch.equal(sigmas_for(NOISE, schedule, 6, 0.6), sigmas_for(NOISE, schedule, 10)[-7:])
    assert torch.equal(sigmas_for(NOISE, schedule, 6, 1.0), sigmas_for(NOISE, schedule, 6))
    assert len(sigmas_for(NOISE, schedule, 6, 0.0)) == 0


@pytest.mark.parametrize(("prediction", "output"), [("epsilon", "noise"), ("v_prediction", "v")])
@pytest.mark.parametrize("timestep", [0, 400, 999])
def test_a_perfect_output_gives_the_clean_latent(prediction, output, timestep):
    sampling = ModelSampling(prediction)
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 5, 5, generator=generator)
    sigma = sampling.sigmas[[timestep] * 3]
    kept = 1 / (1 + float(sigma[0]) ** 2)  # alpha-bar
    outputs = {"noise": noise, "v": kept**0.5 * noise - (1 - kept) ** 0.5 * clean}
    noisy = sampling.noise_scaling(sigma, noise, clean)
    assert torch.allclose(sampling.calculate_denoised(sigma, outputs[output], noisy), clean, atol=1e-5)
    in_training = kept**0.5 * clean + (1 - kept) ** 0.5 * noise
    assert torch.allclose(sampling.calculate_input(sigma, noisy), in_training, atol=1e-5)


def test_a_run_from_pure_noise_starts_with_the_variance_of_training():
    sigma = NOISE.sigma_max
    noise = torch.ones(1, 4, 2, 2)
    started = NOISE.noise_scaling(sigma, noise, torch.zeros(1, 4, 2, 2), max_denoise=True)
    assert torch.allclose(NOISE.calculate_input(sigma, started), noise, atol=1e-6)
