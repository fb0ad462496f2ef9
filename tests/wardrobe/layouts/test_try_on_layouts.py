"""What is written in a layout of try-on data is read back, and what is broken is named and left out."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from modiste.wardrobe.layouts import DressCode, NativeTryOn, VitonHD, dresscode, native, viton_hd
from modiste.wardrobe.layouts.labels import ATR, CIHP, label_picture
from modiste.wardrobe.slots import PART_INDEX

# VITON-HD's and DressCode's numbers, as their readers elsewhere use them.
CIHP_UPPER, CIHP_NECK, CIHP_ARMS = (5, 6, 7), 10, (14, 15)
ATR_LEGS, ATR_SHOES = (12, 13), (9, 10)


def write(layout, folder, people):
    records = [record for index, sample in people.items() for record in layout.write_person(folder, index, sample)]
    if layout is native:
        native.finish(folder, records, "people", 3, 48, 64)
    else:
        layout.finish(folder, records)
    return folder


def close(read, written):
    """JPEG at its best: a few grey levels on average."""
    return (read.float() - written.float()).abs().mean() < 3


def garment_of(sample, *slots):
    return next(garment for slot in slots for garment in sample.garments if garment.slot == slot)


@pytest.fixture(scope="module")
def viton(tmp_path_factory, people):
    return write(viton_hd, tmp_path_factory.mktemp("viton"), people)


@pytest.fixture
def broken(tmp_path, people):
    """A folder of four items of this layout, to be broken."""
    return write(viton_hd, tmp_path / "viton", {index: people[index % 2] for index in range(4)})


def test_viton_hd_reads_back_what_was_written(viton, people):
    data = VitonHD(viton)
    assert len(data) == 2 and data.skipped == ()
    for item, sample in zip(data, list(people.values())[:2], strict=True):
        garment = garment_of(sample, "outer", "dress", "upper")
        assert item.slot == "upper"
        assert close(item.person, sample.image) and close(item.garment, garment.flat) and close(item.agnostic, sample.agnostic)
        assert torch.equal(item.garment_mask, garment.flat_mask)
        assert torch.equal(item.agnostic_mask, sample.agnostic_mask)
        slots = torch.tensor([PART_INDEX[slot] for slot in ("upper", "dress", "outer")])
        assert torch.equal(item.mask, torch.isin(sample.parts, slots))
        hands = sample.parts == PART_INDEX["hands"]
        assert torch.equal(item.parts[~hands], sample.parts[~hands])
        assert torch.isin(item.parts[hands], torch.tensor([PART_INDEX["left_arm"], PART_INDEX["right_arm"]])).all()
        assert (item.caption, item.garment_caption) == (sample.caption, garment.flat_caption)


def test_viton_hd_has_the_names_and_labels_that_others_read(viton, people):
    assert (viton / "train_pairs.txt").read_text() == "00000_00.jpg 00000_00.jpg\n00001_00.jpg 00001_00.jpg\n"
    assert (viton / "test_pairs.txt").read_text() == ""  # one outfit: nothing to exchange
    for kind, ending in {"image": ".jpg", "cloth": ".jpg", "cloth-mask": ".jpg", "agnostic-v3.2": ".jpg"}.items():
        with Image.open(viton / "train" / kind / f"00001_00{ending}") as picture:
            assert picture.format == "JPEG" and picture.size == (48, 64)
    with Image.open(viton / "train" / "image-parse-v3" / "00001_00.png") as picture:
        assert picture.mode == "P"
        labels = torch.from_numpy(np.array(picture))
    parts = people[1].parts
    assert torch.equal(torch.isin(labels, torch.tensor(CIHP_UPPER)), torch.isin(parts, torch.tensor([9, 11, 12])))
    assert torch.equal(labels == CIHP_NECK, parts == PART_INDEX["torso_skin"])
    assert (viton / "test" / "agnostic-mask" / "00072_00_mask.png").is_file()


@pytest.mark.parametrize(
    "indices", [(*range(72, 80), *range(152, 160)), (72, 75, 76, 152, 153, 235), (79, *range(152, 160)), range(72, 80), ()]
)
def test_unpaired_lists_give_every_person_a_garment_of_another_outfit_or_are_empty(tmp_path, indices):
    """Whole outfits, outfits of which a category shows some pictures only, and one outfit alone."""
    captions = {"caption": "", "garment_caption": ""}
    known = [{"split": "test", "index": index, "captions": captions} for index in indices]
    viton_hd.finish(tmp_path / "viton", [record | {"name": f"{record['index']:05d}_00"} for record in known])
    named = [record | {"number": f"{record['index']:06d}", "category": "lower_body"} for record in known]
    dresscode.finish(tmp_path / "dresscode", named)
    several = len({index // 8 for index in indices}) > 1
    for name in ("viton/test_pairs.txt", "dresscode/lower_body/test_pairs_unpaired.txt"):
        pairs = [tuple(int(file.split("_")[0]) for file in line.split()) for line in (tmp_path / name).read_text().splitlines()]
        assert [person for person, _ in pairs] == (list(indices) if several else [])
        assert all(garment in indices and person // 8 != garment // 8 for person, garment in pairs)


def test_sides_are_the_persons_own(people):
    """Seen from the front, a person's left shoe, leg and arm are on the right of the picture."""
    sample = next(sample for sample in people.values() if abs(sample.shot.yaw) < 30)
    for labels in (CIHP, ATR):
        picture = label_picture(sample, labels)
        columns = torch.arange(picture.shape[1]).expand_as(picture)
        sides = [columns[picture == labels[f"{side}_shoe"]].float() for side in ("left", "right")]
        if min(map(len, sides)) > 3:
            assert sides[0].mean() > sides[1].mean()
    arms = [(label_picture(sample, CIHP) == label).nonzero()[:, 1].float().mean() for label in CIHP_ARMS]
    assert arms[0] > arms[1]


def test_dresscode_reads_back_what_was_written(tmp_path, people):
    folder = write(dresscode, tmp_path, people)
    written = {0: people[0], 1: people[1]}
    data = DressCode(folder, strict=True)
    names = [item.name for item in data]
    for index, sample in written.items():
        worn = {garment.slot for garment in sample.garments}
        expected = {"dresses"} if "dress" in worn else {"upper_body"}
        if "lower" in worn and garment_of(sample, "lower").mask.sum() > 0.01 * (sample.depth > 0).sum():
            expected.add("lower_body")
        if "outer" in worn:
            expected.add("upper_body")
        assert {name.split()[0] for name in names if f"{index:06d}_0" in name} == expected
    for item in data:
        category, person, _ = item.name.split()
        sample = written[int(person[:6])]
        slots = {"upper_body": ("outer", "upper"), "lower_body": ("lower",), "dresses": ("dress",)}[category]
        garment = garment_of(sample, *slots)
        assert item.slot == {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}[category]
        assert close(item.person, sample.image) and close(item.garment, garment.flat)
        assert torch.equal(item.garment_mask, garment.flat_mask)
        assert torch.equal(item.mask, torch.isin(sample.parts, torch.tensor([PART_INDEX[slot] for slot in slots])))
        assert (item.caption, item.garment_caption) == (sample.caption, garment.flat_caption)
        with Image.open(folder / category / "label_maps" / f"{person[:6]}_4.png") as picture:
            labels = torch.from_numpy(np.array(picture))
        legs = torch.tensor([PART_INDEX["left_leg"], PART_INDEX["right_leg"]])
        assert torch.equal(torch.isin(labels, torch.tensor(ATR_LEGS)), torch.isin(sample.parts, legs))
        assert torch.equal(torch.isin(labels, torch.tensor(ATR_SHOES)), sample.parts == PART_INDEX["shoes"])


def test_dresscode_lists_are_tabbed_and_numbered_by_kind_at_the_top(tmp_path, people):
    folder = write(dresscode, tmp_path, people)
    kinds = ("upper_body", "lower_body", "dresses")
    for name in ("train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt"):
        own = [
            f"{line}\t{kind}" for kind, category in enumerate(kinds) for line in (folder / category / name).read_text().splitlines()
        ]
        assert (folder / name).read_text().splitlines() == own
    first = (folder / "train_pairs.txt").read_text().splitlines()[0].split("\t")
    assert first[0].endswith("_0.jpg") and first[1] == first[0].replace("_0.jpg", "_1.jpg") and first[2] in "012"
    categories = [category for category in kinds if (folder / category / "test_pairs_paired.txt").read_text()]
    assert len(DressCode(folder, "test", categories)) == len(categories) > 0


def test_native_gives_an_item_for_every_garment(tmp_path, people):
    data = NativeTryOn(write(native, tmp_path, people))
    pairs = [(sample, garment) for sample in people.values() for garment in sample.garments]
    for item, (sample, garment) in zip(data, pairs, strict=True):
        assert item.slot == garment.slot
        for read, written in (
            (item.person, sample.image), (item.garment, garment.flat), (item.mask, garment.mask), (item.parts, sample.parts),
            (item.garment_mask, garment.flat_mask), (item.agnostic, sample.agnostic), (item.agnostic_mask, sample.agnostic_mask),
        ):  # fmt: skip
            assert torch.equal(read, written)
        assert (item.caption, item.garment_caption) == (sample.caption, garment.flat_caption)


def test_a_real_folder_needs_people_and_garments_only(tmp_path, viton):
    for kind in ("image", "cloth"):
        (tmp_path / "train" / kind).mkdir(parents=True)
        (tmp_path / "train" / kind / "a.jpg").write_bytes((viton / "train" / kind / "00000_00.jpg").read_bytes())
    (tmp_path / "train_pairs.txt").write_text("a.jpg a.jpg\r\n\n")
    (item,) = VitonHD(tmp_path, strict=True)
    assert item.mask is item.garment_mask is item.agnostic is item.parts is item.caption is None


def break_missing(folder):
    (folder / "train" / "cloth" / "00001_00.jpg").unlink()
    return "'train/cloth/00001_00.jpg' is missing"


def break_size(folder):
    Image.new("RGB", (30, 40)).save(folder / "train" / "image" / "00001_00.jpg")
    return "'train/image/00001_00.jpg' is 30x40 pixels and should be 48x64"


def break_mask_size(folder):
    Image.new("L", (30, 40)).save(folder / "train" / "cloth-mask" / "00001_00.jpg")
    return "'train/cloth-mask/00001_00.jpg' is 30x40 pixels and should be 48x64"


def break_text(folder):
    (folder / "train" / "image" / "00001_00.jpg").write_text("not a picture")
    return "'train/image/00001_00.jpg' cannot be read"


def break_list(folder):
    lines = (folder / "train_pairs.txt").read_text().splitlines()
    (folder / "train_pairs.txt").write_text("\n".join([lines[0], "00001_00.jpg", *lines[2:]]))
    return "line 2 of train_pairs.txt does not name two files"


def break_out(folder):
    lines = (folder / "train_pairs.txt").read_text().splitlines()
    (folder / "train_pairs.txt").write_text("\n".join([lines[0], "../../secret.jpg 00001_00.jpg", *lines[2:]]))
    return "line 2 of train_pairs.txt does not name two files"


@pytest.mark.parametrize("damage", [break_missing, break_size, break_mask_size, break_text, break_list, break_out])
def test_what_is_broken_is_named_and_left_out_or_stops(broken, damage):
    reason = damage(broken)
    data = VitonHD(broken)
    assert [item.name[:5] for item in data] == ["00000", "00002", "00003"]
    (skipped,) = data.skipped
    assert skipped.startswith(reason)
    with pytest.raises(ValueError) as caught:
        VitonHD(broken, strict=True)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["image/00001_00.jpg", "cloth/00001_00.jpg", "image-parse-v3/00001_00.png", "agnostic-mask/00001_00_mask.png"]),
    st.floats(0, 0.999),
)
def test_a_file_cut_off_anywhere_is_left_out(broken, name, share):
    path = broken / "train" / name
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: int(share * len(whole))])
        data = VitonHD(broken)
        assert len(data) == 3
        assert name in data.skipped[0]
    finally:
        path.write_bytes(whole)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["image/00001_00.jpg", "image-parse-v3/00001_00.png"]), st.data())
def test_a_damaged_file_is_left_out_or_read_or_refused_in_a_sentence(broken, name, data):
    path = broken / "train" / name
    whole = path.read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        path.write_bytes(bytes(damaged))
        found = VitonHD(broken)
        for index in range(len(found)):
            try:
                found[index]
            except ValueError as error:
                assert name in str(error) and "\n" not in str(error)
    finally:
        path.write_bytes(whole)


def test_colours_in_place_of_labels_are_refused(broken):
    Image.new("RGB", (48, 64)).save(broken / "train" / "image-parse-v3" / "00001_00.png")
    with pytest.raises(ValueError, match=r"00001_00\.png.* colours in place of labels"):
        VitonHD(broken)[1]


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), (b"\xff\xfe\x00", "cannot be read"), (b"", "its list is empty")]
)
def test_a_folder_without_a_usable_list_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "train_pairs.txt").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        VitonHD(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", '{"00000_00": "a man"}', '{"00000_00": {"caption": 3}}', '{"a": null}', "{"])
def test_odd_captions_are_refused_in_a_sentence(broken, content):
    (broken / "train" / "captions.json").write_text(content)
    with pytest.raises(ValueError, match=r"captions\.json") as caught:
        VitonHD(broken)
    assert "\n" not in str(caught.value)


def test_unknown_labels_of_real_data_become_parts(tmp_path, viton):
    """Glove, sunglasses and socks of the real data set are hands, face and shoes."""
    for kind in ("image", "cloth"):
        (tmp_path / "train" / kind).mkdir(parents=True)
        (tmp_path / "train" / kind / "a.jpg").write_bytes((viton / "train" / kind / "00000_00.jpg").read_bytes())
    (tmp_path / "train" / "image-parse-v3").mkdir()
    labels = np.zeros((64, 48), np.uint8)
    labels[0, :4] = 3, 4, 8, 200
    Image.fromarray(labels).save(tmp_path / "train" / "image-parse-v3" / "a.png")
    (tmp_path / "train_pairs.txt").write_text("a.jpg a.jpg\n")
    parts = VitonHD(tmp_path)[0].parts[0, :4].tolist()
    assert parts == [PART_INDEX["hands"], PART_INDEX["face"], PART_INDEX["shoes"], 0]
