"""Noise and its removal, held against diffusers' schedulers and against pictures of which the answer is known."""

import pytest
import torch
from diffusers import DDPMScheduler

from modiste.lab.training.diffusion import SHEET_STEPS, as_v, ddim, noised, signal_share
from modiste.lab.training.order import generator_of

SD15 = DDPMScheduler(1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")  # as its checkpoint says


def latents(count, seed=0, shape=(4, 6, 5)):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def noise_in(noisy, clean, timestep):
    """Return the noise that was added at timesteps [B], by the definition of the process."""
    share = SD15.alphas_cumprod[timestep].view(-1, 1, 1, 1)
    return (noisy - share.sqrt() * clean) / (1 - share).sqrt()


class Knows:
    """Knows the clean latents, and says what a model should that predicts v, or the noise."""

    def __init__(self, clean, prediction="v_prediction"):
        self.clean, self.prediction, self.asked = clean, prediction, []

    def __call__(self, noisy, timestep):
        self.asked.append(int(timestep))
        noise = noise_in(noisy, self.clean, timestep)
        if self.prediction == "epsilon":
            return as_v(noise, noisy, timestep, "epsilon")
        return SD15.get_velocity(self.clean, noise, timestep.expand(len(noisy)))


def test_the_share_of_signal_is_that_of_sd15():
    assert torch.allclose(signal_share(), SD15.alphas_cumprod, rtol=1e-4, atol=0)
    assert signal_share()[0].item() == pytest.approx(0.99915, abs=1e-5)
    assert signal_share()[-1].item() == pytest.approx(0.00466, abs=1e-5)


def test_noisy_latents_and_v_are_those_of_the_published_scheduler():
    clean = latents(16)
    noisy, timestep, wanted = noised(clean, generator_of("cpu", 1))
    noise = noise_in(noisy, clean, timestep)
    assert torch.allclose(SD15.add_noise(clean, noise, timestep), noisy, atol=1e-4)
    assert torch.allclose(SD15.get_velocity(clean, noise, timestep), wanted, atol=1e-3)
    assert timestep.dtype == torch.int64


def test_noise_is_normal_and_what_a_model_of_noise_is_to_predict():
    clean = 2 + latents(64)
    noisy, timestep, wanted = noised(clean, generator_of("cpu", 2), "epsilon")
    assert torch.allclose(wanted, noise_in(noisy, clean, timestep), atol=1e-3)
    assert wanted.mean().item() == pytest.approx(0, abs=0.05)
    assert wanted.std().item() == pytest.approx(1, abs=0.05)
    assert (wanted.flatten(1) @ clean.flatten(1).T / wanted[0].numel()).abs().max() < 1.5


def test_timesteps_are_spread_evenly_from_a_place_that_chance_gives():
    starts = set()
    for seed in range(8):
        timestep = noised(latents(8), generator_of("cpu", seed))[1]
        steps = timestep.sort().values.diff()
        assert timestep.min() >= 0 and timestep.max() < 1000
        assert steps.min() >= 124 and steps.max() <= 126
        starts.add(int(timestep.min()))
    assert len(starts) > 4 and max(starts) < 125


def test_every_person_of_a_batch_meets_all_timesteps_in_time():
    first = [int(noised(latents(4), generator_of("cpu", seed))[1][0]) for seed in range(60)]
    assert min(first) < 120 and max(first) > 880


@pytest.mark.parametrize(
    ("shift", "below"), [(1.0, {250: 0.25, 500: 0.5, 900: 0.9}), (5.0, {500: 1 / 6, 833: 0.5, 999: 0.995}), (0.5, {333: 0.5})]
)
def test_shifted_timesteps_lie_nearer_noise(shift, below):
    timestep = noised(latents(1).expand(4000, -1, -1, -1), generator_of("cpu", 1), shift=shift)[1]
    assert timestep.min() >= 0 and timestep.max() < 1000
    for bound, share in below.items():
        assert (timestep < bound).float().mean().item() == pytest.approx(share, abs=2e-3)


@pytest.mark.parametrize("begun", [0.0, 0.25, 0.5])
def test_a_share_begins_from_noise_alone_at_the_last_timestep(begun):
    clean = torch.full((400, 16, 4, 4), 100.0)
    noisy, timestep, wanted = noised(clean, generator_of("cpu", 3), shift=3.0, begun=begun)
    trace = noisy.mean((1, 2, 3)) > 5  # the schedule leaves 0.07 of the latents
    assert (~trace).float().mean().item() == pytest.approx(begun, abs=0.003)
    assert (timestep[~trace] == 999).all() and (timestep[trace] < 999).float().mean() > 0.98
    assert not begun or wanted[~trace].mean().item() == pytest.approx(-99.77, abs=0.1)
    among = timestep[trace].float()
    assert (among < 750).float().mean().item() == pytest.approx(0.5, abs=0.01)  # the others as without


def test_chance_comes_from_the_generator_alone():
    several = [noised(latents(4), generator_of("cpu", seed)) for seed in (5, 5, 6)]
    assert all(torch.equal(a, b) for a, b in zip(several[0], several[1], strict=True))
    assert not torch.equal(several[0][0], several[2][0])


@pytest.mark.parametrize("timestep", [0, 300, 999])
def test_v_from_predicted_noise_is_that_of_the_published_scheduler(timestep):
    clean, noise, timestep = latents(2), latents(2, seed=1), torch.tensor(timestep)
    noisy = SD15.add_noise(clean, noise, timestep.expand(2))
    v = SD15.get_velocity(clean, noise, timestep.expand(2))
    assert torch.allclose(as_v(noise, noisy, timestep, "epsilon"), v, atol=1e-3)
    assert as_v(v, noisy, timestep, "v_prediction") is v


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_who_knows_the_picture_draws_it(prediction, steps):
    knows = Knows(latents(2), prediction)
    found = ddim(knows, latents(2, seed=9), steps)
    assert torch.allclose(found, knows.clean, atol=0.01)
    assert len(knows.asked) == steps and knows.asked[0] == 999
    assert knows.asked == sorted(set(knows.asked), reverse=True)


def test_a_sheet_takes_its_own_number_of_steps():
    knows = Knows(latents(1))
    ddim(knows, latents(1, seed=9))
    assert len(knows.asked) == SHEET_STEPS


def test_pictures_drawn_from_a_known_distribution_have_its_mean_and_spread():
    """Of normal latents the best prediction is known: sampling ends where the exact flow from the noise does."""
    mean, deviation = 1.5, 0.6

    def best(noisy, timestep):
        share = SD15.alphas_cumprod[timestep]
        gain = share.sqrt() * deviation**2 / (share * deviation**2 + 1 - share)
        clean = mean + gain * (noisy - share.sqrt() * mean)
        return SD15.get_velocity(clean, noise_in(noisy, clean, timestep), timestep.expand(len(noisy)))

    noise, last = latents(4), SD15.alphas_cumprod[-1]
    exact = mean + deviation * (noise - last.sqrt() * mean) / (last * deviation**2 + 1 - last).sqrt()
    coarse, middle, fine = ((ddim(best, noise, steps) - exact).abs().max().item() for steps in (10, 50, 250))
    assert fine < 0.05
    assert fine < middle / 3 < coarse / 9  # the error falls with the step, as of a method of first order
