"""Charts share one texture without touching."""

import torch

from modiste.wardrobe.atlas import GUTTER, fill_gutters, find_texels, pack


def rectangle(width, height):
    a, b, c, d = (0.0, 0.0), (width, 0.0), (width, height), (0.0, height)
    return torch.tensor([[a, b, c], [a, c, d]])


def test_charts_do_not_overlap_and_keep_their_densities():
    corner_uv = torch.cat([rectangle(0.5, 0.3), rectangle(0.2, 0.6) + 7, rectangle(0.1, 0.1) - 3])
    chart = torch.tensor([0, 0, 1, 1, 2, 2])
    texture_uv, fineness = pack(corner_uv, chart, torch.tensor([1.0, 1.0, 3.0]), 256)
    assert texture_uv.min() >= 0 and texture_uv.max() <= 1
    boxes = [(texture_uv[chart == c].reshape(-1, 2) * 256).aminmax(dim=0) for c in range(3)]
    for one in range(3):
        for other in range(one):
            gap = torch.maximum(boxes[one].min - boxes[other].max, boxes[other].min - boxes[one].max)
            assert gap.max() >= 2 * GUTTER - 1
    width = [float((box.max - box.min)[0]) for box in boxes]
    assert abs(width[0] - 0.5 * fineness) < 0.01 and abs(width[2] - 0.1 * 3 * fineness) < 0.01


def test_texels_name_the_face_and_spot_behind_them():
    corner_uv = rectangle(0.5, 0.5) + 0.25
    texels = find_texels(corner_uv, 64)
    assert len(texels.index) == 32 * 32
    row, column = texels.index // 64, texels.index % 64
    uv = (corner_uv[texels.face] * texels.barycentric[..., None]).sum(1)
    torch.testing.assert_close(uv[:, 0], (column + 0.5) / 64, atol=1e-4, rtol=0)
    torch.testing.assert_close(uv[:, 1], 1 - (row + 0.5) / 64, atol=1e-4, rtol=0)


def test_gutters_take_the_nearest_colour():
    image = torch.zeros(20, 20, 3)
    image[8:12, 8:12] = torch.tensor([1.0, 0.5, 0.25])
    covered = image[..., 0] > 0
    filled = fill_gutters(image, covered)
    torch.testing.assert_close(filled[8:12, 4:16], torch.tensor([1.0, 0.5, 0.25]).expand(4, 12, 3))
    assert filled[0, 0].sum() == 0
