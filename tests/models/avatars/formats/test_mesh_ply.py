import struct

import numpy as np
import pytest
import torch

from modiste.models.avatars.formats.mesh_files import read_mesh, write_mesh
from modiste.models.geometry import Mesh

HEAD = "ply\nformat {form} 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
COLORS = "property uchar red\nproperty uchar green\nproperty uchar blue\n"
FACES = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
POINTS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
BINARY = (HEAD.format(form="binary_little_endian") + COLORS + FACES).encode() + b"".join(
    struct.pack("<3f3B", *point, 255, 51 * index, 0) for index, point in enumerate(POINTS)
)
TEXT = HEAD.format(form="ascii") + FACES + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n"


def read_bytes(tmp_path, data):
    (tmp_path / "a.ply").write_bytes(data)
    return read_mesh(tmp_path / "a.ply")


def test_a_binary_file_written_by_hand_is_read_with_its_colours(tmp_path):
    mesh = read_bytes(tmp_path, BINARY + struct.pack("<B3i", 3, 2, 0, 1))
    assert mesh.vertices.tolist() == [list(point) for point in POINTS] and mesh.faces.tolist() == [[2, 0, 1]]
    torch.testing.assert_close(mesh.colors[:, 1], torch.tensor([0.0, 0.2, 0.4, 0.6]))


def test_a_text_file_with_a_polygon_is_read(tmp_path):
    mesh = read_bytes(tmp_path, TEXT.encode())
    assert len(mesh.vertices) == 4 and mesh.faces.shape == (2, 3) and mesh.colors is None


def test_a_written_file_reads_back_and_trimesh_agrees(tmp_path, tetrahedron):
    import trimesh

    mesh = Mesh(tetrahedron.vertices, tetrahedron.faces, colors=torch.rand(4, 3))
    write_mesh(tmp_path / "a.ply", mesh)
    back = read_mesh(tmp_path / "a.ply")
    assert torch.equal(back.vertices, mesh.vertices) and torch.equal(back.faces, mesh.faces)
    torch.testing.assert_close(back.colors, mesh.colors, atol=0.51 / 255, rtol=0)
    loaded = trimesh.load_mesh(tmp_path / "a.ply", process=False)
    np.testing.assert_array_equal(loaded.faces, mesh.faces.numpy())


def test_a_texture_becomes_vertex_colours(tmp_path, tetrahedron):
    left_red_right_blue = torch.zeros(4, 4, 3)
    left_red_right_blue[:, :2, 0], left_red_right_blue[:, 2:, 2] = 1, 1
    corner_uv = torch.where(tetrahedron.faces[..., None] < 2, torch.tensor([0.1, 0.5]), torch.tensor([0.9, 0.5]))
    write_mesh(tmp_path / "a.ply", Mesh(tetrahedron.vertices, tetrahedron.faces, corner_uv, left_red_right_blue))
    colors = read_mesh(tmp_path / "a.ply").colors
    torch.testing.assert_close(colors, torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]), atol=0.01, rtol=0)


REFUSED = {
    "shorter than its header says": BINARY.replace(b"vertex 4", b"vertex 4000000000"),
    "is shorter than its header": BINARY.replace(b"face 1", b"face 4000000000"),
    "shorter than its": BINARY,
    "holds no faces": BINARY.replace(b"face 1", b"face 0"),
    "not a whole PLY file": BINARY + struct.pack("<B3i", 3, 2, 0, 4),
    "is not a PLY file": b"solid",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_bytes(tmp_path, REFUSED[sentence])
    assert "'a.ply'" in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_ending_is_refused(tmp_path, tetrahedron):
    (tmp_path / "a.fbx").write_bytes(b"x")
    for use in (lambda: read_mesh(tmp_path / "a.fbx"), lambda: write_mesh(tmp_path / "a.fbx", tetrahedron)):
        with pytest.raises(ValueError, match=r"does not end in \.glb, \.obj, \.ply"):
            use()


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    for data in (BINARY + struct.pack("<B3i", 3, 2, 0, 1), TEXT.encode()):
        reads_or_refuses(
            read_mesh, tmp_path / "a.ply", damaged(data, b"4", b"1", b"float", b"uchar", b"vertex", b"list", b"int", b"x")
        )
