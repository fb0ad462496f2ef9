"""Gaussians to write, and the one rule for readers: a file is read, or refused in one sentence."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modiste.models.geometry import Gaussians, Mesh


@pytest.fixture
def random_gaussians():
    def make(count=50, coefficients=1, seed=0):
        generator = torch.Generator().manual_seed(seed)
        return Gaussians(
            positions=torch.randn(count, 3, generator=generator),
            scales=0.001 + 0.03 * torch.rand(count, 3, generator=generator),
            rotations=torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=1),
            opacities=0.02 + 0.96 * torch.rand(count, generator=generator),
            sh=0.2 * torch.randn(count, coefficients, 3, generator=generator),
        )

    return make


@pytest.fixture
def tetrahedron():
    """A closed mesh with a UV seam on every edge and a texture of bytes."""
    vertices = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, 2.0]])
    faces = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    generator = torch.Generator().manual_seed(1)
    corner_uv = torch.rand(4, 3, 2, generator=generator)
    texture = torch.randint(0, 256, (6, 5, 3), generator=generator).float() / 255
    return Mesh(vertices, faces, corner_uv, texture)


@pytest.fixture
def reads_or_refuses():
    """Write bytes of a strategy, read them, and fail on anything but a result or one sentence."""

    def check(read, path, strategy):
        @settings(max_examples=150, deadline=None, derandomize=True)
        @given(strategy)
        def one(data):
            path.write_bytes(data)
            try:
                read(path)
            except (ValueError, FileNotFoundError) as error:
                message = str(error)
                assert path.name in message and "\n" not in message and message.endswith("."), message

        one()

    return check


@pytest.fixture
def damaged():
    """A strategy of damaged copies of a file: cut short, bytes changed, or pieces of text exchanged."""

    def strategy(data, *words):
        cut = st.integers(0, len(data)).map(lambda end: data[:end])
        flips = st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), min_size=1, max_size=8).map(
            lambda changes: _changed(data, changes)
        )
        texts = st.tuples(st.sampled_from(words), st.sampled_from(REPLACEMENTS)).map(lambda pair: data.replace(pair[0], pair[1]))
        return st.one_of(st.binary(max_size=200), cut, flips, texts) if words else st.one_of(st.binary(max_size=200), cut, flips)

    return strategy


REPLACEMENTS = [
    b"",
    b"-1",
    b"0",
    b"99999999999",
    b"4294967295",
    b"nan",
    b"1e400",
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"\n",
    b'"x"',
]


def _changed(data, changes):
    copy = bytearray(data)
    for place, value in changes:
        copy[place] = value
    return bytes(copy)
