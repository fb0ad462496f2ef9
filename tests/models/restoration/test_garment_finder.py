"""Finding what made-up people wear."""

import pytest
import torch

from modiste.models.restoration import garment_finder
from modiste.models.restoration.categories import CATEGORIES, PROMPTS
from modiste.models.restoration.garment_finder import GarmentFinder, category_masks, found_garments, halved, part_names
from modiste.models.weights.tensors import save_half
from modiste.wardrobe.samples import person_sample
from modiste.wardrobe.slots import PARTS

NAMES = ["background", "upper", "lower", "dress", "outer", "shoes"]


def worn(**boxes):
    """Return parts [50, 40] in which each named one fills rows and columns up to a number, later ones over earlier ones."""
    parts = torch.zeros(50, 40, dtype=torch.int64)
    for name, (top, bottom, right) in boxes.items():
        parts[top:bottom, :right] = NAMES.index(name)
    return parts


def test_every_category_has_its_own_prompt():
    assert CATEGORIES == ("upper", "lower", "full body") and len(set(PROMPTS.values())) == 3


def test_shirt_and_trousers_are_two_garments():
    parts = worn(upper=(5, 20, 20), lower=(20, 45, 15), shoes=(45, 50, 15))
    masks = category_masks(parts, NAMES)
    assert list(masks) == list(CATEGORIES) and masks["full body"] is None
    assert torch.equal(masks["upper"], (parts == 1).float()) and torch.equal(masks["lower"], (parts == 2).float())


def test_a_dress_is_a_full_body():
    parts = worn(dress=(5, 40, 20))
    masks = category_masks(parts, NAMES)
    assert masks["upper"] is masks["lower"] is None
    assert torch.equal(masks["full body"], (parts == 3).float())


@pytest.mark.parametrize(("coat", "shown"), [(6, "upper"), (12, "outer")])
def test_of_a_coat_and_a_shirt_it_is_what_more_is_seen_of(coat, shown):
    parts = worn(upper=(5, 20, 18), outer=(5, 20, coat))
    assert torch.equal(category_masks(parts, NAMES)["upper"], (parts == NAMES.index(shown)).float())


@pytest.mark.parametrize(("pixels", "is_worn"), [(9, False), (10, True)])
def test_less_than_half_a_percent_of_the_picture_is_no_garment(pixels, is_worn):
    parts = torch.zeros(50, 40, dtype=torch.int64)
    parts.view(-1)[:pixels] = NAMES.index("lower")
    assert (category_masks(parts, NAMES)["lower"] is not None) is is_worn


def test_a_picture_is_halved_over_pixels():
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert torch.equal(halved(picture), torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]]))


@pytest.mark.parametrize("size", [(64, 48), (50, 38), (32, 32)])
def test_the_network_answers_at_half_of_what_it_sees(size):
    finder = GarmentFinder(NAMES)
    with torch.no_grad():
        assert finder(torch.rand(2, 3, *size)).shape == (2, 6, size[0] // 2, size[1] // 2)


def between(count, size):
    """Return weights [count, size] with which `count` pixels lie between `size` places, by their distances."""
    places = ((torch.arange(count) + 0.5) * size / count - 0.5).clamp(0, size - 1)
    return (1 - (places[:, None] - torch.arange(size)).abs()).clamp(min=0)


def test_each_pixel_gets_its_likeliest_part(monkeypatch, tmp_path):
    torch.manual_seed(0)
    finder = GarmentFinder(NAMES).half().float().eval()
    save_half(
        finder.state_dict(),
        tmp_path / "finder.safetensors",
        {"parts": '["background", "upper", "lower", "dress", "outer", "shoes"]'},
    )
    monkeypatch.setattr(garment_finder, "FINDER_FILE", tmp_path / "finder.safetensors")
    monkeypatch.setattr(garment_finder, "SEEN", 64)  # looks at this picture as it is
    assert part_names() == NAMES
    images = torch.rand(1, 64, 48, 3)
    found = found_garments(images)
    assert found.shape == (1, 64, 48) and 0 <= found.min() < found.max() < 6
    with torch.no_grad():
        logits = finder(images.unflatten(1, (32, 2)).unflatten(3, (24, 2)).mean((2, 4)).permute(0, 3, 1, 2))
    smooth = torch.einsum("yr,brc,xc->byx", between(64, 16), logits[0], between(48, 12))
    assert (found[0] == smooth.argmax(0)).float().mean() > 0.999


def test_without_its_file_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(garment_finder, "FINDER_FILE", tmp_path / "finder.safetensors")
    with pytest.raises(FileNotFoundError, match=r"^There is no file 'finder\.safetensors' in the folder "):
        found_garments(torch.ones(1, 64, 48, 3))


def test_a_made_up_person_is_found_as_dressed():
    sample = person_sample(5, 0, 192, 256, flats=False)
    found = category_masks(found_garments((sample.image / 255)[None])[0], part_names())
    truth = category_masks(sample.parts, PARTS)
    assert {name for name, mask in found.items() if mask is not None} == {name for name, mask in truth.items() if mask is not None}
    for name, mask in truth.items():
        if mask is not None:
            both, either = (mask * found[name]).sum(), torch.maximum(mask, found[name]).sum()
            assert both / either > 0.7
    assert truth["upper"] is not None


def test_larger_pictures_are_looked_at_small():
    sample = person_sample(5, 0, 192, 256, flats=False)
    image = (sample.image / 255)[None]
    large = torch.nn.functional.interpolate(image.movedim(-1, 1), scale_factor=3, mode="bilinear").movedim(1, -1)
    small, found = found_garments(image)[0], found_garments(large)[0][1::3, 1::3]
    assert (small == found).float().mean() > 0.98
