import io
import json
import math
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from modiste.models.avatars.formats import glb, surfaces
from modiste.models.avatars.formats.mesh_files import read_mesh, write_mesh
from modiste.models.geometry import Mesh

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def png(color, size=(4, 2)):
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


class Builder:
    """Puts a GLB together by the glTF 2.0 specification, array by array."""

    def __init__(self):
        self.binary = b""
        self.scene = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], "nodes": [], "meshes": []}

    def view(self, data):
        self.scene["bufferViews"].append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data + bytes(-len(data) % 4)
        return len(self.scene["bufferViews"]) - 1

    def array(self, values, kind, code=5126, normalized=False):
        accessor = {"bufferView": self.view(values.tobytes()), "componentType": code, "count": len(values), "type": kind}
        self.scene["accessors"].append(accessor | ({"normalized": True} if normalized else {}))
        return len(self.scene["accessors"]) - 1

    def mesh(self, *primitives, **node):
        self.scene["meshes"].append({"primitives": list(primitives)})
        self.scene["nodes"].append({"mesh": len(self.scene["meshes"]) - 1, **node})
        return len(self.scene["nodes"]) - 1

    def triangle(self, points=TRIANGLE, uv=None, colors=None, **primitive):
        attributes = {"POSITION": self.array(np.asarray(points, np.float32), "VEC3")}
        if uv is not None:
            attributes["TEXCOORD_0"] = self.array(np.asarray(uv, np.float32), "VEC2")
        if colors is not None:
            attributes["COLOR_0"] = self.array(np.asarray(colors, np.float32), "VEC3")
        return {"attributes": attributes, **primitive}

    def texture(self, data):
        self.scene.setdefault("images", []).append({"bufferView": self.view(data), "mimeType": "image/png"})
        self.scene.setdefault("textures", []).append({"source": len(self.scene["images"]) - 1})
        return len(self.scene["textures"]) - 1

    def bytes(self):
        self.scene["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps(self.scene).encode()
        text += b" " * (-len(text) % 4)
        head = struct.pack("<4sIIII", b"glTF", 2, 28 + len(text) + len(self.binary), len(text), 0x4E4F534A)
        return head + text + struct.pack("<II", len(self.binary), 0x004E4942) + self.binary

    def read(self, tmp_path):
        (tmp_path / "a.glb").write_bytes(self.bytes())
        return read_mesh(tmp_path / "a.glb")


def test_a_file_written_by_hand_is_read(tmp_path):
    build = Builder()
    primitive = build.triangle([*TRIANGLE, [5, 5, 5]], indices=None)
    primitive["indices"] = build.array(np.array([2, 0, 1], np.uint8)[:, None], "SCALAR", 5121)
    build.mesh(primitive)
    mesh = build.read(tmp_path)
    assert mesh.vertices.tolist() == [*TRIANGLE.tolist(), [5, 5, 5]] and mesh.faces.tolist() == [[2, 0, 1]]
    assert mesh.corner_uv is None and mesh.texture is None and mesh.colors is None


def test_nodes_carry_their_parents_transforms(tmp_path):
    build = Builder()
    half = math.sqrt(0.5)
    child = build.mesh(build.triangle(), translation=[0, 0, 3])
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = [10, 0, 0]
    build.scene["nodes"].append({"children": [child], "rotation": [0, half, 0, half]})  # a quarter turn about Y: z to x
    build.scene["nodes"].append({"children": [1], "matrix": matrix.T.flatten().tolist()})
    build.scene |= {"scenes": [{"nodes": [2]}], "scene": 0}
    expected = [[16, 0, 0], [16, 0, -2], [16, 2, 0]]
    torch.testing.assert_close(build.read(tmp_path).vertices, torch.tensor(expected, dtype=torch.float32), atol=1e-5, rtol=0)


def test_nodes_outside_the_scene_are_left_out(tmp_path):
    build = Builder()
    build.mesh(build.triangle())
    build.mesh(build.triangle(TRIANGLE + 7))
    build.scene |= {"scenes": [{"nodes": [1]}]}
    assert build.read(tmp_path).vertices.min() == 7


def test_a_skin_poses_its_mesh_and_its_node_does_not(tmp_path):
    build = Builder()
    primitive = build.triangle()
    primitive["attributes"]["JOINTS_0"] = build.array(np.array([[0, 1, 0, 0]] * 3, np.uint8), "VEC4", 5121)
    primitive["attributes"]["WEIGHTS_0"] = build.array(np.array([[0.25, 0.75, 0, 0]] * 3, np.float32), "VEC4")
    inverse = np.stack([np.eye(4), np.eye(4)]).astype(np.float32)
    inverse[1, 3, :3] = [0, 0, 1]  # column-major: moves z by one
    binds = build.array(inverse.reshape(2, 16), "MAT4")
    build.mesh(primitive, skin=0, translation=[100, 0, 0])
    build.scene["nodes"] += [{"translation": [0, 4, 0]}, {"translation": [0, 8, 0]}]
    build.scene["skins"] = [{"joints": [1, 2], "inverseBindMatrices": binds}]
    build.scene["scenes"] = [{"nodes": [0, 1, 2]}]
    expected = TRIANGLE + np.array([0, 0.25 * 4 + 0.75 * 8, 0.75], np.float32)
    torch.testing.assert_close(build.read(tmp_path).vertices, torch.from_numpy(expected))


def test_vertices_split_at_a_seam_are_one_again_and_keep_both_uvs(tmp_path):
    build = Builder()
    square = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0]]
    uv = [[0, 1], [0.25, 1], [0.25, 0], [0.5, 1], [1, 0], [0.5, 0]]
    build.scene["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": build.texture(png((10, 20, 30)))}}}]
    build.mesh(build.triangle(square, uv, material=0))
    mesh = build.read(tmp_path)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.corner_uv.tolist() == [[[0, 0], [0.25, 0], [0.25, 1]], [[0.5, 0], [1, 1], [0.5, 1]]]  # v upwards
    assert mesh.texture.shape == (2, 4, 3)
    torch.testing.assert_close(mesh.texture[0, 0] * 255, torch.tensor([10.0, 20.0, 30.0]))


def texel(mesh, face):
    """The texture's colour [3] in bytes at the middle of a face."""
    u, v = mesh.corner_uv[face].mean(dim=0).tolist()
    height, width = mesh.texture.shape[:2]
    return (mesh.texture[min(int((1 - v) * height), height - 1), min(int(u * width), width - 1)] * 255).round().tolist()


def test_several_materials_share_one_atlas(tmp_path):
    build = Builder()
    red, blue = build.texture(png((200, 0, 0), (8, 8))), build.texture(png((0, 0, 200), (4, 16)))
    linear_grey = ((128 / 255 + 0.055) / 1.055) ** 2.4
    build.scene["materials"] = [
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": red}}},
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": blue}}},
        {"pbrMetallicRoughness": {"baseColorFactor": [linear_grey, linear_grey, linear_grey, 1]}},
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": red}, "baseColorFactor": [linear_grey, 1, 1, 1]}},
    ]
    uv = [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]
    repeated = [[3.1, -1.9], [3.9, -1.9], [3.1, -1.1]]
    build.mesh(build.triangle(uv=uv, material=0), build.triangle(TRIANGLE + 1, uv=repeated, material=1))
    build.mesh(build.triangle(TRIANGLE + 2, material=2))
    build.mesh(build.triangle(TRIANGLE + 3, uv=uv, material=3))
    mesh = build.read(tmp_path)
    assert mesh.corner_uv.min() >= 0 and mesh.corner_uv.max() <= 1
    assert texel(mesh, 0) == [200, 0, 0] and texel(mesh, 1) == [0, 0, 200] and texel(mesh, 2) == [128, 128, 128]
    # linear light 0.5776 of 200 times 0.2159 of 128 is 0.1247, which is 98.97 in sRGB
    assert texel(mesh, 3) == [99, 0, 0]


def noise(size=(16, 8), seed=0):
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def drawn(textures, materials):
    """A file that draws one triangle with each material, given as the index of its texture and its red."""
    build = Builder()
    for data in textures:
        build.texture(data)
    build.scene["materials"] = [
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": index}, "baseColorFactor": [red, 1, 1, 1]}}
        for index, red in materials
    ]
    uv = [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]
    build.mesh(*(build.triangle(TRIANGLE + index, uv, material=index) for index in range(len(materials))))
    return build


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (-3, 2)])
def test_a_face_in_another_copy_of_a_repeating_texture_shows_the_same(tmp_path, shift):
    corners = np.random.default_rng(0).random((10, 3, 2))
    texels = []
    for move in ((0, 0), shift):
        build = Builder()
        build.scene["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": build.texture(noise())}}}]
        points = np.random.default_rng(1).random((30, 3))
        build.mesh(build.triangle(points, corners.reshape(30, 2) + move, material=0))
        mesh = build.read(tmp_path)
        assert mesh.corner_uv.min() >= 0 and mesh.corner_uv.max() <= 1
        texels.append([texel(mesh, face) for face in range(10)])
    assert texels[0] == texels[1] and len({tuple(color) for color in texels[0]}) > 5


def test_faces_at_the_border_of_a_texture_stay_there(tmp_path):
    build = Builder()
    build.scene["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": build.texture(noise())}}}]
    build.mesh(build.triangle(uv=[[1, 0], [1, 0], [1, 0]], material=0))
    assert build.read(tmp_path).corner_uv.tolist() == [[[1, 1]] * 3]


def test_materials_that_show_the_same_share_a_picture(tmp_path):
    assert drawn([noise()], [(0, 1)] * 9).read(tmp_path).texture.shape == (8, 16, 3)
    two = drawn([noise()], [(0, 1), (0, 0.5), (0, 1), (0, 0.5)]).read(tmp_path)
    assert two.texture.shape == (8, 32, 3)
    assert [texel(two, 0), texel(two, 1)] == [texel(two, 2), texel(two, 3)] and texel(two, 0) != texel(two, 1)


def test_the_pictures_of_a_file_share_one_budget_of_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(surfaces, "MAX_TEXTURE_PIXELS", 16 * 8)
    assert drawn([noise()], [(0, 1)] * 9).read(tmp_path).texture is not None
    with pytest.raises(ValueError, match="has textures of more than 128 pixels in all: make them smaller"):
        drawn([noise(), noise((2, 2))], [(0, 1), (1, 1)]).read(tmp_path)
    with pytest.raises(ValueError, match="has textures of 256 pixels side by side: make them smaller"):
        drawn([noise()], [(0, 1), (0, 0.5)]).read(tmp_path)


def test_pictures_of_materials_that_nothing_is_drawn_with_are_not_decoded(tmp_path):
    build = drawn([noise(), b"no picture"], [(0, 1)])
    build.scene["materials"].append({"pbrMetallicRoughness": {"baseColorTexture": {"index": 1}}})
    assert build.read(tmp_path).texture.shape == (8, 16, 3)


def test_what_is_drawn_many_times_is_counted_before_any_of_it_is_read(tmp_path, monkeypatch):
    build = Builder()
    primitive = build.triangle()
    primitive["indices"] = build.array(np.array([[0, 1, 2] * 4], np.uint8).T, "SCALAR", 5121)
    build.mesh(primitive)
    build.scene["nodes"].append({"mesh": 0})
    monkeypatch.setattr(glb, "MAX_FACES", 8)
    assert len(build.read(tmp_path).faces) == 8
    monkeypatch.setattr(glb, "MAX_FACES", 7)
    monkeypatch.setattr(glb._Glb, "accessor", pytest.fail)
    with pytest.raises(ValueError, match="draws more than 7 triangles"):
        build.read(tmp_path)


def test_a_texture_transform_moves_the_uvs(tmp_path):
    build = Builder()
    reference = {"index": build.texture(png((1, 2, 3)))}
    reference["extensions"] = {"KHR_texture_transform": {"offset": [0.5, 0], "scale": [0.5, 0.25], "rotation": math.pi / 2}}
    build.scene["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": reference}}]
    build.mesh(build.triangle(uv=[[0, 0], [1, 0], [0, 1]], material=0))
    # the extension's matrices: translation * rotation * scale, rotation [[cos, sin], [-sin, cos]]
    expected = torch.tensor([[[0.5, 0.0], [0.5, 0.5], [0.75, 0.0]]])  # one copy of the repeating texture lower
    torch.testing.assert_close(build.read(tmp_path).corner_uv, expected)


def test_vertex_colours_are_turned_from_linear_light_to_srgb(tmp_path):
    build = Builder()
    build.mesh(build.triangle(colors=[[1, 0, 0.21404114]] * 3))
    torch.testing.assert_close(build.read(tmp_path).colors[0], torch.tensor([1.0, 0.0, 0.5]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("textured", [True, False])
def test_a_written_file_reads_back_exactly(tmp_path, tetrahedron, textured):
    mesh = tetrahedron if textured else Mesh(tetrahedron.vertices, tetrahedron.faces, colors=torch.rand(4, 3))
    write_mesh(tmp_path / "a.glb", mesh)
    back = read_mesh(tmp_path / "a.glb")
    assert torch.equal(back.vertices, mesh.vertices) and torch.equal(back.faces, mesh.faces)
    if textured:
        assert torch.equal(back.texture, mesh.texture)
        torch.testing.assert_close(back.corner_uv, mesh.corner_uv, atol=1e-6, rtol=0)
    else:
        torch.testing.assert_close(back.colors, mesh.colors, atol=1e-5, rtol=0)


def test_trimesh_reads_what_is_written_as_unlit(tmp_path, tetrahedron):
    import trimesh

    write_mesh(tmp_path / "a.glb", tetrahedron)
    data = (tmp_path / "a.glb").read_bytes()
    scene = json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])
    assert scene["materials"][0]["extensions"] == {"KHR_materials_unlit": {}} and struct.unpack("<I", data[8:12])[0] == len(data)
    (loaded,) = trimesh.load_scene(tmp_path / "a.glb", process=False).geometry.values()
    corners = np.asarray(loaded.vertices)[np.asarray(loaded.faces)]
    np.testing.assert_allclose(corners, tetrahedron.vertices[tetrahedron.faces].numpy(), atol=1e-6)
    np.testing.assert_allclose(loaded.visual.uv[loaded.faces], tetrahedron.corner_uv.numpy(), atol=1e-6)
    picture = np.asarray(loaded.visual.material.baseColorTexture.convert("RGB"))
    np.testing.assert_array_equal(picture, (tetrahedron.texture.numpy() * 255).round())


def test_a_file_of_trimesh_is_read(tmp_path):
    import trimesh

    box = trimesh.creation.box((1, 2, 3))
    (tmp_path / "a.glb").write_bytes(trimesh.Scene([box]).export(file_type="glb"))
    mesh = read_mesh(tmp_path / "a.glb")
    assert mesh.vertices.shape == (8, 3) and mesh.faces.shape == (12, 3)
    np.testing.assert_allclose(mesh.vertices[mesh.faces].numpy(), box.vertices[box.faces], atol=1e-6)


def edited(change):
    build = Builder()
    primitive = build.triangle()
    primitive["indices"] = build.array(np.array([[0], [1], [2]], np.uint16), "SCALAR", 5123)
    build.mesh(primitive)
    change(build)
    return build.bytes()


REFUSED = {
    "refers to data outside itself": lambda b: b.scene.update(images=[{"uri": "../secret.png"}]),
    "glTF extension 'KHR_draco_mesh_compression": lambda b: b.scene.update(extensionsRequired=["KHR_draco_mesh_compression"]),
    "promises more data than it has": lambda b: b.scene["accessors"][0].update(count=4),
    "is cut short": lambda b: b.scene["bufferViews"][0].update(byteLength=10**9),
    "sparse data": lambda b: b.scene["accessors"][0].update(sparse={}),
    "strips or fans": lambda b: b.scene["meshes"][0]["primitives"][0].update(mode=5),
    "holds no triangles": lambda b: b.scene["meshes"][0]["primitives"][0].update(mode=0),
    "point beyond its vertices": lambda b: b.scene["accessors"][1].update(bufferView=0, componentType=5125, byteOffset=12),
    "a node with two parents": lambda b: b.scene.update(nodes=[{"children": [0], "mesh": 0}]),
    "not a whole GLB file": lambda b: b.scene.update(meshes=[{"primitives": 3}]),
    "draws more than": lambda b: b.scene["accessors"][0].update(count=10**12),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, sentence):
    (tmp_path / "a.glb").write_bytes(edited(REFUSED[sentence]))
    with pytest.raises(ValueError, match=sentence) as caught:
        read_mesh(tmp_path / "a.glb")
    assert "'a.glb'" in str(caught.value) and "\n" not in str(caught.value)


def test_a_broken_texture_is_refused(tmp_path):
    build = Builder()
    build.scene["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": build.texture(png((1, 2, 3))[:40])}}}]
    build.mesh(build.triangle(uv=[[0, 0]] * 3, material=0))
    with pytest.raises(ValueError, match="texture that cannot be decoded"):
        build.read(tmp_path)


def test_damaged_files_are_read_or_refused(tmp_path, tetrahedron, damaged, reads_or_refuses):
    write_mesh(tmp_path / "good.glb", tetrahedron)
    data = (tmp_path / "good.glb").read_bytes()
    words = [
        b'"nodes"',
        b'"mesh"',
        b'"bufferView"',
        b'"count"',
        b":0",
        b":1",
        b"5126",
        b'"VEC3"',
        b'"attributes"',
        b"[",
        b"]",
        b"2.0",
    ]

    reads_or_refuses(read_mesh, tmp_path / "a.glb", damaged(data, *words))
