import numpy as np
import pytest
import torch
from PIL import Image

from modiste.models.avatars.formats.mesh_files import read_mesh, write_mesh
from modiste.models.geometry import Mesh


def read_text(tmp_path, text):
    (tmp_path / "a.obj").write_text(text, encoding="utf-8")
    return read_mesh(tmp_path / "a.obj")


SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def test_polygons_become_fans_and_vertices_keep_their_order(tmp_path):
    mesh = read_text(tmp_path, "v 9 9 9\n" + SQUARE + "vn 0 0 1\nf 2//1 3//1 4//1 5//1\n")
    assert mesh.vertices.tolist() == [[9, 9, 9], [0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[1, 2, 3], [1, 3, 4]]


def test_negative_indices_count_from_the_latest(tmp_path):
    assert read_text(tmp_path, "v 9 9 9\n" + SQUARE + "f -4 -3 -1\n").faces.tolist() == [[1, 2, 4]]


def test_blanks_of_any_kind_part_words_and_a_backslash_joins_lines(tmp_path):
    text = "\ufeff" + SQUARE.replace(" ", "\t") + "  f\t1  2 \\\n\t3 \\\n4 \n"
    mesh = read_text(tmp_path, text)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_faces_may_stand_before_their_vertices(tmp_path):
    assert read_text(tmp_path, "f 1 2 3\n" + SQUARE).faces.tolist() == [[0, 1, 2]]


def test_uvs_stay_with_corners(tmp_path):
    text = SQUARE + "vt 0 0\nvt 1 0\nvt 0.5 1\nf 1/1 2/2 3/3\nf 1/3 3/2 4/1\n"
    mesh = read_text(tmp_path, text)
    assert mesh.corner_uv.tolist() == [[[0, 0], [1, 0], [0.5, 1]], [[0.5, 1], [1, 0], [0, 0]]]


def test_vertex_colours_are_read(tmp_path):
    mesh = read_text(tmp_path, "v 0 0 0 1 0 0.5\nv 1 0 0 0 1 0\nv 0 1 0 0 0 1\nf 1 2 3\n")
    assert mesh.colors.tolist() == [[1, 0, 0.5], [0, 1, 0], [0, 0, 1]]


def textured(tmp_path, reference, folder="."):
    (tmp_path / folder).mkdir(exist_ok=True)
    Image.new("RGB", (2, 3), (10, 20, 30)).save(tmp_path / folder / "skin.png")
    (tmp_path / "a.mtl").write_text(f"newmtl m\nKd 0.5 0.5 0.5\nmap_Kd {reference}\n")
    return read_text(tmp_path, f"mtllib a.mtl\n{SQUARE}vt 0 0\nvt 1 1\nusemtl m\nf 1/1 2/2 3/1\n")


@pytest.mark.parametrize(
    "reference", ["skin.png", "-s 1 1 1 skin.png", r"C:\Users\Some One\skin.png", "/etc/skin.png", "../skin.png"]
)
def test_a_texture_is_found_beside_the_file_whatever_the_reference_says(tmp_path, reference):
    mesh = textured(tmp_path, reference)
    assert mesh.texture.shape == (3, 2, 3)
    torch.testing.assert_close(mesh.texture[0, 0] * 255, torch.tensor([10.0, 20.0, 30.0]))


def test_a_texture_in_a_folder_below_is_read(tmp_path):
    assert textured(tmp_path, "textures/skin.png", "textures").texture is not None


def test_a_lost_texture_leaves_the_plain_colour(tmp_path):
    mesh = textured(tmp_path, "lost.png")
    assert mesh.texture is None and mesh.colors[0].tolist() == [0.5, 0.5, 0.5] and mesh.corner_uv.shape == (1, 3, 2)


def test_a_lost_mtl_leaves_the_mesh_plain(tmp_path):
    mesh = read_text(tmp_path, "mtllib lost.mtl\n" + SQUARE + "usemtl m\nf 1 2 3\n")
    assert mesh.texture is None and mesh.colors is None and len(mesh.faces) == 1


def test_materials_of_one_picture_share_it(tmp_path):
    Image.new("RGB", (2, 3), (10, 20, 30)).save(tmp_path / "skin.png")
    (tmp_path / "a.mtl").write_text("newmtl\tone\nmap_Kd\tskin.png\nnewmtl two\nmap_Kd -s 1 1 1 ./skin.png\n")
    faces = "vt 0 0\nvt 1 1\nusemtl one\nf 1/1 2/2 3/1\nusemtl two\nf 1/1 3/2 4/1\n"
    assert read_text(tmp_path, f"mtllib a.mtl\n{SQUARE}{faces}").texture.shape == (3, 2, 3)


@pytest.mark.parametrize("reference", ["../outside.png", "{outside}", "link.png"])
def test_a_reference_that_leads_outside_is_refused(tmp_path, reference):
    folder = tmp_path / "inside"
    folder.mkdir()
    outside = tmp_path / "outside.png"
    Image.new("RGB", (2, 2)).save(outside)
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(ValueError, match="which is not in its folder") as caught:
        textured(folder, reference.format(outside=outside))
    assert "\n" not in str(caught.value)


def test_materials_without_textures_colour_the_vertices(tmp_path):
    (tmp_path / "a.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n")
    mesh = read_text(tmp_path, "mtllib a.mtl\n" + SQUARE + "v 5 5 5\nv 6 5 5\nv 5 6 5\nusemtl red\nf 1 2 3\nusemtl blue\nf 5 6 7\n")
    assert mesh.colors[0].tolist() == [1, 0, 0] and mesh.colors[5].tolist() == [0, 0, 1] and mesh.texture is None


@pytest.mark.parametrize("with_texture", [True, False])
def test_a_written_file_reads_back_exactly(tmp_path, tetrahedron, with_texture):
    mesh = tetrahedron if with_texture else Mesh(tetrahedron.vertices, tetrahedron.faces, colors=torch.rand(4, 3))
    write_mesh(tmp_path / "my avatar.obj", mesh)
    back = read_mesh(tmp_path / "my avatar.obj")
    for field in ("vertices", "faces", "corner_uv", "texture", "colors"):
        value = getattr(mesh, field)
        assert getattr(back, field) is None if value is None else torch.equal(getattr(back, field), value), field


def test_trimesh_reads_what_is_written(tmp_path, tetrahedron):
    import trimesh

    write_mesh(tmp_path / "a.obj", tetrahedron)
    loaded = trimesh.load_mesh(tmp_path / "a.obj", process=False)
    np.testing.assert_allclose(loaded.vertices[loaded.faces], tetrahedron.vertices[tetrahedron.faces].numpy(), atol=1e-6)
    np.testing.assert_allclose(loaded.visual.uv[loaded.faces], tetrahedron.corner_uv.numpy(), atol=1e-6)


REFUSED = {
    "holds no faces": SQUARE,
    "point beyond its 4 vertices": SQUARE + "f 1 2 5\n",
    r"beyond its 4 vertices \(to 0\)": SQUARE + "f 0 1 2\n",
    r"beyond its 4 vertices \(to -5\)": SQUARE + "f -5 1 2\n",
    r"beyond its 1 UVs \(to 0\)": SQUARE + "vt 0 0\nf 1/1 2/1 3/0\n",
    r"beyond its 1 UVs \(to -2\)": SQUARE + "vt 0 0\nf 1/1 2/1 3/-2\n",
    "point beyond its 1 UVs": SQUARE + "vt 0 0\nf 1/1 2/2 3/1\n",
    "1 vertices that are not finite": SQUARE + "v nan 0 0\nf 1 2 3\n",
    "not a whole OBJ file": SQUARE + "f one two three\n",
    "refers to '../gone.mtl', which is not in its folder": "mtllib ../gone.mtl\n" + SQUARE + "f 1 2 3\n",
    "not a whole OBJ file: ": SQUARE + "v\nf 1 2 3\n",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_text(tmp_path, REFUSED[sentence])
    assert "'a.obj'" in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_files_are_read_or_refused(tmp_path, damaged, reads_or_refuses):
    data = (SQUARE + "vt 0 0\nvt 1 0\nf 1/1 2/2 3/1\nf 1 3 -1\nusemtl x\nmtllib a.mtl\n").encode()
    (tmp_path / "a.mtl").write_text("newmtl x\nKd 1 0 0\n")

    reads_or_refuses(read_mesh, tmp_path / "a.obj", damaged(data, b"1", b"v", b"f", b"/", b"a.mtl", b"0"))
