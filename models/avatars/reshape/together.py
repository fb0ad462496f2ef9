"""Layers that would newly cross each other move as one: under one affine map, what did not cross before does not cross after."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..graph import groups

JOIN = 0.02  # metres at rest within which vertices that cross belong to one place
CORE, REACH = 0.01, 0.03  # metres around a place in which all moves by its map, and from which on nothing does
_RIDGE = 1e-3  # share of a place's own spread that keeps its map from growing across a single sheet
_BACKGROUND = 1e-3  # weight of what lies at the rim, so that a few vertices in one plane are not alone


def together(rest: Tensor, moved: Tensor, crossed: Tensor, movable: Tensor) -> Tensor:
    """Return where a mesh goes, [V, 3], if every place that would cross itself moves by the affine map that fits it best.

    Between CORE and REACH the map goes over into the given motion; that is where a few crossings remain.

    Args:
        rest, moved: [V, 3] metres
        crossed: [V] bool, vertices that belong to what newly crosses
        movable: [V] bool, vertices that may go elsewhere, among which the maps are fitted
    """
    from scipy.spatial import cKDTree

    chosen = movable.nonzero()[:, 0].numpy()
    if not crossed.any() or not len(chosen):
        return moved
    before, after = rest.double().numpy(), moved.double().numpy()
    tree = cKDTree(before[chosen])
    pulled, weight, share = np.zeros_like(after), np.zeros(len(after)), np.zeros(len(after))
    points = before[crossed.numpy()]
    for place in (points[group.numpy()] for group in groups(rest[crossed], JOIN)):
        near = chosen[np.unique(np.concatenate(tree.query_ball_point(place, REACH)).astype(np.int64))]
        if not len(near):
            continue
        fade = _fade(cKDTree(place).query(before[near])[0])
        pulled[near] += fade[:, None] * _affine(before[near], after[near], fade + _BACKGROUND)
        weight[near] += fade
        share[near] = np.maximum(share[near], fade)
    there = weight > 0
    after[there] += share[there, None] * (pulled[there] / weight[there, None] - after[there])
    return torch.from_numpy(after).to(moved)


def _fade(distance: np.ndarray) -> np.ndarray:
    share = np.clip((REACH - distance) / (REACH - CORE), 0, 1)
    return share * share * (3 - 2 * share)


def _affine(before: np.ndarray, after: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return points [N, 3] moved by the affine map that takes them to others [N, 3] best, by weighted least squares."""
    share = (weight / weight.sum())[:, None]
    middle, there = (share * before).sum(0), (share * after).sum(0)
    centred = before - middle
    square = (share * centred).T @ centred
    ridge = (_RIDGE * np.trace(square) / 3 + 1e-18) * np.eye(3)
    linear = np.linalg.solve(square + ridge, (share * centred).T @ (after - there) + ridge)
    return centred @ linear + there
