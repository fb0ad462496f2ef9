"""Bodies of people as they are: adults of all ages, thin to heavy, short to tall, with what goes together in life."""

from __future__ import annotations

import random

_HEIGHT_METRES = 1.09  # of the phenotype "height" from 0 to 1
_MIDDLE_HEIGHT = {True: 1.76, False: 1.90}  # metres of a young woman and a young man at 0.5
# Statures of adults (mean, deviation), metres, about those of NCD-RisC 2016 over many countries.
_STATURE = {True: (1.63, 0.068), False: (1.755, 0.073)}


def random_figure(draw: random.Random, woman: bool | None = None) -> dict[str, float]:
    """Draw an adult: gender, age, muscle, weight, height and proportions for `phenotype_shape`, each 0..1.

    Most people are near the middle; the very thin, heavy, short, tall and muscular are rare but there. With age people grow heavier
    and weaker and a little shorter; who is muscular is seldom thin.

    Args:
        woman: a woman or a man; None draws one.
    """
    if woman is None:
        woman = draw.random() < 0.5
    # Some people's figures are less clearly those of a woman or a man.
    off = draw.uniform(0.15, 0.38) if draw.random() < 0.1 else draw.uniform(0.0, 0.15)
    years = draw.triangular(18, 80, 30)
    later = max(years - 30, 0) / 50
    muscle = draw.gauss(0.42 if woman else 0.58, 0.13) - 0.15 * later
    weight = 0.30 + 0.38 * draw.betavariate(2.0, 2.6) + 0.10 * later + 0.15 * (muscle - 0.5)
    extreme = draw.random()
    if extreme < 0.08:
        weight = draw.uniform(0.75, 1.0)
    elif extreme < 0.14:
        weight = draw.uniform(0.0, 0.2)
    elif extreme < 0.18:
        muscle = draw.uniform(0.8, 1.0)
    mean, deviation = _STATURE[woman]
    stature = draw.gauss(mean - 0.03 * later, deviation)
    return {
        "gender": 1 - off if woman else off,
        "age": age_of(years),
        "muscle": _clamped(muscle, 0.0, 1.0),
        "weight": _clamped(weight, 0.0, 1.0),
        "height": _clamped(0.5 + (stature - _MIDDLE_HEIGHT[woman]) / _HEIGHT_METRES, 0.18, 0.62),
        "proportions": draw.betavariate(1.2, 2.2),
    }


def age_of(years: float) -> float:
    """Return the phenotype "age" of somebody of 18 to 90 years: 2/3, the young adult, is 25, and 1 is 90."""
    return 0.62 + (years - 18) / 7 * (2 / 3 - 0.62) if years < 25 else 2 / 3 + (years - 25) / 65 / 3


def _clamped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
