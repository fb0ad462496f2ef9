"""Pools of worker processes."""

import time

import pytest

from modiste.wardrobe.workers import worker_pool


def test_what_has_not_begun_when_a_block_fails_is_never_done():
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
        futures = [pool.submit(time.sleep, 0.1) for _ in range(100)]
        futures[0].result()
        raise KeyboardInterrupt
    assert sum(future.cancelled() for future in futures) > 80
    assert all(future.done() for future in futures)
