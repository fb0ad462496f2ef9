"""From an image encoder's features to the few tokens that cross-attention sees: IP-Adapter's two projections.

Modules and parameters are named as in the published files, so that these load as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

HEAD_WIDTH = 64


class Projection(nn.Module):
    """IP-Adapter's plain projection: an image embedding [B, E] to tokens [B, count, width]."""

    def __init__(self, embedding: int, count: int, width: int) -> None:
        super().__init__()
        self.embedding, self.count = embedding, count
        self.proj = nn.Linear(embedding, count * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.norm(self.proj(embedding).unflatten(-1, (self.count, -1)))


class Resampler(nn.Module):
    """IP-Adapter plus: learned tokens that look at an encoder's hidden states [B, N, E] (Alayrac et al. 2022) -> [B, count, width].

    inner: width of the learned tokens, in heads of 64
    """

    def __init__(self, embedding: int, inner: int, depth: int, heads: int, count: int, width: int, hidden: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.latents = nn.Parameter(torch.randn(1, count, inner) / inner**0.5)
        self.proj_in = nn.Linear(embedding, inner)
        self.layers = nn.ModuleList(nn.ModuleList([_Look(inner, heads), _feed_forward(inner, hidden)]) for _ in range(depth))
        self.proj_out = nn.Linear(inner, width)
        self.norm_out = nn.LayerNorm(width)

    def forward(self, states: Tensor) -> Tensor:
        states, tokens = self.proj_in(states), self.latents.expand(len(states), -1, -1)
        for look, think in self.layers:
            tokens = tokens + look(states, tokens)
            tokens = tokens + think(tokens)
        return self.norm_out(self.proj_out(tokens))


class _Look(nn.Module):
    """Attention of the tokens to the states and to themselves."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * HEAD_WIDTH, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * HEAD_WIDTH, bias=False)
        self.to_out = nn.Linear(heads * HEAD_WIDTH, width, bias=False)

    def forward(self, states: Tensor, tokens: Tensor) -> Tensor:
        states, tokens = self.norm1(states), self.norm2(tokens)
        keys, values = self.to_kv(torch.cat([states, tokens], 1)).chunk(2, -1)
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (self.to_q(tokens), keys, values))
        return self.to_out(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def _feed_forward(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden, bias=False), nn.GELU(), nn.Linear(hidden, width, bias=False))
