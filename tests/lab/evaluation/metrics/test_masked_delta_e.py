"""CIEDE2000 over a garment's own pixels, against a loop over pixels with an implementation that is not ours."""

import math

import pytest
import torch

from modiste.lab.evaluation.metrics.color_difference import masked_delta_e, picture_delta_e

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def lab(color):
    """Return L*a*b* of an sRGB colour by its definition, white being that of D65."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in color]
    rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    relative = [sum(a * b for a, b in zip(row, linear, strict=True)) / sum(row) for row in rows]
    x, y, z = (value ** (1 / 3) if value > (6 / 29) ** 3 else value * (29 / 6) ** 2 / 3 + 4 / 29 for value in relative)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def greys_differ_by(first, second):
    """Return CIEDE2000 of two greys (0..1), which differ in lightness alone."""
    one, other = lab((first,) * 3)[0], lab((second,) * 3)[0]
    away = ((one + other) / 2 - 50) ** 2
    return abs(one - other) / (1 + 0.015 * away / math.sqrt(20 + away))


def test_only_what_the_mask_shows_is_compared():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 3, 1, 5, 4, generator=generator).expand(2, 3, 3, 5, 4)  # greys
    masks = torch.rand(3, 5, 4, generator=generator) > 0.5
    for number, found in enumerate(masked_delta_e(first, second, masks)):
        inside = [
            greys_differ_by(first[number, 0, row, column].item(), second[number, 0, row, column].item())
            for row in range(5)
            for column in range(4)
            if masks[number, row, column]
        ]
        assert found.item() == pytest.approx(sum(inside) / len(inside), rel=1e-3)


def test_colours_inside_count_and_those_outside_do_not():
    generator = torch.Generator().manual_seed(1)
    first, second = torch.rand(2, 2, 3, 6, 6, generator=generator)
    masks = torch.zeros(2, 6, 6, dtype=torch.bool)
    masks[:, :2, :3] = True
    found = masked_delta_e(first, second, masks)
    assert torch.allclose(found, picture_delta_e(first[..., :2, :3], second[..., :2, :3]), atol=1e-3)
    second[..., 2:, :] = 0
    second[..., 3:] = 1
    assert torch.equal(masked_delta_e(first, second, masks), found)


def test_black_on_white_within_a_mask_is_a_hundred():
    pictures = [torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 4, 4) for color in (BLACK, WHITE)]
    mask = torch.eye(4, dtype=torch.bool)[None]
    assert masked_delta_e(*pictures, mask).item() == pytest.approx(100, abs=0.01)
    assert masked_delta_e(pictures[0], pictures[0], mask).item() == 0
