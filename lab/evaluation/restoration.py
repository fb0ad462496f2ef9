"""Measures garment restoration: how near what is drawn comes to the garment itself, and how like garments it looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ...models.base.files import TEXT_FILE, UNET_FILE, VAE_FILE
from ...models.files import atomic_write
from ...models.restoration.finish import finished
from ..seeds import refuse_learned
from ..training.sheets import contact_sheet
from .attributes import head
from .batches import over
from .encoder import ENCODER_FILE, load_encoder, own_lpips
from .goals import Goal
from .intervals import GROUPS, mean_row, median_row, set_row, share_row
from .kept import Kept
from .metrics.color_difference import masked_delta_e
from .metrics.frechet import frechet_distance
from .metrics.pictures import psnr, ssim
from .network import AttributeNet
from .published import PairDistance, SetDistance, inception, pair_distances
from .reader import READER_FILE, agreement, load_reader, readings
from .reader_network import ReaderNet
from .reports import Report, Row
from .restorers import FILES, GUIDANCE, STEPS, cropped, load_method, method_files, restored
from .stages import Stages
from .systems import Request
from .worn import SPLITS, Worn, draw_flats, draw_worn

SWEEP = (1.0, 1.5, 2.0, 2.5, 3.0)  # guidance, as in the paper's table 3
SWEPT = 50  # samples of each split at most
ABOUT = f"""
Garment restoration (IGR): a garment alone on white, drawn from a picture of somebody who wears it and the garment's mask.
No two samples are of one person. **paired** people are seen from the front, before a plain ground, the garment whole and
hardly hidden; of **street** people at least one of these is not so (turned up to 120 degrees, hidden by more than 15 %, cut
off by the picture's edge, or before a street, a room or a garden). Networks are shown the part of the picture around the mask,
where the paper's are shown all of it.

- `ours`: what ships: GarmNet and image prompt, with a fine stage on the way; {STEPS} steps of DDIM, as the paper, at guidance
  {GUIDANCE}, chosen on the samples of seed 5 (the paper's is 1.5).
- `ours_short`: the same after 22 000 pictures, as many as the next three learned from; goals that compare methods are of it.
  Of its and `no_fine`'s pictures the first 16 000 had "trousers" as the word for all lower garments, and were framed by exact
  masks, and the first 300 steps at full size were at shift 3 rather than 6.
- `no_fine`: the same after as many steps without the fine stage. `no_garmnet`: image prompt only. `concat`: person and
  garment side by side in one latent (the idea of TryOffAnyone), neither GarmNet nor image prompt. All start from the same
  base; their files say how each learned. Methods whose weights are not in `lab/evaluation/weights` have no row.
- `crop`: what the mask shows of the person, on white. `floor`: the garment itself through our autoencoder. All that a network
  drew, and `floor`, was put on pure white as the node *Restored Garment Finish* does.
- `ours_1.0` and so on: `ours` at other guidance, on the first {SWEPT} samples of each split at most.

psnr is in dB. delta_e is CIEDE2000 over the garment's own pixels, averaged over each picture; its middle figure is the
median over pictures. own_lpips and fd_own are as above, fd_own against garments of as many other people as both splits
have. lpips_vgg, dists, fid and kid (in thousandths), proper, are there where their weights are (README, Optional files); fid
and kid are against the same garments, and so not the papers' figures.
fabric_agreement and cut_agreement are the shares of pictures in which the reader finds the garment's pattern, or cut, as it
is; the reader errs too, so compare with `floor`. fabric_alike and cut_alike are the shares in which it finds what it finds in
the garment itself, be that right or wrong.
"""
ORDERS = (("ssim", "lowest"), ("own_lpips", "highest"), ("fd_own", "highest"))  # of the paper's tables 1 and 2
MORE_ORDERS = (("psnr", "lowest"), ("delta_e", "highest"), ("fabric_agreement", "lowest"), ("cut_agreement", "lowest"))
EACH = 250  # samples of each split that orders are told of: 500 in both
GOALS = (
    Goal("ours", "paired", "ssim", lowest=0.85),
    Goal("ours", "paired", "delta_e", highest=4),
    Goal("ours", "paired", "fabric_agreement", lowest=0.92),
    Goal("ours", "street", "fabric_agreement", lowest=0.80),
    Goal("ours", "paired", "cut_agreement", lowest=0.95),
    Goal("ours", "street", "cut_agreement", lowest=0.85),
    Goal("ours_short", "street", "fd_own", highest=0.85, against="no_fine", count=EACH),
    *(
        Goal(ours, split, metric, **{bound: 1.0}, against=other, apart=True, count=EACH)
        for ours, other, orders in (
            ("ours_short", "no_garmnet", ORDERS),
            ("ours_short", "concat", ORDERS + MORE_ORDERS),
            ("ours_short", "crop", ORDERS + MORE_ORDERS),
            ("ours", "crop", ORDERS + MORE_ORDERS),
        )
        for split in SPLITS
        for metric, bound in orders
    ),
)
SHEETS = {
    "restoration.jpg": "Restorations: the best, the middle and the worst eight of `ours` by own_lpips, both splits together. "
    "Person, restoration, the garment itself.",
    "restoration_methods.jpg": f"Methods side by side: person, crop, {', '.join(FILES)}, the garment itself.",
    "restoration_guidance.jpg": "Guidance 1.0, 1.5, 2.0, 2.5 and 3.0, after the person and before the garment itself.",
}
ON_SHEET = 8
Pictures = dict[str, list[Tensor]]  # by method


@dataclass(frozen=True)
class Judges:
    """What pictures are judged with.

    pairs: distances of pictures from originals, by metric
    sets:  what sees features [B, D] in pictures [B, 3, H, W] in 0..1, with distances between sets of these, by metric
    """

    reader: ReaderNet
    pairs: dict[str, PairDistance]
    sets: list[tuple[Callable[[Tensor], Tensor], dict[str, SetDistance]]]


def judges(encoder: AttributeNet, reader: ReaderNet) -> Judges:
    """Return our own judges, and the published ones whose weights the user has."""
    own = encoder.pooled, {"fd_own": frechet_distance}
    proper = inception()
    pairs: dict[str, PairDistance] = {"ssim": ssim, "psnr": psnr, "own_lpips": partial(own_lpips, encoder)}
    return Judges(reader, pairs | pair_distances(), [own, proper] if proper else [own])


def evaluate(request: Request) -> Report:
    """Measure on `count` samples of each split; methods whose weights are not there are left out, but for `ours`.

    Raises:
        FileNotFoundError: if the weights of `ours` are missing.
        ValueError: if what is measured, or what measures it, learned from these samples.
    """
    methods = [method for method in FILES if method == "ours" or method_files(method)]
    files = [file for method in methods for file in method_files(method, request.weights)]
    refuse_learned(request.seed, [*files, ENCODER_FILE, READER_FILE, UNET_FILE, TEXT_FILE, VAE_FILE])
    encoder = load_encoder()
    judging = judges(encoder, load_reader())
    networks = {method: load_method(method, request.weights) for method in methods}
    stages = Stages(request.reporter, 2 + len(SPLITS) * (len(methods) + len(SWEEP) - 1))
    samples = draw_worn(request.seed, range(request.count), stages.next("drawing samples"))
    others = draw_flats(request.seed, range(request.count, 2 * request.count), stages.next("drawing garments to compare with"))
    rows: list[Row] = []
    made: dict[str, Pictures] = {}
    kept = Kept(request.keep)
    for split in SPLITS:
        some = samples[split]
        sets = {
            method: restored(network, some, request.seed, progress=stages.next(f"{split}, {method}"), kept=kept)
            for method, network in networks.items()
        }
        few = some[:SWEPT]
        sets["crop"] = [cropped(one) for one in some]
        sets["floor"] = _through(some)
        swept = {
            f"ours_{guidance}": sets["ours"][:SWEPT]
            if guidance == GUIDANCE
            else restored(networks["ours"], few, request.seed, guidance, stages.next(f"{split}, guidance {guidance}"), kept)
            for guidance in SWEEP
        }
        for method, pictures in (sets | swept).items():
            rows += figures(method, split, pictures, some[: len(pictures)], others, judging)
        made[split] = sets | swept
    if request.pictures:
        _save_sheets(request.pictures, samples, made, encoder)
    return Report(request.system, request.seed, request.count, request.command, tuple(rows))


def figures(
    method: str,
    split: str,
    pictures: Sequence[Tensor],
    samples: Sequence[Worn],
    others: Sequence[Tensor],
    judging: Judges,
) -> list[Row]:
    """Return everything that is measured of one method's pictures [H, W, 3] uint8 of some samples."""
    flats = [one.flat for one in samples]
    masks = torch.stack([one.flat_mask for one in samples])
    stacks = [torch.stack(list(many)).movedim(-1, 1) / 255 for many in (pictures, flats)]
    rows = [
        mean_row(method, split, metric, torch.stack(over(distance, pictures, flats))) for metric, distance in judging.pairs.items()
    ]
    rows.append(median_row(method, split, "delta_e", masked_delta_e(*stacks, masks)))
    for features, distances in judging.sets if len(pictures) >= 2 * GROUPS else ():
        first, second = (torch.stack(over(features, many)) for many in (pictures, others))
        rows += [set_row(method, split, metric, distance, first, second) for metric, distance in distances.items()]
    found = readings(judging.reader, pictures)
    words, slots = [one.words for one in samples], [(one.slot,) for one in samples]
    for metric, quality in (("fabric_agreement", "pattern"), ("cut_agreement", "cut"), ("color_agreement", "color")):
        rows.append(share_row(method, split, metric, agreement(judging.reader, found, words, slots, (quality,))))
    theirs, heads = readings(judging.reader, flats), list(judging.reader.vocabulary)
    for metric, quality in (("fabric_alike", "pattern"), ("cut_alike", "cut")):
        columns = torch.tensor([heads.index(head(one.slot, quality)) for one in samples])[:, None]
        rows.append(share_row(method, split, metric, (found.gather(1, columns) == theirs.gather(1, columns))[:, 0].float()))
    return rows


def _through(samples: Sequence[Worn]) -> list[Tensor]:
    """Return the garments themselves through the autoencoder, the best that pictures made in its latents can be."""
    from .base_model import load_base_model
    from .batches import to_bytes

    through = to_bytes(over(load_base_model().reconstruct, [one.flat for one in samples]))
    return list((finished(torch.stack(through) / 255)[0] * 255).round().to(torch.uint8))


def _save_sheets(folder: Path, samples: dict[str, list[Worn]], made: dict[str, Pictures], encoder: AttributeNet) -> None:
    lines = [(split, index) for split in SPLITS for index in range(len(samples[split]))]
    flats = [samples[split][index].flat for split, index in lines]
    ours = [made[split]["ours"][index] for split, index in lines]
    far = torch.stack(over(lambda a, b: own_lpips(encoder, a, b), ours, flats))
    order = far.argsort().tolist()
    middle = (len(order) - ON_SHEET) // 2
    chosen = [*order[:ON_SHEET], *order[max(0, middle) :][:ON_SHEET], *order[-ON_SHEET:]]
    _save([samples_row(samples, made, lines[number], ["ours"]) for number in chosen], folder / "restoration.jpg", 4)
    first = [(split, index) for index in range(ON_SHEET // 2) for split in SPLITS if index < len(samples[split])]
    methods = ["crop", *(method for method in FILES if method in made[SPLITS[0]])]
    _save([samples_row(samples, made, line, methods) for line in first], folder / "restoration_methods.jpg", 2)
    swept = [f"ours_{guidance}" for guidance in SWEEP]
    _save([samples_row(samples, made, line, swept) for line in first], folder / "restoration_guidance.jpg", 2)


def samples_row(
    samples: dict[str, list[Worn]], made: dict[str, Pictures], line: tuple[str, int], methods: list[str]
) -> list[Tensor]:
    """Return a person, what methods made, and the garment itself."""
    split, index = line
    one = samples[split][index]
    return [one.person, *(made[split][method][index] for method in methods), one.flat]


def _save(rows: list[list[Tensor]], path: Path, across: int) -> None:
    sheet = contact_sheet([picture for row in rows for picture in row], None, across * len(rows[0]))
    with atomic_write(path) as temporary:
        sheet.save(temporary, quality=90)
