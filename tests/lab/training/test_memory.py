"""Samples that are kept in memory: the same batches, made once."""

from itertools import islice

import pytest
import torch

from modiste.lab.training.memory import kept_batches
from modiste.lab.training.order import BatchOrder


class Counted(torch.utils.data.Dataset):
    """Samples of two shapes and a number; counts how often each was made."""

    def __init__(self):
        self.made = []

    def __getitem__(self, index):
        self.made.append(index)
        return {"x": torch.full((2, 3 + index % 2), float(index)), "parts": [torch.tensor(index), torch.zeros(1)], "number": index}


BUCKETS = torch.arange(150) % 2


def batches_of(dataset, prepared=lambda batch: batch, count=60):
    order = BatchOrder(BUCKETS, 4, seed=1)
    return list(islice(order, count)), list(
        islice(kept_batches(dataset, BUCKETS, order, torch.device("cpu"), prepared, num_workers=0), count)
    )


def test_batches_are_those_that_were_asked_for_and_each_sample_was_made_once():
    dataset = Counted()
    asked, given = batches_of(dataset)
    assert len(given) == len(asked) == 60
    for numbers, batch in zip(asked, given, strict=True):
        assert batch["number"].tolist() == batch["parts"][0].tolist() == numbers
        assert torch.equal(batch["x"], torch.stack([torch.full((2, 3 + numbers[0] % 2), float(number)) for number in numbers]))
    assert sorted(dataset.made) == list(range(150))


def test_what_is_prepared_is_prepared_once():
    sizes = []

    def prepared(batch):
        sizes.append(len(batch["number"]))
        return batch | {"x": batch["x"].mean((1, 2)) + 0.5}

    asked, given = batches_of(Counted(), prepared)
    assert all(batch["x"].tolist() == [number + 0.5 for number in numbers] for numbers, batch in zip(asked, given, strict=True))
    assert sum(sizes) == 150


def test_texts_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="set 'in_memory' to false"):
        kept_batches([{"caption": "a dress"}] * 150, BUCKETS, [[0]], torch.device("cpu"), lambda batch: batch)
