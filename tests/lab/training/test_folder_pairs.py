"""Pairs from data sets' folders, and which of them the fine stage leaves out."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from modiste.lab.training import curation
from modiste.lab.training.curation import fault
from modiste.lab.training.folder_pairs import FolderPairs
from modiste.wardrobe.slots import PART_INDEX

UPPER = 5  # of CIHP's labels, as VITON-HD has them


def item(mask=(slice(20, 60), slice(20, 50)), garment=(slice(10, 70), slice(8, 52)), parts=None, size=(80, 60)):
    """Return a pair whose garment fills a box on the person, and another alone."""
    seen = torch.zeros(size, dtype=torch.bool)
    seen[mask] = True
    flat = torch.zeros(size, dtype=torch.bool)
    flat[garment] = True
    return SimpleNamespace(mask=seen, garment_mask=flat, garment=torch.zeros(*size, 3, dtype=torch.uint8), parts=parts)


def with_arms(share):
    parts = torch.full((80, 60), PART_INDEX["upper"], dtype=torch.uint8)
    parts[20 : 20 + round(40 * share), 20:50] = PART_INDEX["left_arm"]
    return item(parts=parts)


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (item(), ""),
        (item(mask=(slice(0, 0), slice(0, 0))), "hardly seen"),
        (item(mask=(slice(20, 24), slice(20, 24))), "hardly seen"),
        (item(mask=(slice(40, 80), slice(20, 50))), "cut off by the picture's edge"),
        (item(mask=(slice(20, 60), slice(0, 30))), "cut off by the picture's edge"),
        (with_arms(0.3), "hidden by arms or hair"),
        (with_arms(0.1), ""),
        (item(garment=(slice(2, 78), slice(20, 38))), "extreme proportions"),
        (item(mask=(slice(10, 70), slice(20, 36))), "seen from the side"),
    ],
)
def test_what_should_not_be_learned_from_is_told(pair, reason):
    assert fault(pair) == reason


@pytest.fixture
def folder(tmp_path):
    """Two people of VITON-HD's layout; the second's garment is cut off below."""
    place = tmp_path / "train"
    for kind in ("image", "cloth", "image-parse-v3"):
        (place / kind).mkdir(parents=True)
    for name, bottom in (("a", 60), ("b", 80)):
        Image.new("RGB", (60, 80), (90, 160, 220)).save(place / "image" / f"{name}.jpg")
        Image.new("RGB", (40, 80), (250, 20, 20)).save(place / "cloth" / f"{name}.jpg")
        labels = torch.zeros(80, 60, dtype=torch.uint8)
        labels[20:bottom, 15:45] = UPPER
        picture = Image.fromarray(labels.numpy(), mode="P")
        picture.putpalette([0, 0, 0] * 256)
        picture.save(place / "image-parse-v3" / f"{name}.png")
    (tmp_path / "train_pairs.txt").write_text("a.jpg a.jpg\nb.jpg b.jpg\n")
    return tmp_path


def test_pictures_are_made_to_fit_and_not_stretched(folder):
    pair = FolderPairs(folder, (48, 64), 32, curated=False)[0]
    assert pair["person"].shape == pair["garment"].shape == (64, 48, 3)
    assert pair["mask"].shape == (64, 48) and pair["mask"].min() >= 0 and pair["mask"].max() <= 1
    rows, columns = (pair["mask"] > 0.5).nonzero().T
    edges = [int(edge) for side in (rows, columns) for edge in (side.min(), side.max() + 1)]
    assert edges == [
        pytest.approx(edge, abs=1) for edge in (6.4, 57.6, 4.8, 43.2)
    ]  # half as large as the photo: 0.8 of what is seen
    assert pair["garment"][32, 2].tolist() == [255, 255, 255]  # half as wide as high: white beside it
    assert pair["garment"][32, 24, 0] > 240 and pair["garment"][32, 24, 1] < 60
    assert pair["crop"].shape == (32, 32, 3) and pair["crop"][16, 16].max() > 0.5
    assert pair["category"] == 0


def test_of_a_large_photo_details_are_seen_that_the_size_of_training_would_lose(tmp_path):
    """What GarmNet sees is taken from the photo as it is, as GarmNet Encode does."""
    place = tmp_path / "train"
    for kind in ("image", "cloth", "image-parse-v3"):
        (place / kind).mkdir(parents=True)
    lines = torch.zeros(800, 600, 3, dtype=torch.uint8)
    lines[::2] = 255
    Image.fromarray(lines.numpy()).save(place / "image" / "a.png")
    Image.new("RGB", (60, 80)).save(place / "cloth" / "a.png")
    labels = torch.zeros(800, 600, dtype=torch.uint8)
    labels[400:440, 300:330] = UPPER  # with what is around it 50 pixels high
    picture = Image.fromarray(labels.numpy(), mode="P")
    picture.putpalette([0, 0, 0] * 256)
    picture.save(place / "image-parse-v3" / "a.png")
    (tmp_path / "train_pairs.txt").write_text("a.png a.png\n")
    person = FolderPairs(tmp_path, (48, 64), 32, curated=False)[0]["person"].float()
    assert person.std() > 60


def test_the_fine_stage_takes_what_the_list_names(folder):
    assert len(FolderPairs(folder, (48, 64), 32, curated=False)) == 2
    with pytest.raises(ValueError, match=r"has no 'curated\.txt'"):
        FolderPairs(folder, (48, 64), 32, curated=True)
    curation.main(str(folder))
    assert len(FolderPairs(folder, (48, 64), 32, curated=True)) == 1
    (folder / "curated.txt").write_text("a a\nb b\n")
    assert len(FolderPairs(folder, (48, 64), 32, curated=True)) == 2


def test_curating_writes_a_list_and_a_sheet_of_what_was_left_out(folder, capsys):
    curation.main(str(folder))
    assert (folder / "curated.txt").read_text() == "a a\n"
    assert Image.open(folder / "left_out.jpg").width > 60
    assert "1 of 2 pairs stay" in capsys.readouterr().out


def test_a_folder_without_masks_is_refused(folder):
    for path in (folder / "train" / "image-parse-v3").iterdir():
        path.unlink()
    (folder / "train" / "image-parse-v3").rmdir()
    with pytest.raises(ValueError, match="no pair with a mask"):
        FolderPairs(folder, (48, 64), 32, curated=False)


def test_a_folder_of_no_layout_is_refused(tmp_path):
    with pytest.raises(ValueError):
        FolderPairs(tmp_path, (48, 64), 32, curated=False)
    with pytest.raises(ValueError, match="no folder"):
        FolderPairs(tmp_path / "none", (48, 64), 32, curated=False)
