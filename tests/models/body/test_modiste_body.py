import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from modiste.models.body import JOINT_INDEX, JOINTS, PARENTS, PART_INDEX, PARTS, phenotype_shape
from modiste.models.body.modiste import BODY_FILE

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def mirror(body):
    """For each vertex, the vertex at its mirror image."""
    distance, index = cKDTree(body.template.numpy()).query(body.template.numpy() * (-1, 1, 1))
    assert np.quantile(distance, 0.99) < 1e-3
    return torch.from_numpy(index), torch.from_numpy(distance < 1e-4)


def height(shape, body):
    vertices = body.shaped(shape)[0]
    return float(vertices[:, 1].max() - vertices[:, 1].min())


def volume(shape, body):
    a, b, c = body.shaped(shape)[0][body.faces].unbind(1)
    return float((a * torch.linalg.cross(b, c, dim=-1)).sum() / 6)


def test_weights_are_a_partition_over_at_most_eight_joints(body):
    assert (body.weights >= 0).all()
    torch.testing.assert_close(body.weights.sum(1), torch.ones(len(body.weights)))
    assert (body.weights > 0).sum(1).max() <= 8
    assert body.weights.amax(0).min() > 0.3, "a joint that moves nothing"


def test_mesh_is_closed_and_faces_outwards(body):
    edges = torch.cat([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)
    assert all((b, a) in directed for a, b in directed)
    assert 0.04 < volume(torch.zeros(body.shape_size), body) < 0.12  # cubic metres of an adult


def test_uv_has_one_pair_per_corner_inside_the_texture(body):
    assert body.corner_uv.shape == (len(body.faces), 3, 2)
    assert body.corner_uv.min() >= 0
    assert body.corner_uv.max() <= 1


def test_mean_body_is_an_adult_standing_on_the_ground_facing_front_with_its_left_at_positive_x(body):
    vertices, joints = body.shaped(body.rest().shape)
    assert abs(float(vertices[:, 1].min())) < 0.005
    assert 1.6 < float(vertices[:, 1].max()) < 1.95
    for name in JOINTS:
        if name.startswith("left_"):
            assert joints[JOINT_INDEX[name], 0] > 0.02
    nose = vertices[body.parts == PART_INDEX["head"]][:, 2].max()
    assert nose > joints[JOINT_INDEX["head"], 2] + 0.05
    assert joints[JOINT_INDEX["left_foot"], 2] > joints[JOINT_INDEX["left_ankle"], 2]


def test_joints_lie_inside_the_limbs_they_move(body):
    _, joints = body.shaped(body.rest().shape)
    for name in ("left_knee", "right_elbow", "left_wrist", "neck", "left_middle2", "right_hip"):
        near = (body.template - joints[JOINT_INDEX[name]]).norm(dim=1) < 0.2
        around = body.template[near] - joints[JOINT_INDEX[name]]
        for axis in range(3):
            assert around[:, axis].min() < -0.003
            assert around[:, axis].max() > 0.003


def test_joints_and_weights_mirror_left_to_right(body, mirror):
    index, exact = mirror
    swap = [JOINT_INDEX[swapped(name)] for name in JOINTS]
    joints = body.shaped(body.rest().shape)[1]
    torch.testing.assert_close(joints[swap], joints * torch.tensor([-1.0, 1, 1]), atol=2e-3, rtol=0)
    assert ((body.weights[index][:, swap] - body.weights).abs().amax(1)[exact] < 0.02).float().mean() > 0.98


def swapped(name):
    return name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")


def test_parts_mirror_left_to_right(body, mirror):
    index, exact = mirror
    swap = torch.tensor([PART_INDEX[swapped(name)] for name in PARTS])
    off_middle = body.template[:, 0].abs() > 1e-3
    same = swap[body.parts[index]] == body.parts
    assert same[exact & off_middle].float().mean() > 0.999


def test_every_part_is_one_piece_of_skin_apart_from_the_eyes(body):
    edges = torch.cat([body.faces[:, [0, 1]], body.faces[:, [1, 2]]]).numpy()
    same = body.parts.numpy()[edges[:, 0]] == body.parts.numpy()[edges[:, 1]]
    edges = edges[same]
    _, piece = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (len(body.parts), len(body.parts))), directed=False)
    for part, name in enumerate(PARTS):
        pieces = len(np.unique(piece[body.parts.numpy() == part]))
        assert pieces == (3 if name == "head" else 1), name


def test_parts_are_where_a_person_has_them(body):
    centre = {name: body.template[body.parts == index].mean(0) for name, index in PART_INDEX.items()}
    assert centre["head"][1] > centre["neck"][1] > centre["torso"][1] > centre["left_upper_leg"][1] > centre["left_lower_leg"][1]
    assert centre["left_lower_leg"][1] > centre["left_foot"][1]
    assert centre["left_hand"][0] > centre["left_lower_arm"][0] > centre["left_upper_arm"][0] > 0 > centre["right_upper_arm"][0]


def test_shape_space_keeps_what_the_issue_asks_and_orders_its_axes(body):
    from safetensors import safe_open

    with safe_open(BODY_FILE, "pt") as file:
        metadata = file.metadata()
    assert body.shape_size >= 16
    assert float(metadata["variance_kept"]) >= 0.99
    assert metadata["kind"] == "modiste-body"
    spread = [float((body.shaped(row)[0] - body.template).norm()) for row in torch.eye(body.shape_size)]
    assert all(a >= 0.9 * b for a, b in pairwise(spread))


def test_shapes_add_linearly_for_vertices_and_joints(body):
    a, b = torch.randn(2, body.shape_size, generator=torch.Generator().manual_seed(3))
    zero, first, second, both = (body.shaped(shape) for shape in (a * 0, a, b, a + b))
    for index in (0, 1):
        torch.testing.assert_close(both[index] - zero[index], first[index] + second[index] - 2 * zero[index], atol=1e-5, rtol=0)


def test_phenotypes_do_what_their_names_say(body):
    zero = torch.zeros(body.shape_size)
    assert phenotype_shape().abs().max() < 1e-3
    heights = [height(phenotype_shape(height=value), body) for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert heights == sorted(heights)
    assert heights[-1] - heights[0] > 0.5
    assert height(phenotype_shape(age=0.0), body) < 0.9 < height(phenotype_shape(age=1 / 3), body) < height(zero, body)
    assert height(phenotype_shape(gender=0.0), body) > height(phenotype_shape(gender=1.0), body)
    assert volume(phenotype_shape(weight=1.0), body) > 1.1 * volume(phenotype_shape(weight=0.0), body)
    shoulders = [
        body.shaped(phenotype_shape(gender=value))[1][JOINT_INDEX["left_shoulder"], 0] / height(phenotype_shape(gender=value), body)
        for value in (0.0, 1.0)
    ]
    assert shoulders[0] > shoulders[1]


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_phenotype_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=r"phenotype weight .* from 0 to 1"):
        phenotype_shape(weight=wrong)


def test_every_extreme_person_stands_on_the_ground_and_keeps_proportions(body):
    for corner in torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).tolist():
        gender, age, muscle, weight, tall, proportions = corner
        shape = phenotype_shape(gender=gender, age=age, muscle=muscle, weight=weight, height=tall, proportions=proportions)
        vertices, joints = body.shaped(shape)
        assert abs(float(vertices[:, 1].min())) < 0.02
        assert 0.3 < height(shape, body) < 2.8
        lengths = (joints[1:] - joints[list(PARENTS[1:])]).norm(dim=1)
        assert lengths.min() > 0.002
        assert joints[JOINT_INDEX["head"], 1] > joints[JOINT_INDEX["pelvis"], 1] > joints[JOINT_INDEX["left_ankle"], 1] > 0


def test_loading_needs_torch_numpy_and_safetensors_only():
    code = (
        "import sys, runpy; runpy.run_path('modiste.py')['load_pack']()\n"
        "from modiste.models.body import load_modiste_body\n"
        "body = load_modiste_body(); body.posed(body.rest())\n"
        "print([name for name in ('scipy', 'smplx', 'trimesh', 'anny', 'gsplat', 'PIL') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_shipped_file_stays_a_few_megabytes():
    assert BODY_FILE.stat().st_size < 6e6
