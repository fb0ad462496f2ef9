"""The order of samples: everything once an epoch, one bucket a batch, the same from wherever it starts."""

from collections import Counter
from itertools import islice

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modiste.lab.training.order import BatchOrder, buckets_of, epoch_batches, generator_of, seed_of

BUCKETS = torch.tensor([0] * 9 + [4] * 6 + [2] * 1)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 5), st.integers(0, 2**40), st.integers(0, 9))
def test_an_epoch_deals_every_item_once_into_batches_of_one_bucket(buckets, batch, seed, epoch):
    dealt = epoch_batches(torch.tensor(buckets), batch, seed, epoch).tolist()
    items = [item for row in dealt for item in row]
    assert len(items) == len(set(items))
    assert all(len(row) == batch and len({buckets[item] for item in row}) == 1 for row in dealt)
    assert len(dealt) == sum(count // batch for count in Counter(buckets).values())


def test_epochs_and_seeds_differ_and_the_left_over_item_changes():
    epochs = [epoch_batches(BUCKETS, 4, 0, epoch) for epoch in range(20)]
    assert len({str(dealt.tolist()) for dealt in epochs}) == 20
    assert not epochs[0].equal(epoch_batches(BUCKETS, 4, 1, 0))
    seen = {int(item) for dealt in epochs for item in dealt.flatten()}
    assert seen == set(range(15))  # the lone item of bucket 2 never fills a batch


def test_the_order_from_the_middle_is_the_rest_of_the_order():
    whole = list(islice(BatchOrder(BUCKETS, 2, seed=3), 40))
    assert list(islice(BatchOrder(BUCKETS, 2, seed=3, first=17), 23)) == whole[17:]


def test_processes_share_the_order_out():
    whole = list(islice(BatchOrder(BUCKETS, 2, seed=3), 42))
    shares = [list(islice(BatchOrder(BUCKETS, 2, seed=3, first=4, process=process, processes=3), 10)) for process in range(3)]
    assert [batch for row in zip(*shares, strict=True) for batch in row] == whole[12:]


def test_seeds_are_the_same_on_every_machine():
    # sha256("noise:7:12") begins with these eight bytes; the lowest bit is dropped.
    import hashlib

    first = hashlib.sha256(b"noise:7:12").hexdigest()[:16]
    assert seed_of("noise", 7, 12) == int(first, 16) // 2
    assert torch.rand(2, generator=generator_of("cpu", "a")).equal(torch.rand(2, generator=generator_of("cpu", "a")))
    assert seed_of("a", 1) != seed_of("a", 2)


def test_buckets_come_from_the_dataset_or_are_one():
    assert buckets_of([None] * 3, batch=3).tolist() == [0, 0, 0]
    data = torch.utils.data.TensorDataset(torch.zeros(3))
    data.buckets = torch.tensor([1, 1, 0])
    assert buckets_of(data, batch=2).tolist() == [1, 1, 0]


@pytest.mark.parametrize("count", [0, 3])
def test_too_little_data_for_a_batch_is_a_sentence(count):
    with pytest.raises(ValueError, match=f"has {count} samples of one shape, and a batch takes 4"):
        buckets_of([None] * count, batch=4)
