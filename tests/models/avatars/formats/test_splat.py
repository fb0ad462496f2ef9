import struct
from dataclasses import replace

import pytest
import torch

from modiste.models.avatars.formats.splat import read_splat, write_splat

SH_C0 = 0.28209479177387814
RECORD = struct.pack("<6f8B", 1, 2, 3, 0.5, 0.25, 2, 255, 0, 51, 102, 128, 128, 255, 128)


def test_a_record_written_by_hand_is_read(tmp_path):
    (tmp_path / "a.splat").write_bytes(RECORD)
    gaussians = read_splat(tmp_path / "a.splat", up="y-up")
    assert gaussians.positions.tolist() == [[1, 2, 3]] and gaussians.scales.tolist() == [[0.5, 0.25, 2]]
    torch.testing.assert_close(0.5 + SH_C0 * gaussians.sh[0, 0], torch.tensor([1.0, 0.0, 0.2]), atol=1e-6, rtol=0)
    assert gaussians.opacities.item() == pytest.approx(0.4)
    assert gaussians.rotations.tolist() == [[0, 0, 1, 0]]


def test_a_file_without_a_word_about_it_is_y_down(tmp_path):
    (tmp_path / "a.splat").write_bytes(RECORD)
    assert read_splat(tmp_path / "a.splat").positions.tolist() == [[1, -2, -3]]


def test_the_written_bytes_are_those_of_the_format_and_the_largest_comes_first(tmp_path, random_gaussians):
    gaussians = replace(
        random_gaussians(2),
        positions=torch.tensor([[9.0, 9, 9], [1, 2, 3]]),
        scales=torch.tensor([[0.01, 0.01, 0.01], [0.5, 0.25, 2]]),
        rotations=torch.tensor([[1.0, 0, 0, 0], [0.6, 0, -0.8, 0]]),
        opacities=torch.tensor([1.0, 0.4]),
        sh=(torch.tensor([[[0.5, 0.5, 0.5]], [[1.0, 0.0, 0.2]]]) - 0.5) / SH_C0,
    )
    write_splat(tmp_path / "a.splat", gaussians, up="y-up")
    data = (tmp_path / "a.splat").read_bytes()
    assert len(data) == 64
    assert struct.unpack("<6f8B", data[:32]) == (1, 2, 3, 0.5, 0.25, 2, 255, 0, 51, 102, 205, 128, 26, 128)


@pytest.mark.parametrize("up", ["y-down", "y-up"])
def test_a_written_file_reads_back_to_the_precision_of_bytes(tmp_path, random_gaussians, up):
    gaussians = random_gaussians(200)
    write_splat(tmp_path / "a.splat", gaussians, up)
    back = read_splat(tmp_path / "a.splat", up)
    size = gaussians.scales.double().prod(dim=1) * gaussians.opacities
    gaussians = gaussians[size.argsort(descending=True)]
    assert torch.equal(back.positions, gaussians.positions) and torch.equal(back.scales, gaussians.scales)
    torch.testing.assert_close(back.opacities, gaussians.opacities, atol=0.51 / 255, rtol=0)
    torch.testing.assert_close(back.sh, gaussians.sh, atol=0.51 / 255 / SH_C0, rtol=0)
    assert (back.rotations * gaussians.rotations).sum(1).abs().min() > 0.9995


def test_the_export_of_gsplat_is_read(tmp_path, random_gaussians):
    from gsplat import export_splats

    g = random_gaussians(64)
    values = (g.positions, g.scales.log(), g.rotations, torch.logit(g.opacities), g.sh, g.sh[:, 1:])
    export_splats(*values, format="splat", save_to=str(tmp_path / "a.splat"))
    back = read_splat(tmp_path / "a.splat", up="y-up")
    match = torch.cdist(back.positions, g.positions).argmin(dim=1)
    assert sorted(match.tolist()) == list(range(64))
    torch.testing.assert_close(back.scales, g.scales[match], rtol=1e-5, atol=0)
    torch.testing.assert_close(back.opacities, g.opacities[match], atol=1.01 / 255, rtol=0)
    torch.testing.assert_close(back.sh, g.sh[match], atol=1.01 / 255 / SH_C0, rtol=0)
    assert (back.rotations * g.rotations[match]).sum(1).abs().min() > 0.999


REFUSED = {
    "whole number of 32-byte records": RECORD[:-1],
    "holds no Gaussians": b"",
    "position is not a finite": struct.pack("<f", float("nan")) + RECORD[4:],
    "1 Gaussians with a negative scale": RECORD[:12] + struct.pack("<f", -1.0) + RECORD[16:],
    "rotation of length zero": RECORD[:28] + bytes([128] * 4),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    (tmp_path / "a.splat").write_bytes(REFUSED[sentence])
    with pytest.raises(ValueError, match=sentence):
        read_splat(tmp_path / "a.splat")


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    reads_or_refuses(read_splat, tmp_path / "a.splat", damaged(RECORD * 3))
