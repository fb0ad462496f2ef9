"""What a sample of a dressed person promises to who learns from it or is measured on it."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modiste.wardrobe import samples
from modiste.wardrobe.captions import garment_words
from modiste.wardrobe.colors import color_word
from modiste.wardrobe.dressing import posed
from modiste.wardrobe.flats import flat_picture
from modiste.wardrobe.samples import SHOTS, person_sample
from modiste.wardrobe.shading import picture
from modiste.wardrobe.slots import PART_INDEX, PARTS, SLOTS

ROOT = Path(__file__).parents[2]
SEED = 40
SIZE = (96, 128)


@pytest.fixture(scope="module")
def several():
    """Three people, the last of them twice."""
    return [person_sample(SEED, index, *SIZE) for index in (0, SHOTS, 2 * SHOTS, 2 * SHOTS + 1)]


def digest(sample) -> str:
    tensors = [sample.image, sample.agnostic, sample.parts, sample.uv, sample.depth, sample.camera.view, sample.picture.face]
    tensors += [tensor for garment in sample.garments for tensor in (garment.flat, garment.mask)]
    content = b"".join(tensor.contiguous().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(content + sample.caption.encode()).hexdigest()


def test_same_sample_twice_is_the_same_bytes(several):
    samples.dressed.cache_clear()
    samples._flats.cache_clear()
    assert digest(person_sample(SEED, SHOTS, *SIZE)) == digest(several[1])


def test_a_training_under_autocast_sees_the_same_bytes(several):
    samples.dressed.cache_clear()
    samples._flats.cache_clear()
    with torch.autocast("cpu", torch.bfloat16):
        assert digest(person_sample(SEED, SHOTS, *SIZE)) == digest(several[1])


def test_another_process_with_more_threads_agrees(several):
    script = f"""
import runpy, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
runpy.run_path({str(ROOT / "modiste.py")!r})["load_pack"]()
import torch
torch.set_num_threads(2)
from test_samples import SEED, SHOTS, SIZE, digest
from modiste.wardrobe.samples import person_sample
print(digest(person_sample(SEED, SHOTS, *SIZE)))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == digest(several[1])


def test_threads_are_left_as_they_were():
    threads = torch.get_num_threads()
    person_sample(SEED, 0, *SIZE, flats=False)
    assert torch.get_num_threads() == threads


def test_shots_in_a_row_show_one_person_in_other_poses(several):
    first, second = several[2:]
    assert first.recipe == second.recipe
    assert not torch.equal(first.image, second.image)
    assert not torch.equal(first.shot.pose.rotations, second.shot.pose.rotations)
    assert several[1].recipe != first.recipe


def test_masks_partition_the_person(several):
    for sample in several:
        person = sample.depth > 0
        covered = torch.stack([garment.mask for garment in sample.garments]).sum(0).int()
        skin_and_hair = torch.isin(
            sample.parts, torch.tensor([PART_INDEX[name] for name in PARTS if name not in (*SLOTS, "background")])
        )
        torch.testing.assert_close(covered + skin_and_hair.int(), person.int())
        assert ((sample.parts > 0) == person).all()


def test_every_pixel_of_the_person_is_where_its_address_says(several):
    for sample in several:
        standing = posed(sample.person, sample.shot.pose.rotations)
        row, column = (sample.depth > 0).nonzero().unbind(1)
        face = sample.picture.face[row, column].long()
        corners = standing.vertices[sample.person.faces[face]]
        point = (corners * sample.picture.barycentric[row, column][..., None]).sum(1)
        seen = point @ sample.camera.view[:3, :3].T + sample.camera.view[:3, 3]
        pixel = seen @ sample.camera.intrinsics.T
        torch.testing.assert_close(seen[:, 2], sample.depth[row, column], atol=1e-4, rtol=0)
        centres = torch.stack([column, row], 1) + 0.5
        torch.testing.assert_close(pixel[:, :2] / pixel[:, 2:], centres, atol=0.02, rtol=0)


def test_uv_is_in_the_unit_square_and_names_one_spot_of_a_layer(several):
    sample = several[0]
    assert sample.uv.min() >= 0 and sample.uv.max() <= 1
    person = sample.person
    for index, layer in enumerate(person.layers):
        triangles = person.face_uv[person.face_layer == index].double()
        edges = triangles[:, 1:] - triangles[:, :1]
        double_areas = (edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]).abs()
        # Where the flat panels overlapped, the triangles' areas would add up to more than the square that holds them.
        assert 0.05 < float(double_areas.sum() / 2) < 1.0, layer.name


def test_flats_show_each_garment_on_pure_white(several):
    width, height = SIZE
    for sample in several:
        for garment in sample.garments:
            wide = garment.slot in ("hat", "shoes")
            assert garment.flat.shape == ((width, height, 3) if wide else (height, width, 3))
            grown = torch.nn.functional.max_pool2d(garment.flat_mask[None, None].float(), 5, 1, 2)[0, 0] > 0
            assert (garment.flat[~grown] == 255).all()
            rows, columns = garment.flat_mask.nonzero().unbind(1)
            extent = torch.tensor(
                [(rows.max() - rows.min() + 1) / garment.flat.shape[0], (columns.max() - columns.min() + 1) / garment.flat.shape[1]]
            )
            assert 0.84 < extent.max() < 0.92
            assert rows.min() > 0 and columns.min() > 0


def test_flats_are_left_out_when_not_wanted(several):
    sample = person_sample(SEED, 0, *SIZE, flats=False)
    assert all(garment.flat is None and garment.flat_mask is None for garment in sample.garments)
    assert torch.equal(sample.image, several[0].image)


def test_garments_have_the_colour_that_they_are_called_by():
    """Seen pixel by pixel in the flat picture: of plain cloth most, of patterned cloth a good part."""
    plain, patterned = [], []
    for outfit in range(16):
        person = samples.dressed(SEED + 1, outfit)
        for slot, (_, pattern, color, printed) in samples.worn_garments(person.recipe).items():
            if slot == "shoes":  # soles and socks have colours of their own
                continue
            layer = next(layer for layer in person.layers if layer.name == slot)
            flat, mask = flat_picture(person, layer, 96, 128)
            words = Counter(color_word(pixel) for pixel in flat[mask][::7].float() / 255)
            if pattern == "plain" and printed is None:
                plain.append(words.most_common(1)[0][0] == color)
            else:
                patterned.append(color in [word for word, _ in words.most_common(3)])
    assert len(plain) >= 6 and len(patterned) >= 10
    assert sum(plain) >= 0.9 * len(plain)
    assert sum(patterned) >= 0.85 * len(patterned)


def test_caption_names_the_garments_that_are_seen_and_no_others(several):
    for sample in several:
        area = (sample.depth > 0).sum()
        for garment in sample.garments:
            named = bool(garment.named) and garment.named in sample.caption
            assert (garment_words(garment.cut, garment.pattern, garment.color) in sample.caption) == bool(garment.named)
            assert named == bool(garment.mask.sum() >= 0.01 * area), (garment.words, sample.caption)
            assert garment.flat_caption.endswith(f"{garment.words} on a white background")


def test_nothing_hides_a_garment_that_is_alone(several):
    sample = several[0]
    shirt = next(layer for layer in sample.person.layers if layer.name in ("upper", "dress"))
    alone = replace(sample.person, layers=(shirt,))
    standing = posed(alone, sample.shot.pose.rotations)
    taken = picture(standing, sample.camera, sample.shot.lamps, sample.shot.background, sample.shot.azimuth)
    assert taken.occlusion(0) == 0.0


def test_occlusion_is_the_share_of_its_own_picture_that_others_hide(several):
    """Counted again from pictures of each garment alone, pixel by pixel."""
    for sample in several[:2]:
        for garment in sample.garments:
            layer = next(layer for layer in sample.person.layers if layer.name == garment.slot)
            standing = posed(sample.person, sample.shot.pose.rotations)
            alone = replace(sample.person, layers=(layer,))
            start = int((sample.person.face_layer < sample.person.layers.index(layer)).sum())
            own = sample.person.faces[start : start + len(alone.faces)]
            vertices = standing.vertices[int(own.min()) : int(own.max()) + 1]
            still = replace(standing, person=alone, vertices=vertices, normals=torch.nn.functional.normalize(vertices, dim=1))
            taken = picture(still, sample.camera, sample.shot.lamps, sample.shot.background, sample.shot.azimuth)
            area = int((taken.face >= 0).sum())
            if area > 100:
                assert abs(garment.occlusion - (1 - int(garment.mask.sum()) / area)) < 0.06


def test_agnostic_picture_hides_the_upper_body_and_keeps_the_rest(several):
    for sample in several:
        hidden = sample.agnostic_mask
        for name in ("upper", "dress", "outer", "left_arm", "right_arm", "torso_skin"):
            assert hidden[sample.parts == PART_INDEX[name]].all(), name
        for name in ("face", "hair", "hat", "hands", "lower", "shoes"):
            assert not hidden[sample.parts == PART_INDEX[name]].any(), name
        assert (sample.agnostic[hidden] == 128).all()
        assert torch.equal(sample.agnostic[~hidden], sample.image[~hidden])


@pytest.mark.parametrize(("index", "width", "height", "reason"), [(-1, 96, 128, "index is -1"), (0, 128, 96, "128x96")])
def test_impossible_samples_are_refused(index, width, height, reason):
    with pytest.raises(ValueError, match=reason):
        person_sample(SEED, index, width, height)
