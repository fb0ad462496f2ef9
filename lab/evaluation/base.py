"""Measures the tiny base: its autoencoder, what its pictures look like, and whether they obey their captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...models.files import atomic_write
from ..seeds import refuse_learned
from ..training.sheets import contact_sheet
from .base_model import BaseModel, base_files, load_base_model
from .batches import over, to_bytes
from .encoder import ENCODER_FILE, load_encoder, own_lpips
from .goals import Goal
from .intervals import GROUPS, mean_row, set_row, share_row
from .metrics.color_difference import picture_delta_e
from .metrics.frechet import frechet_distance
from .metrics.pictures import psnr, ssim
from .network import AttributeNet
from .reader import READER_FILE, agreement, load_reader, readings
from .reader_network import ReaderNet
from .reports import Report, Row
from .samples import Shown, draw
from .stages import Stages
from .systems import Request

ABOUT = """
The tiny base: how near its autoencoder comes to pictures, how much the pictures that it makes from captions look like
the wardrobe's, and whether they show what the captions say. Samples are people, and garments alone on white (flats); no
two are of one person.

- `ours`: for psnr, ssim, delta_e and own_lpips, the autoencoder's reconstructions beside their originals; for the
  others, pictures made from the captions of the same samples (20 steps of dpmpp_2m over karras, CFG 4).
- `reconstruction`: the originals through our autoencoder, the best that pictures made in its latents can be.
- `floor`: the wardrobe itself.

psnr is in dB; delta_e is the mean CIEDE2000 over all pixels; own_lpips is LPIPS's distance in the features of our own
encoder. fd_own is the Frechet distance in the same encoder's pooled features from each set to one second set of as many
other wardrobe samples, so that the figures of one table differ in the first set only. It grows as sets get smaller:
compare it with `floor`, never with figures for another count. Its interval is that of a jackknife over tenths of both
sets. There is none for fewer than 20 samples.

text_agreement is the share of the garments named in a caption whose colour and cut both are what a second network reads
from the picture (_color, _cut and _pattern: this one alone), averaged over pictures. The reader errs too: `floor` is
how often it is right about real pictures. Encoder and reader are networks of different kinds, trained on other wardrobe
samples, and neither is in any loss.
"""
SHEETS = {
    "wardrobe_people.jpg": "People of the wardrobe: the first of those that the figures are about.",
    "wardrobe_flats.jpg": "One garment of each.",
    "base_people.jpg": "People made from captions.",
    "base_flats.jpg": "Flat garments made from captions.",
    "base_people_reconstructed.jpg": "People, each with its reconstruction to the right.",
    "base_flats_reconstructed.jpg": "Flat garments, each with its reconstruction to the right.",
    "base_text.png": "Printed words, capitals 24 pixels high, each with its reconstruction to the right.",
}
GOALS = (
    *(Goal("ours", split, "psnr", lowest=28) for split in ("people", "flats")),
    *(Goal("ours", split, "ssim", lowest=0.93) for split in ("people", "flats")),
    Goal("ours", "people", "fd_own", highest=3, against="reconstruction", count=100),
    Goal("ours", "people", "fd_own", highest=3, against="reconstruction", above="floor", count=100),
    *(Goal("ours", split, "text_agreement", lowest=0.85) for split in ("people", "flats")),
)
AGREEMENTS = {  # metric -> what must be read as the caption says, of each garment that it names
    "text_agreement": ("color", "cut"),
    "text_agreement_color": ("color",),
    "text_agreement_cut": ("cut",),
    "text_agreement_pattern": ("pattern",),
}
STAGES = 8  # that progress counts
ON_SHEET = 24
ON_WARDROBE_SHEET = 72
LETTERS = 24  # pixels of height of the capitals on the sheet of printed words
CAPITALS = 0.72  # of the font's size
WORDS = ("MAY", "Rio", "1984", "KITE", "jazz", "No. 5", "OSLO", "lima")


def evaluate(request: Request) -> Report:
    """Measure the base on `count` unseen people and as many flat garments.

    Raises:
        FileNotFoundError: if a file of weights is missing.
        ValueError: if what is measured, or what measures it, learned from these samples.
    """
    encoder, reader, model = load_encoder(), load_reader(), load_base_model(request.weights)
    refuse_learned(request.seed, [*base_files(request.weights).values(), ENCODER_FILE, READER_FILE])
    stages = Stages(request.reporter, STAGES)
    drawn = draw(request.seed, range(request.count), stages.next("drawing samples"))
    others = draw(request.seed, range(request.count, 2 * request.count), stages.next("drawing samples to compare with"))
    rows: list[Row] = []
    for split, shown, second in zip(("people", "flats"), drawn, others, strict=True):
        originals = [one.picture for one in shown]
        through = to_bytes(over(model.reconstruct, originals, progress=stages.next(f"{split} through the autoencoder")))
        made = model.generate_all(
            [one.caption for one in shown],
            [tuple(picture.shape[:2]) for picture in originals],
            request.seed,
            stages.next(f"{split} from captions"),
        )
        sets = {"ours": to_bytes(made), "reconstruction": through, "floor": originals}
        stages.next(f"{split} compared")
        rows += closeness(split, through, originals, encoder)
        rows += distances(split, sets, [one.picture for one in second], encoder)
        rows += agreements(split, sets, shown, reader)
        if request.pictures:
            _save_sheets(request, split, sets, shown, model)
    return Report(request.system, request.seed, request.count, request.command, tuple(rows))


def closeness(split: str, pictures: Sequence[Tensor], originals: Sequence[Tensor], encoder: AttributeNet) -> list[Row]:
    """Return how near the autoencoder's pictures [H, W, 3] uint8 are to their originals."""
    metrics = {
        "psnr": psnr,
        "ssim": ssim,
        "delta_e": picture_delta_e,
        "own_lpips": lambda first, second: own_lpips(encoder, first, second),
    }
    return [mean_row("ours", split, name, torch.stack(over(metric, pictures, originals))) for name, metric in metrics.items()]


def distances(split: str, sets: dict[str, list[Tensor]], reference: Sequence[Tensor], encoder: AttributeNet) -> list[Row]:
    """Return FD-own of each set of pictures [H, W, 3] uint8 to the reference, if the sets are large enough to have any."""
    if len(reference) < 2 * GROUPS:
        return []
    second = torch.stack(over(encoder.pooled, reference))
    features = {method: torch.stack(over(encoder.pooled, pictures)) for method, pictures in sets.items()}
    return [set_row(method, split, "fd_own", frechet_distance, first, second) for method, first in features.items()]


def agreements(split: str, sets: dict[str, list[Tensor]], shown: Sequence[Shown], reader: ReaderNet) -> list[Row]:
    """Return how often the reader sees in each set's pictures what their captions say; those that name no garment are left out."""
    asked = [index for index, one in enumerate(shown) if one.slots]
    if not asked:
        return []
    words, slots = [shown[index].words for index in asked], [shown[index].slots for index in asked]
    rows = []
    for method, pictures in sets.items():
        found = readings(reader, [pictures[index] for index in asked])
        for metric, qualities in AGREEMENTS.items():
            rows.append(share_row(method, split, metric, agreement(reader, found, words, slots, qualities)))
    return rows


def _save_sheets(request: Request, split: str, sets: dict[str, list[Tensor]], shown: Sequence[Shown], model: BaseModel) -> None:
    few = slice(ON_SHEET)
    _save(contact_sheet(sets["floor"][:ON_WARDROBE_SHEET], None, 12), request.pictures / f"wardrobe_{split}.jpg")
    _save(contact_sheet(sets["ours"][few], [one.caption for one in shown[few]], 8), request.pictures / f"base_{split}.jpg")
    _save(_beside(sets["floor"][few], sets["reconstruction"][few]), request.pictures / f"base_{split}_reconstructed.jpg")
    if split == "flats":
        fit = [one.picture for one in shown if one.slots[0] in ("upper", "outer", "dress")] or sets["floor"]
        printed = [_printed(picture, word) for picture, word in zip(fit, WORDS, strict=False)]
        _save(_beside(printed, to_bytes(over(model.reconstruct, printed))), request.pictures / "base_text.png")


def _beside(originals: Sequence[Tensor], others: Sequence[Tensor]) -> Image.Image:
    """Return a sheet that shows each original and, right of it, its other version."""
    return contact_sheet([picture for pair in zip(originals, others, strict=True) for picture in pair], None, 8)


def _save(sheet: Image.Image, path: Path) -> None:
    with atomic_write(path) as temporary:
        sheet.save(temporary, quality=90)


def _printed(picture: Tensor, word: str) -> Tensor:
    """Return a picture [H, W, 3] uint8 with a word across its middle, in black or white as shows better."""
    image = Image.fromarray(picture.numpy())
    middle = (image.width // 2, image.height // 2)
    ground = picture[middle[1] - LETTERS // 2 : middle[1] + LETTERS // 2, middle[0] - 40 : middle[0] + 40].float().mean()
    font = ImageFont.load_default(LETTERS / CAPITALS)
    ImageDraw.Draw(image).text(middle, word, "black" if ground > 128 else "white", font, anchor="mm")
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(picture.shape)
