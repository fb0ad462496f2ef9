"""Samples to write: two people in three pictures."""

import pytest

from modiste.wardrobe.samples import SHOTS, person_sample

SIZE = (48, 64)


@pytest.fixture(scope="session")
def people():
    """Index -> sample; the last is of an outfit that is for testing."""
    return {index: person_sample(3, index, *SIZE) for index in (0, 1, 9 * SHOTS)}
