"""Samples as evaluations draw them: from the wardrobe itself, each of another person."""

import torch

from modiste.lab.evaluation import samples
from modiste.lab.evaluation.attributes import targets, wardrobe_vocabulary
from modiste.wardrobe.samples import SHOTS, person_sample


def test_a_person_and_a_flat_say_what_the_wardrobe_says_of_them():
    person, flat = samples.drawn(1000, 1)
    truth = person_sample(1000, SHOTS)
    assert torch.equal(person.picture, truth.image)
    assert person.caption == truth.caption
    assert person.words["gender"] == ("woman" if truth.recipe.gender > 0.5 else "man")
    named = [garment for garment in truth.garments if garment.named]
    assert person.slots == tuple(garment.slot for garment in named)
    for garment in named:
        assert person.words[f"{garment.slot} cut"] == garment.cut
        assert person.words[f"{garment.slot} color"] == garment.color
    alone = truth.garments[1]
    assert torch.equal(flat.picture, alone.flat)
    assert (flat.caption, flat.slots) == (alone.flat_caption, (alone.slot,))
    assert flat.words[f"{alone.slot} pattern"] == alone.pattern
    for shown in (person, flat):  # raises if the wardrobe shows a word that no network can learn
        assert len(targets(shown.words, wardrobe_vocabulary())) == len(wardrobe_vocabulary())


def test_people_and_flats_come_in_the_order_of_their_indices(monkeypatch, person, flat):
    drawn = [(person, flat), (flat, person)]
    monkeypatch.setattr(samples, "_pairs", lambda seed, indices: iter(drawn))
    told = []
    people, flats = samples.draw(5, range(2), lambda done, total: told.append((done, total)))
    assert people == [person, flat]
    assert flats == [flat, person]
    assert told == [(1, 2), (2, 2)]
