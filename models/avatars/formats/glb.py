"""Triangle meshes in binary glTF 2.0 (.glb), whole in one file.

Read: every triangle of the scene with its node's transform, skins as the file poses them; base colour texture and factor, vertex
colours. Written: one unlit mesh, since an avatar's texture has its light baked in.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided

from ...files import atomic_write
from ...geometry import Mesh
from ...geometry.color import linear_to_srgb, srgb_to_linear
from .surfaces import (
    MAX_FACES,
    Material,
    Picture,
    RefusedFileError,
    Surface,
    damaged_file,
    split_corners,
    surface_to_mesh,
    weld,
)

MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
READABLE = ("KHR_materials_", "KHR_texture_transform", "KHR_mesh_quantization")
TRIANGLES = 4  # the modes below are points and lines, those above strips and fans


def read_glb(path: Path) -> Mesh:
    """Read all triangles of a .glb as one mesh; vertices that only a UV or normal seam had split are one again.

    Raises:
        ValueError: if it is damaged, refers to other files, is compressed, or holds no triangles.
    """
    with damaged_file(path, "GLB"):
        file = _Glb(path)
        surfaces = list(file.surfaces())
        if not surfaces:
            raise RefusedFileError(f"'{path.name}' holds no triangles: export a mesh.")
        return surface_to_mesh(path, _merged(surfaces, file.materials()))


def write_glb(path: Path, mesh: Mesh) -> None:
    """Write a mesh with its texture as PNG, or its vertex colours, as one unlit .glb.

    Raises:
        ValueError: if the file cannot be written.
    """
    textured = mesh.corner_uv is not None and mesh.texture is not None
    vertices, faces = mesh.vertices.numpy(), mesh.faces.numpy()
    material: dict = {"pbrMetallicRoughness": {"metallicFactor": 0.0}, "extensions": {"KHR_materials_unlit": {}}}
    data = {"POSITION": vertices}
    if textured:
        old, uv, faces = split_corners(faces, mesh.corner_uv.numpy())
        data = {"POSITION": vertices[old], "TEXCOORD_0": np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)}
        material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    elif mesh.colors is not None:
        data["COLOR_0"] = srgb_to_linear(mesh.colors).numpy()  # glTF keeps vertex colours in linear light
    blobs = [np.ascontiguousarray(values, "<f4").tobytes() for values in data.values()] + [faces.astype("<u4").tobytes()]
    accessors = [
        {"bufferView": index, "componentType": 5126, "count": len(values), "type": f"VEC{values.shape[1]}"}
        for index, values in enumerate(data.values())
    ]
    accessors[0] |= {"min": data["POSITION"].min(axis=0).tolist(), "max": data["POSITION"].max(axis=0).tolist()}
    accessors.append({"bufferView": len(data), "componentType": 5125, "count": faces.size, "type": "SCALAR"})
    primitive = {"attributes": {name: index for index, name in enumerate(data)}, "indices": len(data), "material": 0}
    scene = {
        "asset": {"version": "2.0", "generator": "Modiste"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "accessors": accessors,
    }
    if textured:
        scene |= {"textures": [{"source": 0}], "images": [{"bufferView": len(blobs), "mimeType": "image/png"}]}
        blobs.append(encode_png(mesh.texture.numpy()))
    _write_chunks(path, scene, blobs)


def encode_png(texture: np.ndarray) -> bytes:
    """Encode a texture [H, W, 3] sRGB in 0..1 as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray((texture * 255).round().clip(0, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


class _Glb:
    """The JSON and binary chunk of one file, with the look-ups that reading needs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        data = path.read_bytes()
        magic, version, _, length, kind = struct.unpack_from("<IIIII", data.ljust(20, b"\0"))
        if (magic, version, kind) != (MAGIC, 2, JSON_CHUNK):
            raise RefusedFileError(f"'{path.name}' is not a binary glTF 2.0 file: export it as .glb.")
        self.scene = json.loads(data[20 : 20 + length])
        size, kind = struct.unpack_from("<II", data[20 + length :].ljust(8, b"\0"))
        self.binary = data[28 + length :][:size] if kind == BINARY_CHUNK else b""
        if any("uri" in item for key in ("buffers", "images") for item in self.scene.get(key, [])):
            raise RefusedFileError(f"'{path.name}' refers to data outside itself: export it as one .glb with everything embedded.")
        foreign = [name for name in self.scene.get("extensionsRequired", []) if not name.startswith(READABLE)]
        if foreign:
            raise RefusedFileError(f"'{path.name}' needs the glTF extension {foreign[0][:60]!r}: export it without compression.")
        self.world = self._world_transforms()

    def view(self, index: int) -> tuple[bytes, int | None]:
        """Return the bytes of a buffer view and its stride."""
        view = self.scene["bufferViews"][index]
        start, length = view.get("byteOffset", 0), view["byteLength"]
        if view["buffer"] != 0 or start < 0 or length < 0 or start + length > len(self.binary):
            raise RefusedFileError(f"'{self.path.name}' is cut short: copy or export it again.")
        return self.binary[start : start + length], view.get("byteStride")

    def accessor(self, index: int) -> np.ndarray:
        """Return the values [count, width] of an accessor, normalised integers as 0..1 or -1..1."""
        accessor = self.scene["accessors"][index]
        dtype, width, count = np.dtype(COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]], accessor["count"]
        if "sparse" in accessor:
            raise RefusedFileError(f"'{self.path.name}' has sparse data, which is not read: export it without.")
        data, stride = self.view(accessor["bufferView"])
        start, stride = accessor.get("byteOffset", 0), stride or dtype.itemsize * width
        row = dtype.itemsize * width
        if count < 1 or start < 0 or stride < row or start + stride * (count - 1) + row > len(data):
            raise RefusedFileError(f"'{self.path.name}' promises more data than it has: copy or export it again.")
        first = np.frombuffer(data, dtype, width, start)
        values = as_strided(first, (count, width), (stride, dtype.itemsize), writeable=False)
        if not accessor.get("normalized"):
            return values.copy()
        return np.maximum(values.astype(np.float32) / np.iinfo(dtype).max, -1)

    def materials(self) -> list[Material]:
        """Return the materials, and a white one last for primitives that name none."""
        return [self._material(material) for material in self.scene.get("materials", [])] + [Material()]

    def surfaces(self) -> Iterator[Surface]:
        """Yield one surface a drawn node, in world space and welded; `material` counts with the nameless one last."""
        drawn = []
        for index, world in self.world.items():
            node = self.scene["nodes"][index]
            if "mesh" in node:
                primitives = self.scene["meshes"][node["mesh"]]["primitives"]
                drawn.append((node, world, [p for p in primitives if p.get("mode", TRIANGLES) >= TRIANGLES]))
        self._check_size([primitive for _, _, primitives in drawn for primitive in primitives])
        for node, world, primitives in drawn:
            if primitives:
                yield weld(_merged([self._primitive(primitive, node, world) for primitive in primitives], []))

    def _check_size(self, primitives: list[dict]) -> None:
        """Refuse primitives that draw too much, before memory is taken: a small file may draw the same data many times."""
        vertices = corners = 0
        for primitive in primitives:
            points = primitive["attributes"]["POSITION"]
            vertices += self._count(points)
            corners += self._count(primitive.get("indices", points))
        if max(vertices, corners) > 3 * MAX_FACES:
            raise RefusedFileError(f"'{self.path.name}' draws more than {MAX_FACES} triangles: make it smaller.")

    def _count(self, accessor: int) -> int:
        return max(0, int(self.scene["accessors"][accessor]["count"]))

    def _world_transforms(self) -> dict[int, np.ndarray]:
        """World matrices [4, 4] of the nodes of the scene, in order of descent."""
        nodes = self.scene.get("nodes", [])
        scenes = self.scene.get("scenes", [])
        roots = scenes[self.scene.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
        world: dict[int, np.ndarray] = {}
        waiting = [(root, np.eye(4)) for root in reversed(roots)]
        while waiting:
            index, parent = waiting.pop()
            if index in world or index < 0:
                raise RefusedFileError(f"'{self.path.name}' has a node with two parents: export it again.")
            world[index] = parent @ _local_transform(nodes[index])
            waiting += [(child, world[index]) for child in reversed(nodes[index].get("children", []))]
        return world

    def _material(self, material: dict) -> Material:
        color = material.get("pbrMetallicRoughness", {})
        factor = np.array([float(value) for value in color.get("baseColorFactor", (1, 1, 1, 1))])[:3]
        plain = tuple(linear_to_srgb(torch.from_numpy(factor).clamp(0, 1)).tolist()) if (factor != 1).any() else (1.0, 1.0, 1.0)
        texture = color.get("baseColorTexture")
        source = None if texture is None else self.scene["textures"][texture["index"]].get("source")
        if source is None:
            return Material(None, plain)
        return Material(Picture(self.path, source, lambda: self.view(self.scene["images"][source]["bufferView"])[0]), plain)

    def _primitive(self, primitive: dict, node: dict, world: np.ndarray) -> Surface:
        """Read one primitive of a node into world space."""
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            raise RefusedFileError(f"'{self.path.name}' has triangle strips or fans: export plain triangles.")
        attributes = primitive["attributes"]
        points = self.accessor(attributes["POSITION"]).astype(np.float64)
        count = len(points)
        indices = self.accessor(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(count)
        faces = indices[: len(indices) // 3 * 3].reshape(-1, 3).astype(np.int64)
        if len(faces) and faces.max() >= count:
            raise RefusedFileError(f"'{self.path.name}' has faces that point beyond its vertices: export it again.")
        placed = self._skin_transforms(attributes, node["skin"]) if "skin" in node else np.broadcast_to(world, (count, 4, 4))
        vertices = np.einsum("vij,vj->vi", placed[:, :3, :3], points) + placed[:, :3, 3]
        material = primitive.get("material", len(self.scene.get("materials", [])))
        uv, colors = self._uv(attributes, material), None
        if "COLOR_0" in attributes:
            linear = torch.from_numpy(self.accessor(attributes["COLOR_0"])[:, :3].astype(np.float64))
            colors = linear_to_srgb(linear.clamp(0, 1)).float().numpy()
        return Surface(
            vertices.astype(np.float32),
            faces,
            None if uv is None else uv[faces],
            colors,
            np.full(len(faces), material, dtype=np.int64),
            [],
        )

    def _uv(self, attributes: dict, material: int) -> np.ndarray | None:
        """UVs [V, 2] of the base colour texture, v upwards, with its texture transform."""
        materials = self.scene.get("materials", [])
        texture = {}
        if material < len(materials):
            texture = materials[material].get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        transform = texture.get("extensions", {}).get("KHR_texture_transform", {})
        name = f"TEXCOORD_{transform.get('texCoord', texture.get('texCoord', 0))}"
        if name not in attributes:
            return None
        uv = self.accessor(attributes[name])[:, :2].astype(np.float64) * transform.get("scale", (1, 1))
        angle = transform.get("rotation", 0)
        cos, sin = np.cos(angle), np.sin(angle)
        uv = uv @ np.array([[cos, -sin], [sin, cos]]) + transform.get("offset", (0, 0))
        return np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1).astype(np.float32)

    def _skin_transforms(self, attributes: dict, index: int) -> np.ndarray:
        """The matrix [V, 4, 4] that poses each vertex of a skinned mesh; the node's own transform does not count (glTF 3.7.3)."""
        skin = self.scene["skins"][index]
        joints = np.stack([self.world[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            joints = joints @ self.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)[: len(joints)]
        weights = self.accessor(attributes["WEIGHTS_0"]).astype(np.float64)
        chosen = self.accessor(attributes["JOINTS_0"]).astype(np.int64)
        return np.einsum("vj,vjab->vab", weights / weights.sum(axis=1, keepdims=True), joints[chosen])


def _local_transform(node: dict) -> np.ndarray:
    """The matrix [4, 4] of a node."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = (float(value) for value in node.get("rotation", (0, 0, 0, 1)))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), dtype=np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _merged(surfaces: list[Surface], materials: list[Material]) -> Surface:
    """Put surfaces side by side in one; what only some have (UVs, colours) is zero, or white, in the others."""
    offsets = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
    uv = [surface.corner_uv for surface in surfaces]
    colors = [surface.colors for surface in surfaces]
    if any(values is not None for values in uv):
        uv = [np.zeros((len(s.faces), 3, 2), np.float32) if s.corner_uv is None else s.corner_uv for s in surfaces]
    if any(values is not None for values in colors):
        colors = [np.ones((len(s.vertices), 3), np.float32) if s.colors is None else s.colors for s in surfaces]
    return Surface(
        np.concatenate([surface.vertices for surface in surfaces]),
        np.concatenate([surface.faces + offset for surface, offset in zip(surfaces, offsets[:-1], strict=True)]),
        None if uv[0] is None else np.concatenate(uv),
        None if colors[0] is None else np.concatenate(colors),
        np.concatenate([surface.material for surface in surfaces]),
        materials,
    )


def _write_chunks(path: Path, scene: dict, blobs: list[bytes]) -> None:
    """Write the JSON and the blobs, one buffer view each, as the two chunks of a .glb."""
    padded = [blob + b"\0" * (-len(blob) % 4) for blob in blobs]
    starts = np.cumsum([0, *(len(blob) for blob in padded)])
    scene["bufferViews"] = [
        {"buffer": 0, "byteOffset": int(start), "byteLength": len(blob)} for start, blob in zip(starts, blobs, strict=False)
    ]
    binary = b"".join(padded)
    scene["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(scene, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        stream.write(struct.pack("<IIIII", MAGIC, 2, 28 + len(text) + len(binary), len(text), JSON_CHUNK) + text)
        stream.write(struct.pack("<II", len(binary), BINARY_CHUNK) + binary)
