import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from modiste.models.geometry.color import lab_to_srgb, srgb_to_lab

KNOWN = {  # published D65 values, 2 degree observer
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (53.24, 80.09, 67.20),
    (0.0, 1.0, 0.0): (87.73, -86.18, 83.18),
    (0.0, 0.0, 1.0): (32.30, 79.19, -107.86),
    (0.5, 0.5, 0.5): (53.39, 0.0, 0.0),
}


def test_lab_of_known_colours():
    for rgb, lab in KNOWN.items():
        torch.testing.assert_close(srgb_to_lab(torch.tensor(rgb)), torch.tensor(lab), atol=0.03, rtol=0)


def test_lab_agrees_with_the_cie_formulas_written_out():
    rgb = np.random.default_rng(0).random((200, 3))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear.T
    f = [np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29) for t in (x / 0.9505, y, z / 1.089)]
    expected = np.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], axis=1)
    np.testing.assert_allclose(srgb_to_lab(torch.tensor(rgb)).numpy(), expected, atol=0.05)


@given(st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_lab_and_back_is_the_same_colour(rgb):
    color = torch.tensor(rgb, dtype=torch.float64)
    torch.testing.assert_close(lab_to_srgb(srgb_to_lab(color)), color, atol=1e-6, rtol=0)
