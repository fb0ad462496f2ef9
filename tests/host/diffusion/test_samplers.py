"""Samplers: against textbook formulas in other variables and double precision, and an equation whose solution is known."""

import math

import pytest
import torch

from modiste.host.headless.diffusion.samplers import SAMPLERS, dpmpp_2m, euler

SIGMAS = torch.tensor([14.6, 9.0, 4.1, 1.7, 0.6, 0.1, 0.0], dtype=torch.float64)
SPREAD = 0.8  # of the data, in the equation with a known solution


def curved(x, sigma):
    """Some denoiser that is neither linear in the latent nor in sigma."""
    return torch.tanh(x / (1 + sigma**2) ** 0.5) + 0.1 * torch.cos(3 * sigma.log())


def start():
    return 14.6 * torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def variance_preserving(sigma):
    """Return alpha and sigma of the same noise level where their squares sum to 1."""
    alpha = 1 / math.sqrt(1 + float(sigma) ** 2)
    return alpha, alpha * float(sigma)


def test_euler_is_ddim_in_other_variables():
    alpha, noise_share = variance_preserving(SIGMAS[0])
    z = start() * alpha
    for index in range(len(SIGMAS) - 1):
        clean = curved(z / alpha, SIGMAS[index])
        noise = (z - alpha * clean) / noise_share
        alpha, noise_share = variance_preserving(SIGMAS[index + 1])
        z = alpha * clean + noise_share * noise  # Song et al. 2021, equation 12 with eta 0
    assert torch.allclose(euler(curved, start(), SIGMAS), z / alpha, atol=1e-12)
    assert SAMPLERS["ddim"] is euler


def test_dpmpp_2m_is_the_papers_algorithm():
    """Lu et al. 2022, algorithm 2, in alpha, sigma and half log-SNR; the last step, to no noise, is of first order."""
    levels = [variance_preserving(sigma) for sigma in SIGMAS]
    logs = [math.log(alpha / share) if share else math.inf for alpha, share in levels]
    z, before = start() * levels[0][0], None
    for index in range(1, len(SIGMAS)):
        (alpha_s, share_s), (alpha_t, share_t) = levels[index - 1], levels[index]
        clean = curved(z / alpha_s, SIGMAS[index - 1])
        step = logs[index] - logs[index - 1]
        target = clean
        if before is not None and share_t:
            r = (logs[index - 1] - logs[index - 2]) / step
            target = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * before
        z = share_t / share_s * z - alpha_t * math.expm1(-step) * target
        before = clean
    assert torch.allclose(dpmpp_2m(curved, start(), SIGMAS), z, atol=1e-12)


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (dpmpp_2m, 2)])
def test_errors_fall_with_the_samplers_order(sampler, order):
    """For data that is a Gaussian, the best denoiser and the whole path of the equation are known."""

    def best(x, sigma):
        return x * SPREAD**2 / (SPREAD**2 + sigma**2)

    def error(steps):
        sigmas = torch.linspace(math.log(10), math.log(0.1), steps + 1, dtype=torch.float64).exp()
        exact = start() * ((SPREAD**2 + 0.1**2) / (SPREAD**2 + 10**2)) ** 0.5
        return float((sampler(best, start(), sigmas) - exact).abs().max())

    assert math.log2(error(100) / error(200)) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_last_step_gives_what_the_denoiser_saw(sampler):
    seen = []

    def remember(x, sigma):
        seen.append(curved(x, sigma))
        return seen[-1]

    assert torch.allclose(SAMPLERS[sampler](remember, start(), SIGMAS), seen[-1], atol=1e-12)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_step_is_reported_and_can_stop_the_run(sampler):
    reports = []

    def progress(done, total):
        reports.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SAMPLERS[sampler](curved, start(), SIGMAS, progress)
    assert reports == [(1, 6), (2, 6), (3, 6)]
