"""The native layout keeps everything, bit for bit."""

import json
from dataclasses import asdict

import pytest
import torch

from modiste.wardrobe.layouts import NativeSamples, NativeTryOn, native
from modiste.wardrobe.orbits import orbit_sample
from modiste.wardrobe.pairs import pair_sample

SIZE = (48, 64)


def assert_same_person(read, written):
    for name in ("image", "agnostic", "agnostic_mask", "parts", "uv", "depth"):
        assert torch.equal(getattr(read, name), getattr(written, name)), name
    assert_same_camera(read.camera, written.camera)
    assert_same_body(read.body, written.body)
    assert (read.caption, read.yaw) == (written.caption, written.shot.yaw)
    assert read.recipe == json.loads(json.dumps(asdict(written.recipe)))
    for one, other in zip(read.garments, written.garments, strict=True):
        for name, value in vars(other).items():
            same = torch.equal(getattr(one, name), value) if isinstance(value, torch.Tensor) else getattr(one, name) == value
            assert same, (other.slot, name)


def assert_same_camera(read, written):
    assert torch.equal(read.view, written.view) and torch.equal(read.intrinsics, written.intrinsics)
    assert (read.width, read.height) == (written.width, written.height)


def assert_same_body(read, written):
    for name in ("shape", "pose", "translation"):
        assert torch.equal(getattr(read, name), getattr(written.parameters, name))


@pytest.fixture
def folder(tmp_path, people):
    records = [record for index, sample in people.items() for record in native.write_person(tmp_path, index, sample)]
    native.finish(tmp_path, records, "people", 3, *SIZE)
    return tmp_path


def test_people_read_back_bit_for_bit(folder, people):
    data = NativeSamples(folder, strict=True)
    for read, written in zip(data, people.values(), strict=True):
        assert_same_person(read, written)


def test_pairs_read_back_bit_for_bit(tmp_path):
    pair = pair_sample(3, 0, *SIZE)
    native.finish(tmp_path, native.write_pair(tmp_path, 0, pair), "pairs", 3, *SIZE)
    (read,) = NativeSamples(tmp_path, strict=True)
    assert_same_person(read.source, pair.source)
    assert_same_person(read.target, pair.target)
    for one, other in ((read.flow, pair.flow), (read.completed, pair.completed)):
        assert torch.equal(one.offset, other.offset) and torch.equal(one.visible, other.visible)
    assert torch.equal(read.mirrored, pair.mirrored)
    for name in ("pose_distance", "yaw_difference", "occluded", "difficulty"):
        assert getattr(read, name) == getattr(pair, name)
    with pytest.raises(ValueError, match="holds pairs: for try-on, write samples of the kind people"):
        NativeTryOn(tmp_path)


def test_orbits_read_back_bit_for_bit(tmp_path):
    orbit = orbit_sample(3, 0, 3, *SIZE)
    native.finish(tmp_path, native.write_orbit(tmp_path, 0, orbit), "avatars", 3, *SIZE)
    (read,) = NativeSamples(tmp_path, strict=True)
    for name in ("images", "masks", "depth"):
        assert torch.equal(getattr(read, name), getattr(orbit, name))
    for one, other in zip(read.cameras, orbit.cameras, strict=True):
        assert_same_camera(one, other)
    assert_same_body(read.body, orbit.body)
    assert read.caption == orbit.caption


@pytest.mark.parametrize("name", ["image.png", "parts.png", "maps.npz", "sample.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_broken_sample_is_named_and_left_out_or_stops(folder, name, damage):
    path = folder / "000001" / name
    content = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    data = NativeSamples(folder)
    assert len(data) == 2
    assert data.skipped[0].startswith("'000001' is not whole")
    with pytest.raises(ValueError, match="'000001' is not whole"):
        NativeSamples(folder, strict=True)


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0}', '{"version": 1, "parts": []}'])
def test_a_list_of_another_kind_is_refused(folder, content):
    (folder / "samples.json").write_text(content)
    for reader in (NativeSamples, NativeTryOn):
        with pytest.raises(ValueError, match=r"samples\.json"):
            reader(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "cats"}, {"kind": ["people"]}, {"samples": 3}, {"samples": None}, {"samples": ["000000"]}, {"samples": [{}]},
        {"samples": [{"name": 5}]}, {"samples": [{"name": ""}]}, {"samples": [{"name": ".."}]},
        {"samples": [{"name": "../out/000000"}]},
    ],
)  # fmt: skip
def test_an_odd_list_is_refused_and_never_leaves_the_folder(folder, changes):
    path = folder / "samples.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    for reader in (NativeSamples, NativeTryOn):
        with pytest.raises(ValueError, match=r"samples\.json' does not list samples"):
            reader(folder)


@pytest.mark.parametrize("changes", [{"slot": "../000000/upper"}, {"slot": ["upper"]}, {"slot": "face"}, {"flat_caption": 3}])
def test_an_odd_garment_is_named_and_left_out(folder, changes):
    path = folder / "000001" / "sample.json"
    known = json.loads(path.read_text())
    known["garments"][0] |= changes
    path.write_text(json.dumps(known))
    data = NativeTryOn(folder)
    assert len(data.skipped) == 1 and data.skipped[0].startswith("'000001/sample.json' is not whole")
    if "slot" in changes:
        assert NativeSamples(folder).skipped[0].startswith("'000001' is not whole")


def test_without_its_list_nothing_counts_as_written(folder):
    (folder / "samples.json").unlink()
    with pytest.raises(ValueError, match=r"samples\.json"):
        NativeSamples(folder)
