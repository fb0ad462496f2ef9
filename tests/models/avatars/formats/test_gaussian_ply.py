import math
import struct

import pytest
import torch

from modiste.models.avatars.formats.gaussian_ply import is_gaussian_ply, read_gaussian_ply, write_gaussian_ply
from modiste.models.geometry.spherical_harmonics import sh_to_rgb

FIELDS = [
    "x",
    "y",
    "z",
    "f_dc_0",
    "f_dc_1",
    "f_dc_2",
    "opacity",
    "scale_0",
    "scale_1",
    "scale_2",
    "rot_0",
    "rot_1",
    "rot_2",
    "rot_3",
]
ROW = {
    "x": 0.5, "y": -1.25, "z": 2.0, "f_dc_0": 0.1, "f_dc_1": 0.2, "f_dc_2": -0.3, "opacity": 0.0,
    "scale_0": math.log(0.5), "scale_1": math.log(0.25), "scale_2": math.log(2.0),
    "rot_0": 2.0, "rot_1": 0.0, "rot_2": 0.0, "rot_3": 0.0,
}  # fmt: skip


def header(fields, count=1, form="binary_little_endian", extra=()):
    properties = [f"property float {name}" for name in fields] + list(extra)
    return "\n".join(["ply", f"format {form} 1.0", f"element vertex {count}", *properties, "end_header", ""]).encode()


def file_of(row, order="<", fields=None):
    fields = fields or list(row)
    form = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    return header(fields, form=form) + struct.pack(f"{order}{len(fields)}f", *(row[name] for name in fields))


def read_bytes(tmp_path, data, up="y-up"):
    path = tmp_path / "a.ply"
    path.write_bytes(data)
    return read_gaussian_ply(path, up)


def assert_is_the_row(gaussians):
    torch.testing.assert_close(gaussians.positions, torch.tensor([[0.5, -1.25, 2.0]]))
    torch.testing.assert_close(gaussians.scales, torch.tensor([[0.5, 0.25, 2.0]]))
    torch.testing.assert_close(gaussians.rotations, torch.tensor([[1.0, 0, 0, 0]]))
    torch.testing.assert_close(gaussians.opacities, torch.tensor([0.5]))
    torch.testing.assert_close(gaussians.sh, torch.tensor([[[0.1, 0.2, -0.3]]]))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_written_by_hand_is_read_activated(tmp_path, order):
    assert_is_the_row(read_bytes(tmp_path, file_of(ROW, order)).gaussians)


def test_properties_are_found_by_name_in_any_order_and_of_any_type(tmp_path):
    names = FIELDS[::-1]
    extra = ["property uchar red", "property double weight", "property int id"]
    data = header(names, extra=extra) + struct.pack("<14f", *(ROW[name] for name in names)) + struct.pack("<Bdi", 200, 0.75, -9)
    read = read_bytes(tmp_path, data)
    assert_is_the_row(read.gaussians)
    assert {name: value.tolist() for name, value in read.extra.items()} == {"red": [200.0], "weight": [0.75], "id": [-9.0]}


def test_a_text_file_is_read(tmp_path):
    data = header(FIELDS, form="ascii") + " ".join(f"{ROW[name]:.9g}" for name in FIELDS).encode() + b"\n"
    assert_is_the_row(read_bytes(tmp_path, data).gaussians)


def test_an_unmarked_file_is_y_down(tmp_path):
    gaussians = read_bytes(tmp_path, file_of(ROW), up="auto").gaussians
    torch.testing.assert_close(gaussians.positions, torch.tensor([[0.5, 1.25, -2.0]]))


@pytest.mark.parametrize(("coefficients", "rest"), [(1, 0), (4, 9), (9, 24), (16, 45)])
def test_coefficients_lie_channel_after_channel(tmp_path, coefficients, rest):
    row = dict(ROW) | {f"f_rest_{i}": float(i) for i in range(rest)}
    sh = read_bytes(tmp_path, file_of(row)).gaussians.sh
    per_channel = coefficients - 1
    assert sh.shape == (1, coefficients, 3)
    for channel in range(3):
        assert sh[0, 1:, channel].tolist() == [float(channel * per_channel + i) for i in range(per_channel)]


def test_the_written_layout_is_that_of_the_training_code(tmp_path, random_gaussians):
    gaussians = random_gaussians(3, coefficients=4)
    path = tmp_path / "a.ply"
    write_gaussian_ply(path, gaussians, {"binding_face": torch.tensor([7.0, 8.0, 9.0])}, ("made in a test",), up="y-up")
    head, body = path.read_bytes().split(b"end_header\n")
    lines = head.decode().splitlines()
    assert lines[:5] == [
        "ply",
        "format binary_little_endian 1.0",
        "comment modiste y-up",
        "comment made in a test",
        "element vertex 3",
    ]
    names = [line.removeprefix("property float ") for line in lines[5:]]
    rest = [f"f_rest_{i}" for i in range(9)]
    assert names == ["x", "y", "z", "nx", "ny", "nz", *FIELDS[3:6], *rest, *FIELDS[6:], "binding_face"]
    rows = [dict(zip(names, values, strict=True)) for values in struct.iter_unpack(f"<{len(names)}f", body)]
    for index, row in enumerate(rows):
        assert [row["x"], row["y"], row["z"]] == gaussians.positions[index].tolist()
        assert row["f_rest_5"] == gaussians.sh[index, 3, 1]  # green, third of its coefficients beyond the first
        assert 1 / (1 + math.exp(-row["opacity"])) == pytest.approx(float(gaussians.opacities[index]), abs=1e-6)
        assert math.exp(row["scale_2"]) == pytest.approx(float(gaussians.scales[index, 2]), rel=1e-5)
        assert [row[f"rot_{i}"] for i in range(4)] == gaussians.rotations[index].tolist()
        assert row["binding_face"] == 7 + index


@pytest.mark.parametrize("up", ["y-down", "y-up"])
@pytest.mark.parametrize("coefficients", [1, 16])
def test_a_written_file_reads_back(tmp_path, random_gaussians, up, coefficients):
    gaussians = random_gaussians(200, coefficients)
    write_gaussian_ply(tmp_path / "a.ply", gaussians, up=up)
    back = read_gaussian_ply(tmp_path / "a.ply").gaussians
    assert torch.equal(back.positions, gaussians.positions)
    torch.testing.assert_close(back.scales, gaussians.scales, rtol=1e-5, atol=0)
    torch.testing.assert_close(back.opacities, gaussians.opacities, rtol=0, atol=1e-6)
    assert (back.rotations * gaussians.rotations).sum(1).abs().min() > 1 - 1e-6
    directions = torch.nn.functional.normalize(torch.randn(200, 3), dim=1)
    torch.testing.assert_close(sh_to_rgb(back.sh, directions), sh_to_rgb(gaussians.sh, directions), rtol=0, atol=3e-6)


def test_full_and_empty_opacity_survive(tmp_path, random_gaussians):
    from dataclasses import replace

    gaussians = replace(random_gaussians(2), opacities=torch.tensor([0.0, 1.0]))
    write_gaussian_ply(tmp_path / "a.ply", gaussians)
    torch.testing.assert_close(
        read_gaussian_ply(tmp_path / "a.ply").gaussians.opacities, torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("coefficients", [1, 16])
def test_the_export_of_gsplat_is_read(tmp_path, random_gaussians, coefficients):
    from gsplat import export_splats

    gaussians = random_gaussians(64, coefficients)
    export_splats(
        gaussians.positions,
        gaussians.scales.log(),
        gaussians.rotations,
        torch.logit(gaussians.opacities),
        gaussians.sh[:, :1],
        gaussians.sh[:, 1:],
        format="ply",
        save_to=str(tmp_path / "a.ply"),
    )
    back = read_gaussian_ply(tmp_path / "a.ply", up="y-up").gaussians
    for field in ("positions", "scales", "rotations", "opacities", "sh"):
        torch.testing.assert_close(getattr(back, field), getattr(gaussians, field), rtol=1e-5, atol=1e-6)


MESH = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nelement face 1\n"
REFUSED = {
    "promises 5 Gaussians and has data for at most 1": file_of(ROW).replace(b"vertex 1", b"vertex 5"),
    "promises 900000000000 Gaussians": file_of(ROW).replace(b"vertex 1", b"vertex 900000000000"),
    "promises 3 Gaussians and has data for at most 1": header(FIELDS, 3, "ascii") + b"1.00000 " * 20,
    "words where numbers belong": header(FIELDS, 1, "ascii") + b"1.00000 " * 10 + b"oops " * 20,
    "has 1 of 1 Gaussians whose position is not a finite": file_of(ROW | {"y": math.nan}),
    "whose scale is not a finite": file_of(ROW | {"scale_1": 1000.0}),
    "whose opacity is not a finite": file_of(ROW | {"opacity": math.inf}),
    "whose colour is not a finite": file_of(ROW | {"f_dc_2": -math.inf}),
    "1 Gaussians with a rotation of length zero": file_of(ROW | {"rot_0": 0.0}),
    "lacks the Gaussian properties opacity, rot_3": file_of({k: v for k, v in ROW.items() if k not in ("opacity", "rot_3")}),
    "is a point cloud, not Gaussians": file_of({"x": 0.0, "y": 0.0, "z": 0.0}),
    "is a mesh, not Gaussians": MESH + b"property list uchar int vertex_indices\nend_header\n0 0 0\n3 0 0 0\n",
    "list properties": header(FIELDS, extra=["property list uchar int ids"]) + bytes(60),
    "has 7 f_rest properties": file_of(ROW | {f"f_rest_{i}": 0.0 for i in range(7)}),
    "has 9 f_rest properties": file_of(ROW | {f"f_rest_{i}": 0.0 for i in range(1, 10)}),
    "holds no Gaussians": header(FIELDS, 0),
    "is not a PLY file": b"plywood",
    "header without an end": header(FIELDS).replace(b"end_header\n", b"") + b"comment x\n" * 10_000,
    "header line that makes no sense": header(FIELDS).replace(b"element vertex 1", b"element vertex one"),
    "makes no sense": header([*FIELDS, "x"]),
    "without a format": header(FIELDS).replace(b"format binary_little_endian 1.0\n", b""),
    "PlayCanvas": header(["packed_position"]) + bytes(4),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_bytes(tmp_path, REFUSED[sentence])
    assert "'a.ply'" in str(caught.value) and "\n" not in str(caught.value)


def test_the_compressed_export_of_gsplat_is_refused_by_name(tmp_path, random_gaussians):
    from gsplat import export_splats

    g = random_gaussians(10)
    path = tmp_path / "a.ply"
    values = (g.positions, g.scales.log(), g.rotations, torch.logit(g.opacities), g.sh, g.sh[:, 1:])
    export_splats(*values, format="ply_compressed", save_to=str(path))
    assert is_gaussian_ply(path)
    with pytest.raises(ValueError, match="PlayCanvas"):
        read_gaussian_ply(path)


def test_gaussians_are_told_from_meshes_by_the_header(tmp_path):
    (tmp_path / "a.ply").write_bytes(file_of(ROW))
    (tmp_path / "b.ply").write_bytes(MESH + b"property list uchar int vertex_indices\nend_header\n0 0 0\n3 0 0 0\n")
    assert is_gaussian_ply(tmp_path / "a.ply") and not is_gaussian_ply(tmp_path / "b.ply")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file 'gone\.ply'"):
        read_gaussian_ply(tmp_path / "gone.ply")


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    text = header(FIELDS, form="ascii") + " ".join(f"{ROW[name]:.9g}" for name in FIELDS).encode()
    for data in (file_of(ROW), text):
        words = (b"1", b"float", b"vertex", b"binary_little_endian", b"x", b"property", b"end_header")
        reads_or_refuses(read_gaussian_ply, tmp_path / "a.ply", damaged(data, *words))
