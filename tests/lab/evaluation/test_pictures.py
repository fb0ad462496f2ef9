"""Picture metrics: one value a picture, against values known by hand."""

import math

import pytest
import torch

from modiste.lab.evaluation.metrics.pictures import psnr, ssim


def test_psnr_of_known_errors():
    originals = torch.full((3, 3, 16, 12), 0.5)
    pictures = originals.clone()
    pictures[1] += 0.1
    pictures[2, :, :8] += 0.1
    assert psnr(pictures, originals).tolist() == pytest.approx([100.0, 20.0, 20 + 10 * math.log10(2)], abs=1e-4)


def test_ssim_is_one_value_a_picture():
    generator = torch.Generator().manual_seed(0)
    originals = torch.rand(2, 3, 32, 24, generator=generator)
    pictures = originals.clone()
    pictures[1] = torch.rand(3, 32, 24, generator=generator)
    found = ssim(pictures, originals)
    assert found.shape == (2,)
    assert found[0].item() == pytest.approx(1)
    assert abs(found[1].item()) < 0.15  # noise is unlike other noise
    assert ssim(pictures[1:], originals[1:]).tolist() == pytest.approx([found[1].item()])
