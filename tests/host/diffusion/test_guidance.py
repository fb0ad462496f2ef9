"""Guidance: what goes into one UNet call and in which order, and that batching changes nothing."""

import pytest
import torch

from modiste.host.headless.diffusion.guidance import Guidance, repeat_to

# Large enough that the deepest feature map is not one pixel, where GroupNorm turns rounding into jumps.
X = torch.randn(2, 16, 16, 16, generator=torch.Generator().manual_seed(3))
SIGMA = torch.tensor(2.5)


class Recorder:
    """A model that predicts the mean of the text it is given, and notes its calls."""

    def __init__(self):
        self.calls = []

    def predict(self, x, sigma, context, options):
        self.calls.append((x, sigma, context, options))
        return context.mean((1, 2))[:, None, None, None].expand_as(x)


def states(value, tokens=77):
    return [[torch.full((1, tokens, 6), float(value)), {}]]


def guided(positive, negative, cfg=6.0):
    model = Recorder()
    return Guidance(model, positive, negative, cfg, {"kept": "as it is"}, X)(X, SIGMA), model.calls


def test_the_usual_call_holds_the_negative_and_then_the_positive():
    result, [(x, sigma, context, options)] = guided(states(1), states(10))
    assert options["cond_or_uncond"] == [1, 0]
    assert context[:, 0, 0].tolist() == [10, 10, 1, 1]
    assert torch.equal(x, torch.cat([X, X])) and sigma.tolist() == [2.5] * 4
    assert options["sigmas"].tolist() == [2.5, 2.5] and options["kept"] == "as it is"
    assert len(set(options["uuids"])) == 2
    assert torch.allclose(result, torch.full_like(X, 10 + 6 * (1 - 10)))


def test_at_cfg_1_the_negative_is_left_out():
    result, [(x, _, context, options)] = guided(states(1), states(10), cfg=1.0)
    assert options["cond_or_uncond"] == [0] and len(x) == len(context) == 2
    assert torch.allclose(result, torch.ones_like(X))


def test_several_positives_are_averaged_and_lie_behind_the_negative():
    result, [(_, _, context, options)] = guided(states(1) + states(3), states(10))
    assert options["cond_or_uncond"] == [1, 0, 0]
    assert context[::2, 0, 0].tolist() == [10, 3, 1]
    assert torch.allclose(result, torch.full_like(X, 10 + 6 * (2 - 10)))


def test_a_prompt_of_two_chunks_is_batched_with_one_of_one_that_repeats():
    _, [(_, _, context, _)] = guided(states(1, 154), states(10))
    assert context.shape == (4, 154, 6)
    assert context[:, -1, 0].tolist() == [10, 10, 1, 1]


def test_prompts_of_very_different_lengths_go_apart():
    _, calls = guided(states(1, 5 * 77), states(10))
    assert [options["cond_or_uncond"] for *_, options in calls] == [[0], [1]]
    assert [context.shape[1] for _, _, context, _ in calls] == [5 * 77, 77]


def test_no_negative_counts_as_one_that_predicts_zero():
    result, [(*_, options)] = guided(states(1), [])
    assert options["cond_or_uncond"] == [0]
    assert torch.allclose(result, torch.full_like(X, 6.0))


@pytest.mark.parametrize("tokens", [77, 154])
def test_one_batch_equals_two_calls(model, tokens):
    generator = torch.Generator().manual_seed(4)
    positive, negative = ([[torch.randn(1, length, 192, generator=generator), {}]] for length in (tokens, 77))
    with torch.no_grad(), model.running() as options:
        together = Guidance(model, positive, negative, 6.0, options, X)(X, SIGMA)
        cond, uncond = (
            model.predict(X, SIGMA.expand(2), entries[0][0].expand(2, -1, -1), options) for entries in (positive, negative)
        )
    assert torch.allclose(together, uncond + 6 * (cond - uncond), atol=1e-4)
    assert not torch.allclose(cond, uncond, atol=1e-2)


def test_repeating_to_a_count_cuts_or_goes_round():
    assert repeat_to(torch.arange(3), 5).tolist() == [0, 1, 2, 0, 1]
    assert repeat_to(torch.arange(3), 2).tolist() == [0, 1]
