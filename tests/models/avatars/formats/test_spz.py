import gzip
import math
import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from modiste.models.avatars.formats.spz import read_spz, write_spz

MAGIC = 0x5053474E


def smallest_three(x, y, z, w):
    """The 32 bits of version 3, by the format's description: index of the largest, then sign and nine bits for the others."""
    values = [x, y, z, w]
    largest = max(range(4), key=lambda i: abs(values[i]))
    if values[largest] < 0:
        values = [-value for value in values]
    bits = largest
    for index, value in enumerate(values):
        if index != largest:
            bits = (bits << 10) | ((value < 0) << 9) | round(abs(value) * math.sqrt(2) * 511)
    return struct.pack("<I", bits)


def file_of(version, degree=0, count=1, fraction=12):
    head = struct.pack("<IIIBBBB", MAGIC, version, count, degree, fraction, 0, 0)
    position = b"".join(struct.pack("<i", value << (fraction))[:3] for value in (1, -2, 3))
    rotation = bytes([128, 128, 255]) if version == 2 else smallest_three(0.0, 0.6, -0.8, 0.0)
    rest = bytes((128 + i) % 256 for i in range(3 * ((degree + 1) ** 2 - 1)))
    return head + position + bytes([51]) + bytes([255, 0, 128]) + bytes([160, 176, 144]) + rotation + rest


def read_bytes(tmp_path, data, up="y-up", compress=True):
    path = tmp_path / "a.spz"
    path.write_bytes(gzip.compress(data) if compress else data)
    return read_spz(path, up)


@pytest.mark.parametrize("version", [2, 3])
def test_a_file_written_by_hand_is_read(tmp_path, version):
    gaussians = read_bytes(tmp_path, file_of(version, degree=1))
    assert gaussians.positions.tolist() == [[1, -2, 3]]
    assert gaussians.opacities.item() == pytest.approx(0.2)
    torch.testing.assert_close(gaussians.scales, torch.tensor([[1.0, math.e, 1 / math.e]]))
    torch.testing.assert_close(gaussians.sh[0, 0], torch.tensor([0.5 / 0.15, -0.5 / 0.15, (128 / 255 - 0.5) / 0.15]))
    assert gaussians.sh[0, 1:].flatten().tolist() == [i / 128 for i in range(9)]  # colour channels inside each coefficient
    expected = [0.0, 0.0, 0.0, 1.0] if version == 2 else [0.0, 0.0, 0.6, -0.8]
    similarity = (gaussians.rotations[0] * torch.tensor(expected)).sum().abs().item()
    assert similarity == pytest.approx(1, abs=2e-4 if version == 2 else 1e-5)


def test_an_unmarked_file_is_y_up_as_the_format_says(tmp_path):
    assert read_bytes(tmp_path, file_of(3), up="auto").positions.tolist() == [[1, -2, 3]]
    assert read_bytes(tmp_path, file_of(3), up="y-down").positions.tolist() == [[1, 2, -3]]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("coefficients", "up"), [(1, "y-down"), (4, "y-up"), (9, "y-down"), (16, "y-up")])
def test_a_written_file_reads_back_to_the_precision_of_the_format(tmp_path, random_gaussians, version, coefficients, up):
    gaussians = random_gaussians(300, coefficients)
    gaussians = replace(gaussians, sh=gaussians.sh.clamp(-0.99, 0.99))
    write_spz(tmp_path / "a.spz", gaussians, version, up)
    back = read_spz(tmp_path / "a.spz")
    torch.testing.assert_close(back.positions, gaussians.positions, atol=0.51 / 4096, rtol=0)
    torch.testing.assert_close(back.scales.log(), gaussians.scales.log(), atol=0.51 / 16, rtol=0)
    torch.testing.assert_close(back.opacities, gaussians.opacities, atol=0.51 / 255, rtol=0)
    torch.testing.assert_close(back.sh[:, 0], gaussians.sh[:, 0], atol=0.51 / 255 / 0.15, rtol=0)
    torch.testing.assert_close(back.sh[:, 1:], gaussians.sh[:, 1:], atol=0.51 / 128, rtol=0)
    assert (back.rotations * gaussians.rotations).sum(1).abs().min() > (0.99 if version == 2 else 0.99999)


def test_the_written_stream_is_plain_gzip_with_the_header_of_the_format(tmp_path, random_gaussians):
    gaussians = replace(
        random_gaussians(1), positions=torch.tensor([[1.0, -2.0, 3.0]]), rotations=torch.tensor([[0.0, 0, 0.6, -0.8]])
    )
    write_spz(tmp_path / "a.spz", gaussians, up="y-up")
    data = gzip.decompress((tmp_path / "a.spz").read_bytes())
    assert struct.unpack("<IIIBBBB", data[:16]) == (MAGIC, 3, 1, 0, 12, 0, 0)
    assert data[16:25] == file_of(3)[16:25]
    assert data[32:] == smallest_three(0.0, 0.6, -0.8, 0.0) and len(data) == 36


def test_the_same_gaussians_give_the_same_bytes(tmp_path, random_gaussians):
    for name in ("a.spz", "b.spz"):
        write_spz(tmp_path / name, random_gaussians())
    assert (tmp_path / "a.spz").read_bytes() == (tmp_path / "b.spz").read_bytes()


@pytest.mark.parametrize("version", [1, 4])
def test_other_versions_are_not_written(tmp_path, random_gaussians, version):
    with pytest.raises(ValueError, match="choose 2 or 3"):
        write_spz(tmp_path / "a.spz", random_gaussians(), version)


def test_a_place_beyond_the_format_is_refused_rather_than_wrapped(tmp_path, random_gaussians):
    far = replace(random_gaussians(1), positions=torch.tensor([[0.0, 0.0, 2100.0]]))
    with pytest.raises(ValueError, match="more than 2 km"):
        write_spz(tmp_path / "a.spz", far)
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "ends before": gzip.compress(file_of(3)[:-1]),
    "promises 2 Gaussians and ends before": gzip.compress(file_of(3, count=2)),
    "promises 4000000000 Gaussians": gzip.compress(file_of(3, count=4_000_000_000)),
    "5000000 Gaussians of degree 3, which take 1435 MB of memory": gzip.compress(file_of(3, degree=3, count=5_000_000)),
    "promises 5000000 Gaussians and ends before": gzip.compress(file_of(3, count=5_000_000)),
    "version 1 and degree 0": gzip.compress(file_of(3).replace(b"\x03", b"\x01", 1)),
    "version 3 and degree 4": gzip.compress(file_of(3, degree=4)),
    "version 4 or later": struct.pack("<I", MAGIC) + bytes(40),
    "not an .spz file": gzip.compress(b"something else, and longer than a header"),
    "is not an .spz file or is damaged": b"no gzip at all",
    "or is damaged": gzip.compress(file_of(3))[:-8] + bytes(8),
    "and ends before them": gzip.compress(file_of(3))[:-8],
    "holds no Gaussians": gzip.compress(file_of(3, count=0)[:16]),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_bytes(tmp_path, REFUSED[sentence], compress=False)
    assert "'a.spz'" in str(caught.value) and "\n" not in str(caught.value)


def test_a_gzip_bomb_takes_no_more_memory_than_its_header_promises(tmp_path):
    bomb = gzip.compress(file_of(3, count=1) + bytes(200_000_000), compresslevel=1)
    (tmp_path / "a.spz").write_bytes(bomb)
    tracemalloc.start()
    assert len(read_spz(tmp_path / "a.spz")) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(bomb) * 4 + 1_000_000


def test_every_rotation_survives_version_3(tmp_path, random_gaussians):
    axes = np.eye(4, dtype=np.float32)
    rotations = torch.from_numpy(np.concatenate([axes, -axes, 0.5 * np.array([[1, 1, 1, 1], [-1, 1, -1, 1]], np.float32)]))
    write_spz(tmp_path / "a.spz", replace(random_gaussians(10), rotations=rotations), up="y-up")
    back = read_spz(tmp_path / "a.spz")
    assert (back.rotations * rotations).sum(1).abs().min() > 0.99999


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    raw = file_of(3, degree=1)

    reads_or_refuses(read_spz, tmp_path / "a.spz", damaged(raw).map(lambda bad: gzip.compress(bad, compresslevel=1)))
    reads_or_refuses(read_spz, tmp_path / "a.spz", damaged(gzip.compress(raw)))
