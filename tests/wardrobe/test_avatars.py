"""What a procedural avatar promises to whoever composes, poses or renders it."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modiste.models.avatars.labels import LABEL_INDEX
from modiste.models.body import JOINT_INDEX
from modiste.wardrobe import procedural_avatar, random_recipe

ROOT = Path(__file__).parents[2]
COUNT = 4000


def digest(avatar) -> str:
    parts = [avatar.mesh.vertices, avatar.mesh.texture, avatar.labels, avatar.gaussians.barycentric, avatar.gaussians.sh]
    return hashlib.sha256(b"".join(part.contiguous().numpy().tobytes() for part in parts)).hexdigest()


@pytest.fixture(scope="module")
def avatar():
    return procedural_avatar(random_recipe(3, "rest", COUNT))


@pytest.fixture(scope="module")
def skirt_avatar():
    recipe = random_recipe(12, "walk", COUNT, woman=True)
    return procedural_avatar(replace(recipe, lower=replace(recipe.lower, cut="skirt"), hair=replace(recipe.hair, style="long")))


@pytest.mark.parametrize("name", ["avatar", "skirt_avatar"])
def test_all_parts_are_finite_and_in_range(name, request):
    avatar = request.getfixturevalue(name)
    mesh, bound = avatar.mesh, avatar.gaussians
    for values in (mesh.vertices, mesh.corner_uv, mesh.texture, bound.barycentric, bound.scale, bound.sh, avatar.skinning):
        assert values.isfinite().all()
    assert len(bound) == COUNT
    assert mesh.faces.max() == len(mesh.vertices) - 1
    assert mesh.corner_uv.min() >= 0 and mesh.corner_uv.max() <= 1
    assert mesh.texture.min() >= 0 and mesh.texture.max() <= 1
    assert (bound.scale > 0).all() and (bound.barycentric >= 0).all()


@pytest.mark.parametrize("name", ["avatar", "skirt_avatar"])
def test_skinning_rows_sum_to_one(name, request):
    weights = request.getfixturevalue(name).skinning
    torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)), atol=1e-4, rtol=0)
    assert (weights > -1e-6).all()


@pytest.mark.parametrize("name", ["avatar", "skirt_avatar"])
def test_a_dressed_person_has_face_hair_neck_hands_clothes_and_shoes(name, request):
    labels = request.getfixturevalue(name).labels
    for label in ("face", "hair", "torso_skin", "hands", "clothes", "shoes"):
        assert (labels == LABEL_INDEX[label]).sum() > 50, label


def test_left_is_the_side_of_positive_x(avatar):
    for side, sign in (("left", 1), ("right", -1)):
        for limb in ("arm", "leg"):
            mine = avatar.labels == LABEL_INDEX[f"{side}_{limb}"]
            assert (avatar.mesh.vertices[mine, 0] * sign > 0).all(), f"{side}_{limb}"


def test_the_head_is_above_the_clothes_and_the_shoes_below(avatar):
    height = {name: avatar.mesh.vertices[avatar.labels == LABEL_INDEX[name], 1] for name in ("face", "clothes", "shoes")}
    assert height["face"].mean() > height["clothes"].max() - 0.05
    assert height["shoes"].max() < height["clothes"].mean()


def test_the_avatar_stands_on_the_floor(avatar, skirt_avatar):
    for some in (avatar, skirt_avatar):
        assert abs(float(some.mesh.vertices[:, 1].min())) < 1e-5


def test_skin_that_lies_bare_is_the_body_own_surface(avatar):
    from scipy.spatial import cKDTree

    body = avatar.body.posed().vertices
    bare = torch.isin(avatar.labels, torch.tensor([LABEL_INDEX["hands"]]))
    distance, _ = cKDTree(body.numpy()).query(avatar.mesh.vertices[bare].numpy())
    assert distance.max() < 1e-4


def test_clothes_lie_outside_the_body_at_rest(avatar):
    from modiste.models.avatars.closest import closest_points
    from modiste.models.geometry.mesh import face_normals

    body = avatar.body.posed().vertices
    faces = avatar.body.model.faces
    cloth = torch.zeros(len(avatar.mesh.faces), dtype=torch.bool)
    cloth[(avatar.labels[avatar.mesh.faces] == LABEL_INDEX["clothes"]).all(1)] = True
    # Folded hems lie inside on purpose: they are the faces without area in the texture.
    uv = avatar.mesh.corner_uv
    edge = uv[:, 1:] - uv[:, :1]
    cloth &= (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]).abs() > 1e-12
    points = avatar.mesh.vertices[avatar.mesh.faces[cloth]].mean(1)[::7]
    found = closest_points(points, body, faces)
    outside = ((points - found.point) * face_normals(body, faces)[found.face]).sum(1) > 0
    assert outside.float().mean() > 0.99


def test_posed_clothes_move_with_the_body(avatar):
    raised = avatar.body.parameters.pose.clone()
    raised[JOINT_INDEX["left_shoulder"], 2] = 0.6
    walking = procedural_avatar(replace(random_recipe(3, "rest", COUNT), pose=tuple(map(tuple, raised.tolist()))))
    moved = (walking.mesh.vertices - avatar.mesh.vertices).norm(dim=1)
    on_hand = avatar.skinning[:, JOINT_INDEX["left_wrist"]] > 0.9
    on_foot = avatar.skinning[:, JOINT_INDEX["left_foot"]] > 0.9
    assert moved[on_hand].min() > 0.2
    assert moved[on_foot].max() < 1e-4


def test_another_process_makes_the_same_avatar_bit_for_bit(avatar):
    script = (
        f"import runpy, sys; runpy.run_path({str(ROOT / 'modiste.py')!r})['load_pack']();"
        f"import importlib.util as u; s = u.spec_from_file_location('t', {__file__!r}); m = u.module_from_spec(s);"
        "s.loader.exec_module(m);"
        f"print(m.digest(m.procedural_avatar(m.random_recipe(3, 'rest', {COUNT}))))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split()[-1] == digest(avatar)


def test_progress_counts_up_and_can_cancel():
    seen = []

    def report(done, total):
        seen.append((done, total))
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        procedural_avatar(random_recipe(0, "stand", COUNT), report)
    assert seen == sorted(seen) and seen[-1][0] == 3


@pytest.mark.parametrize("part, change", [("hair", "style"), ("upper", "cut"), ("lower", "cut")])
def test_an_unknown_name_is_told_with_the_known_ones(part, change):
    recipe = random_recipe(0, "stand", COUNT)
    with pytest.raises(ValueError, match=r"There is no .*'toga'; use one of"):
        procedural_avatar(replace(recipe, **{part: replace(getattr(recipe, part), **{change: "toga"})}))


def test_an_unknown_pose_is_told():
    with pytest.raises(ValueError, match="no pose 'headstand'"):
        procedural_avatar(random_recipe(0, "headstand", COUNT))
