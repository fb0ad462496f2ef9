"""Drawn figures are adults as they are: all shapes, most of them near the middle."""

import random
from statistics import fmean

import torch

from modiste.models.body import load_modiste_body
from modiste.wardrobe.figures import age_of, random_figure

_FIGURES = [random_figure(random.Random(seed)) for seed in range(600)]


def _stature(phenotype):
    body = load_modiste_body()
    heights = body.shaped(body.phenotype_shape(**phenotype))[0][:, 1]
    return float(heights.max() - heights.min())


def test_numbers_are_what_a_body_takes():
    body = load_modiste_body()
    for phenotype in _FIGURES[:60]:
        assert all(0 <= value <= 1 for value in phenotype.values())
        assert body.phenotype_shape(**phenotype).isfinite().all()


def test_people_are_as_tall_as_people_are():
    statures = {woman: [_stature(random_figure(random.Random(seed), woman)) for seed in range(40)] for woman in (True, False)}
    assert 1.56 < fmean(statures[True]) < 1.70 < fmean(statures[False]) < 1.83
    assert all(1.35 < height < 2.10 for heights in statures.values() for height in heights)


def test_both_sexes_and_all_weights_occur_and_extremes_are_rare():
    women = sum(phenotype["gender"] > 0.5 for phenotype in _FIGURES)
    assert 240 < women < 360
    for name in ("weight", "muscle"):
        values = torch.tensor([phenotype[name] for phenotype in _FIGURES])
        extreme = ((values < 0.15) | (values > 0.85)).float().mean()
        assert values.min() < 0.15 and values.max() > 0.85 and 0 < extreme < 0.15


def test_the_sex_asked_for_is_given():
    assert all(random_figure(random.Random(seed), True)["gender"] > 0.6 for seed in range(50))
    assert all(random_figure(random.Random(seed), False)["gender"] < 0.4 for seed in range(50))


def test_the_old_are_weaker_and_heavier():
    old = [phenotype for phenotype in _FIGURES if phenotype["age"] > age_of(60)]
    young = [phenotype for phenotype in _FIGURES if phenotype["age"] < age_of(35)]
    assert fmean(p["muscle"] for p in old) < fmean(p["muscle"] for p in young)
    assert fmean(p["weight"] for p in old) > fmean(p["weight"] for p in young)


def test_the_same_draw_is_the_same_figure():
    assert random_figure(random.Random("b")) == random_figure(random.Random("b"))
