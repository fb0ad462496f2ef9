"""Muon: what moves a matrix, and what is left to AdamW."""

import pytest
import torch
from torch import nn

from modiste.lab.training.config import Config
from modiste.lab.training.muon import Muon, orthogonalized
from modiste.lab.training.optimization import make_optimizer


def config(**others):
    return Config(**{"steps": 100, "batch": 1, "learning_rate": 0.1, "optimizer": "muon"} | others)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (16, 16)])
def test_an_orthogonalized_matrix_keeps_its_axes_and_evens_its_sizes(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonalized(matrix) @ right.T
    assert found.diagonal().min() > 0.6 and found.diagonal().max() < 1.3
    assert (found - torch.diag(found.diagonal())).abs().max() < 0.1


def test_an_orthogonalized_matrix_is_what_iterations_on_it_give():
    """The textbook's loop, on the matrix itself and in double precision; the sizes span what float32 can tell apart."""
    left, right = (
        torch.linalg.qr(torch.randn(64, 24, generator=torch.Generator().manual_seed(seed)).double()).Q for seed in (1, 2)
    )
    matrix = left @ torch.diag(torch.logspace(0, -3, 24, dtype=torch.float64)) @ right.T
    loop = matrix / matrix.norm()
    for _ in range(5):
        square = loop @ loop.T
        loop = 3.4445 * loop + (-4.7750 * square + 2.0315 * square @ square) @ loop
    assert torch.allclose(orthogonalized(matrix.float()).double(), loop, atol=1e-3)


def test_a_matrix_of_zeros_stays_one():
    assert not orthogonalized(torch.zeros(10, 20)).any()


def test_a_convolution_moves_by_one_orthogonal_step_as_large_as_the_rate_says():
    layer = nn.Conv2d(12, 16, 3, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1))
    make_optimizer(layer, config(weight_decay=0.0)).step()
    step = ((before - layer.weight.detach()) / 0.1).flatten(1)
    gains = torch.linalg.svdvals(step) / (0.2 * 108**0.5)
    assert gains.min() > 0.6 and gains.max() < 1.3


def test_all_that_is_no_matrix_moves_as_under_adamw():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(20, 16), nn.LayerNorm(16), nn.Linear(16, 3))
    twin = nn.Sequential(nn.Embedding(20, 16), nn.LayerNorm(16), nn.Linear(16, 3))
    twin.load_state_dict(model.state_dict())
    pairs = [(model, make_optimizer(model, config())), (twin, make_optimizer(twin, config(optimizer="adamw")))]
    for _ in range(5):
        grads = [torch.randn_like(parameter) for parameter in model.parameters()]
        for module, optimizer in pairs:
            for parameter, grad in zip(module.parameters(), grads, strict=True):
                parameter.grad = grad.clone()
            optimizer.step()
    assert all(torch.allclose(mine, theirs, atol=1e-6) for mine, theirs in zip(model.parameters(), twin.parameters(), strict=True))


def test_what_has_no_gradient_stays_and_remembers_nothing():
    weight = nn.Parameter(torch.ones(10, 10))
    optimizer = Muon([{"params": [weight], "weight_decay": 0.5, "matrices": True}], 0.1, (0.9, 0.99))
    optimizer.step()
    assert weight.eq(1).all() and not optimizer.state
