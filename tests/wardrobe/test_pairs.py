"""What a pair promises: where every spot of the target is in the source, and whether it can be seen there."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from modiste.wardrobe import pairs, samples
from modiste.wardrobe.dressing import posed
from modiste.wardrobe.pairs import pair_sample, paired
from modiste.wardrobe.shading import Samples, shade
from modiste.wardrobe.slots import PART_INDEX, PARTS

SEED = 3
SIZE = (144, 192)
INDICES = (2, 8, 12)  # a small change of pose; two larger changes of pose and view


@pytest.fixture(scope="module")
def several():
    return [pair_sample(SEED, index, *SIZE, flats=False) for index in INDICES]


def places(pair, flow):
    """Return the target's pixels (row, column) that a flow knows, and where it leads (x, y)."""
    row, column = flow.visible[0].nonzero().unbind(1)
    return row, column, torch.stack([column, row], 1) + flow.offset[0, row, column]


def quads(image, place):
    """Return the four pixels [N, 4, C] around places (x, y) and their bilinear weights [N, 4, 1]; which are all in the picture."""
    height, width = image.shape[:2]
    low = place.floor()
    inside = ((low >= 0) & (low < torch.tensor([width - 1, height - 1]))).all(1)
    x, y = low.long().clamp_min(0).minimum(torch.tensor([width - 2, height - 2])).unbind(1)
    share = place - low
    values = torch.stack([image[y, x], image[y, x + 1], image[y + 1, x], image[y + 1, x + 1]], 1)
    right, down = share.unbind(1)
    weights = torch.stack([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down], 1)
    return values, weights[..., None], inside


def rest_places(sample):
    """Return where at rest the spots are that the pixels show [H, W, 3], and their layers [H, W]."""
    face = sample.picture.face.long()
    corners = sample.person.rest[sample.person.faces[face]]
    layer = torch.where(face >= 0, sample.person.face_layer[face], -1)
    return (corners * sample.picture.barycentric[..., None]).sum(-2), layer


def test_flow_carries_the_sources_uv_to_the_targets(several):
    """Where the source's UV varies smoothly over a pixel, the error is a small part of what it varies by."""
    for pair in several:
        row, column, place = places(pair, pair.flow)
        values, weights, inside = quads(pair.source.uv, place)
        layers, _, _ = quads(rest_places(pair.source)[1][..., None], place)
        span = (values.amax(1) - values.amin(1)).norm(dim=1)
        smooth = inside & (layers == layers[:, :1]).all((1, 2)) & (span < 0.02)
        error = ((values * weights).sum(1) - pair.target.uv[row, column]).norm(dim=1)[smooth]
        assert len(error) > 1000
        assert error.median() < 1e-3
        in_pixels = error / span[smooth].clamp_min(1e-4)
        assert in_pixels.median() < 0.05
        assert in_pixels.quantile(0.95) < 0.5


def test_flow_leads_to_the_same_spot_of_the_surface(several):
    """The nearest pixel of the source shows a place of the person at rest that is about a pixel away, on the same layer."""
    for pair in several:
        row, column, place = places(pair, pair.flow)
        here, layer = rest_places(pair.target)
        there, other = rest_places(pair.source)
        x, y = place.round().long().unbind(1)
        distance = (here[row, column] - there[y, x]).norm(dim=1)
        pixel = float(pair.source.depth[pair.source.depth > 0].median() / pair.source.camera.intrinsics[0, 0])
        assert distance.median() < pixel
        assert distance.quantile(0.95) < 5 * pixel  # a pixel seen at a slant stands for more
        assert (layer[row, column] == other[y, x]).float().mean() > 0.98


def test_colours_under_even_light_are_carried_over(several):
    for pair in several:
        before, after = evenly_lit(pair.source), evenly_lit(pair.target)
        row, column, place = places(pair, pair.flow)
        values, weights, inside = quads(before, place)
        carried, target = (values * weights).sum(1)[inside], after[row, column][inside]
        assert (carried - target).abs().median() < 0.01
        assert (carried - target).abs().mean() < 0.3 * (before[row, column][inside] - target).abs().mean()


def evenly_lit(sample):
    """Paint what the centres of a sample's pixels show, in light that is the same everywhere: [H, W, 3] linear colours."""
    height, width = sample.depth.shape
    fine = Samples(
        torch.full((2 * height + 1, 2 * width + 1), -1),
        torch.zeros(2 * height + 1, 2 * width + 1, 3),
        torch.zeros(2 * height + 1, 2 * width + 1),
    )
    centres = (slice(1, None, 2), slice(1, None, 2))
    fine.face[centres], fine.barycentric[centres] = sample.picture.face.long(), sample.picture.barycentric
    fine.depth[centres] = sample.depth
    vertices = posed(sample.person, sample.shot.pose.rotations).vertices
    return shade(sample.person.pieces, vertices, torch.full((len(vertices), 3), 0.6), fine, sample.camera)[centres]


def test_visibility_agrees_with_rays_from_the_source(several):
    """Rays against every face of the mesh; the closer bound leaves out outlines, for which pixels are coarse."""
    for pair in several[1:]:
        source, person = pair.source, pair.source.person
        before = posed(person, source.shot.pose.rotations).vertices
        after = posed(person, pair.target.shot.pose.rotations).vertices
        generator = torch.Generator().manual_seed(0)
        pixels = (pair.target.picture.face >= 0).nonzero()
        pixels = pixels[torch.randperm(len(pixels), generator=generator)[:150]]
        row, column = pixels.unbind(1)
        corners = person.faces[pair.target.picture.face[row, column].long()]
        weight = pair.target.picture.barycentric[row, column][..., None]
        points = (before[corners] * weight).sum(1)
        toward, toward_target = source.camera.position - points, pair.target.camera.position - (after[corners] * weight).sum(1)
        slant, other = (
            torch.nn.functional.cosine_similarity(torch.linalg.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0], dim=1), direction, dim=1)
            for t, direction in ((before[corners], toward), (after[corners], toward_target))
        )
        pixel = points @ source.camera.view[:3, :3].T + source.camera.view[:3, 3]
        pixel = (pixel @ source.camera.intrinsics.T)[:, :2] / pixel[:, 2:]
        inside = ((pixel > 0) & (pixel < torch.tensor([source.camera.width, source.camera.height]))).all(1)
        free = unblocked(points.double().numpy(), source.camera.position.double().numpy(), before[person.faces].double().numpy())
        expected = torch.from_numpy(free) & inside & (slant * other > 0)
        agrees = pair.flow.visible[0, row, column] == expected
        assert 20 < expected.sum() < 145
        assert agrees.float().mean() > 0.85
        x, y = pixel.floor().long().clamp_min(1).minimum(torch.tensor([SIZE[0] - 2, SIZE[1] - 2])).unbind(1)
        around = torch.stack([source.depth[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        smooth = (around.amax(0) - around.amin(0) < 0.03) & (slant.abs() > 1 / 6)
        assert smooth.sum() > 40
        assert agrees[smooth].float().mean() > 0.96


def unblocked(points, eye, triangles):
    """Return which points an eye sees past triangles, but for what is within 1.5 mm of the point."""
    corner, first, second = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    seen = []
    for ray in points - eye:
        across = np.cross(ray, second)
        with np.errstate(all="ignore"):
            scale = 1 / (first * across).sum(1)
            away = eye - corner
            u = scale * (away * across).sum(1)
            turned = np.cross(away, first)
            v, along = scale * (turned @ ray), scale * (second * turned).sum(1)
        blocked = (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 0) & ((1 - along) * np.linalg.norm(ray) > 1.5e-3)
        seen.append(not blocked.any())
    return np.array(seen)


def test_a_sample_paired_with_itself_stands_still(several):
    source = several[0].source
    pair = paired(source, source, pairs._mirror(SEED, 2 * INDICES[0] // samples.SHOTS))
    assert pair.flow.offset.abs().max() < 0.02
    assert pair.occluded < 0.005
    assert (pair.pose_distance, pair.yaw_difference, pair.difficulty) == (0.0, 0.0, "easy")
    assert torch.equal(pair.flow.visible[0] | pair.mirrored, pair.completed.visible[0])


def test_mirrored_spots_are_hidden_ones_on_the_other_side_of_the_body(several):
    swapped = [name.replace("left", "?").replace("right", "left").replace("?", "right") for name in PARTS]
    other = torch.tensor([PART_INDEX[name] for name in swapped])
    used = 0
    for pair in several:
        assert not (pair.mirrored & pair.flow.visible[0]).any()
        assert torch.equal(pair.completed.visible[0], pair.flow.visible[0] | pair.mirrored)
        assert torch.equal(pair.completed.offset[0][~pair.mirrored], pair.flow.offset[0][~pair.mirrored])
        row, column = pair.mirrored.nonzero().unbind(1)
        x, y = (torch.stack([column, row], 1) + pair.completed.offset[0, row, column]).round().long().unbind(1)
        here, there = rest_places(pair.target)[0][row, column], rest_places(pair.source)[0][y, x]
        distance = (here * torch.tensor([-1.0, 1.0, 1.0]) - there).norm(dim=1)
        assert distance.median() < 0.02
        assert (other[pair.target.parts[row, column].long()] == pair.source.parts[y, x]).float().mean() > 0.9
        used += len(row)
        arms = pair.target.parts[row, column] == PART_INDEX["left_arm"]
        if arms.sum() > 20:
            assert (pair.source.parts[y, x][arms] == PART_INDEX["right_arm"]).float().mean() > 0.9
    assert used > 500


def test_what_is_not_the_person_has_no_flow(several):
    for pair in several:
        background = pair.target.depth == 0
        for flow in (pair.flow, pair.completed):
            assert (flow.offset[0][background] == 0).all()
            assert not flow.visible[0][background].any()
        assert pair.occluded == pytest.approx(1 - float(pair.flow.visible.sum() / (~background).sum()), abs=1e-6)


def test_a_pair_is_one_person_in_two_poses_and_clothes_stay(several):
    for pair in several:
        assert pair.source.recipe == pair.target.recipe
        assert not torch.equal(pair.source.shot.pose.rotations, pair.target.shot.pose.rotations)
        assert pair.pose_distance > 0


@pytest.mark.parametrize(
    ("yaw", "occluded", "pose", "difficulty"),
    [
        (10, 0.1, 0.02, "easy"),
        (10, 0.1, 0.3, "medium"),
        (60, 0.3, 0.3, "medium"),
        (60.1, 0.1, 0.02, "hard"),
        (10, 0.301, 0.02, "hard"),
    ],
)
def test_difficulty_follows_its_definition(several, yaw, occluded, pose, difficulty):
    assert replace(several[0], yaw_difference=yaw, occluded=occluded, pose_distance=pose).difficulty == difficulty


def test_yaw_difference_is_the_shorter_way_round(several):
    pair = several[0]
    turned = [
        replace(sample, shot=replace(sample.shot, azimuth=angle)) for sample, angle in ((pair.source, 170.0), (pair.target, -170.0))
    ]
    mirror = pairs._mirror(SEED, 2 * INDICES[0] // samples.SHOTS)
    assert paired(*turned, mirror).yaw_difference == pytest.approx(20)


def test_same_pair_twice_is_the_same_bytes(several):
    def digest(pair):
        tensors = (pair.flow.offset, pair.flow.visible, pair.completed.offset, pair.completed.visible, pair.source.image)
        return hashlib.sha256(b"".join(tensor.contiguous().numpy().tobytes() for tensor in tensors)).hexdigest()

    samples.dressed.cache_clear()
    pairs._mirror.cache_clear()
    assert digest(pair_sample(SEED, INDICES[0], *SIZE, flats=False)) == digest(several[0])


def test_a_negative_index_is_refused():
    with pytest.raises(ValueError, match="count from 0"):
        pair_sample(SEED, -1)
