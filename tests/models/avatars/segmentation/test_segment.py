"""Segmentation: a person whose labels are known, told by masks, by the body, or by both."""

from dataclasses import replace

import pytest
import torch

from modiste.models.avatars import LABEL_INDEX, LABELS, sample_gaussians
from modiste.models.avatars.segmentation import CLASSES, Settings, label_pictures, segment
from modiste.models.avatars.segmentation.pictures import LABEL_COLORS
from modiste.models.avatars.views import camera_ring
from modiste.models.body.joints import PART_INDEX
from modiste.models.render.mesh_rasterizer import rasterize

MEMBERS = {
    "face": ("face",), "hair": ("hair",), "hands": ("hands",), "clothes": ("clothes",), "shoes": ("shoes",),
    "skin": ("torso_skin", "left_arm", "right_arm", "left_leg", "right_leg"),
}  # fmt: skip


@pytest.fixture(scope="module")
def person(shapes):
    """A barefoot person whose labels tell a shirt, which is part of the skin's surface, from the rest."""
    avatar = shapes.person(1)
    labels, height = avatar.labels.clone(), avatar.mesh.vertices[:, 1]
    labels[(labels == LABEL_INDEX["torso_skin"]) & (height < height.max() - 0.4)] = LABEL_INDEX["clothes"]
    for side in ("left", "right"):
        labels[avatar.body.model.parts == PART_INDEX[f"{side}_foot"]] = LABEL_INDEX[f"{side}_leg"]
    return replace(avatar, labels=labels)


@pytest.fixture(scope="module")
def cameras(person):
    return camera_ring(person, 6, 192, 256).cameras


@pytest.fixture(scope="module")
def masks(person, cameras):
    return {name: torch.stack([mask_of(person, camera, members) for camera in cameras]) for name, members in MEMBERS.items()}


def mask_of(avatar, camera, members):
    """What a perfect parser would answer: each pixel the label of the nearest corner of the face that it sees."""
    seen = rasterize(avatar.mesh.vertices, avatar.mesh.faces, camera)
    corner = avatar.mesh.faces[seen.face.clamp_min(0)].gather(-1, seen.barycentric.argmax(-1, keepdim=True))[..., 0]
    wanted = torch.tensor([LABEL_INDEX[name] for name in members])
    return (torch.isin(avatar.labels[corner], wanted) & (seen.face >= 0)).float()


def right(avatar, truth):
    return float((avatar.labels == truth.labels).float().mean())


def test_masks_and_a_body_find_the_labels(person, cameras, masks):
    found = segment(replace(person, labels=None), cameras, masks)
    assert right(found, person) > 0.97


def test_a_parser_that_errs_in_a_view_is_outvoted(person, cameras, masks):
    wrong = {name: mask.clone() for name, mask in masks.items()}
    for name in CLASSES:
        wrong[name][2] = masks["clothes"][2] if name == "shoes" else 0 * masks[name][2]
    assert right(segment(replace(person, labels=None), cameras, wrong), person) > 0.93


def test_without_a_body_bare_skin_is_torso_skin(person, cameras, masks):
    found = segment(replace(person, labels=None, body=None, skinning=None), cameras, masks)
    limbs = torch.tensor([LABEL_INDEX[name] for name in MEMBERS["skin"]])
    assert set(found.labels.unique().tolist()) <= {LABEL_INDEX[name] for name in (*CLASSES[:2], "torso_skin", *CLASSES[3:])}
    where = torch.isin(person.labels, limbs)
    assert float((found.labels[where] == LABEL_INDEX["torso_skin"]).float().mean()) > 0.9


def test_what_no_view_sees_takes_the_label_of_what_is_near(person, cameras, masks):
    bare = replace(person, labels=None, body=None, skinning=None)
    found = segment(bare, cameras[:1], {"clothes": torch.ones_like(masks["clothes"][:1])})
    assert (found.labels == LABEL_INDEX["clothes"]).all()  # back and soles too


def test_the_body_alone_tells_the_limbs_of_a_bare_person_apart(person):
    found = segment(replace(person, labels=None))
    for name in ("face", "left_arm", "right_arm", "left_leg", "right_leg", "hands"):
        where = person.labels == LABEL_INDEX[name]
        assert float((found.labels[where] == LABEL_INDEX[name]).float().mean()) > 0.9, name


def test_what_stands_off_the_body_or_has_another_colour_is_cloth(shapes):
    bare = shapes.person(2)
    trunk = bare.labels == LABEL_INDEX["torso_skin"]
    colors = torch.where(trunk[:, None], torch.tensor([0.1, 0.2, 0.8]), bare.mesh.colors)
    mesh = replace(bare.mesh, colors=colors)
    painted = replace(bare, mesh=mesh, gaussians=sample_gaussians(mesh, 12_000, 0), labels=None)
    found = segment(painted)
    assert float((found.labels[trunk] == LABEL_INDEX["clothes"]).float().mean()) > 0.8
    assert float((found.labels[~trunk] == LABEL_INDEX["clothes"]).float().mean()) < 0.05


def test_only_labels_change(person, cameras, masks):
    found = segment(replace(person, labels=None), cameras, masks)
    assert replace(found, labels=None) == replace(person, labels=None)
    assert found.labels.dtype == torch.int64 and len(found.labels) == len(person.mesh.vertices)


def test_the_same_inputs_give_the_same_labels(person, cameras, masks):
    first, second = (segment(replace(person, labels=None), cameras, masks, Settings(smoothing=2.0)) for _ in range(2))
    assert first.labels.equal(second.labels)


@pytest.mark.parametrize("calls", [1, 4, 9, 14])
def test_it_can_be_stopped_anywhere(person, cameras, masks, calls):
    """However far it is, the next word of progress stops it, and there are many."""

    class StopError(Exception):
        pass

    def stop(done, total, heard=[]):  # noqa: B006 - counts
        heard.append(done)
        if len(heard) == calls:
            raise StopError

    with pytest.raises(StopError):
        segment(replace(person, labels=None), cameras, masks, progress=stop)


def test_pictures_show_each_label_in_its_colour(person, cameras):
    picture = label_pictures(person, cameras[:1])[0]
    shown = torch.nn.functional.normalize(picture[mask_of(person, cameras[0], ["clothes"]) > 0], dim=1)
    wanted = torch.nn.functional.normalize(LABEL_COLORS[LABEL_INDEX["clothes"]], dim=0)
    assert len(LABEL_COLORS) == len(LABELS) and torch.allclose(shown, wanted.expand_as(shown), atol=1e-4)


def test_bad_input_gets_one_sentence(person, cameras, masks):
    bare = replace(person, labels=None, body=None, skinning=None)
    with pytest.raises(ValueError, match="Nothing tells this avatar's labels"):
        segment(bare)
    with pytest.raises(ValueError, match="without their cameras"):
        segment(person, (), masks)
    with pytest.raises(ValueError, match="no class 'socks'"):
        segment(person, cameras, {"socks": masks["shoes"]})
    with pytest.raises(ValueError, match="show nothing of this avatar"):
        segment(bare, cameras, {"shoes": 0 * masks["shoes"]})
    for wrong in (masks["face"][:1], masks["face"][..., 1:], masks["face"][0]):
        with pytest.raises(ValueError, match=r"The mask 'face' is .* parse the pictures that came with these cameras"):
            segment(person, cameras, masks | {"face": wrong})
    with pytest.raises(ValueError, match="has no labels to show"):
        label_pictures(bare, cameras)
