"""Learning rates, decay of weights, and the average of the weights."""

import pytest
import torch
from torch import nn

from modiste.lab.training.config import Config
from modiste.lab.training.optimization import learning_rate, make_optimizer, update_average


def config(**others):
    return Config(**{"steps": 100, "batch": 1, "learning_rate": 0.5, "warmup": 20} | others)


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine_to_zero():
    rates = [learning_rate(config(), step) for step in (0, 9, 19, 20, 60, 100, 130)]
    assert rates == pytest.approx([0.025, 0.25, 0.5, 0.5, 0.25, 0, 0])
    third = learning_rate(config(), 20 + 80 // 4)
    assert third == pytest.approx(0.5 * (0.5 + 0.5 * 0.5**0.5))  # a quarter of the way: cos 45 degrees


def test_a_constant_rate_stays_after_the_warm_up():
    rates = [learning_rate(config(schedule="constant"), step) for step in (1, 20, 99)]
    assert rates == pytest.approx([0.05, 0.5, 0.5])


def test_no_warm_up_starts_at_the_full_rate():
    assert learning_rate(config(warmup=0), 0) == 0.5


def test_only_weights_decay_and_only_what_is_trained_moves():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2).requires_grad_(False))
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = make_optimizer(model, config(learning_rate=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    after = list(model.parameters())
    assert torch.allclose(after[0], before[0] * (1 - 0.1 * 0.5))
    assert all(new.equal(old) for new, old in zip(after[1:], before[1:], strict=True))


def test_a_model_of_biases_only_can_be_trained():
    assert len(make_optimizer(nn.LayerNorm(3), config()).param_groups) == 1


def test_the_average_follows_its_recurrence_and_copies_buffers():
    model, average = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    average.weight.data.fill_(0.0)
    expected = 0.0
    for step in range(1, 60):
        model.weight.data.fill_(float(step))
        model.running_mean.fill_(step)
        update_average(average, model, 0.8, step)
        decay = (1 + step) / (10 + step) if (1 + step) / (10 + step) < 0.8 else 0.8
        expected = decay * expected + (1 - decay) * step
        assert average.weight.item() == pytest.approx(expected, rel=1e-5)
        assert float(average.running_mean) == step
