"""The methods of the restoration table: each makes a picture of a garment alone from somebody who wears it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...models.base import load_vae
from ...models.base.architecture import LATENT_CHANNELS, LATENT_SCALE
from ...models.restoration.categories import CATEGORIES
from ...models.restoration.crop import mask_box
from ...models.restoration.finish import finished
from ...models.restoration.photos import FACTOR, closer, fitted, on_white
from ...models.weights import SHIPPED
from ...models.weights.tensors import fingerprint
from ..training.bases import as_latents
from ..training.diffusion import ddim
from ..training.garment_pairs import close_up
from ..training.precision import fast_autocast, fast_dtype, fastest_device
from ..training.restorer import NET_END, Restorer, guided, load_restorer, net_file, new_restorer, prompt_file
from .batches import Progress
from .kept import Kept
from .worn import Worn

WEIGHTS = Path(__file__).parent / "weights"
FILES = {  # method -> start of its files' names, and how the network is built
    "no_garmnet": (WEIGHTS / "restoration_no_garmnet", "no_garmnet"),
    "concat": (WEIGHTS / "restoration_concat", "concat"),
    "no_fine": (WEIGHTS / "restoration_no_fine", "ours"),
    "ours_short": (WEIGHTS / "restoration_short", "ours"),
    "ours": (SHIPPED / "modiste_garment", "ours"),
}
STEPS = 25  # the paper's
GUIDANCE = 2.5  # chosen on the samples of seed 5
BATCH = 50
FILLED = 0.9  # of its picture that a garment alone fills


def method_files(method: str, weights: Path | None = None) -> list[Path]:
    """Return a method's files that exist; `weights` is the net to take for "ours", beside whose file its prompt lies."""
    name, kind = FILES[method]
    name = _start(weights) if weights and method == "ours" else name
    return [file for file in (net_file(name), prompt_file(name)) if file.is_file()][: 1 if kind == "concat" else 2]


def load_method(method: str, weights: Path | None = None) -> Restorer:
    """Return a method's network where it draws fastest; errors as of `load_restorer`."""
    name, kind = FILES[method]
    restorer = new_restorer(kind)
    load_restorer(restorer, _start(weights) if weights and method == "ours" else name)
    return restorer.eval().requires_grad_(False).to(fastest_device())


def _start(net: Path) -> Path:
    if not net.name.endswith(NET_END):
        raise ValueError(f"'{net.name}' is no file of a GarmNet: give the one that ends in '{NET_END}'.")
    return net.with_name(net.name.removesuffix(NET_END))


def cropped(one: Worn) -> Tensor:
    """Return what the mask shows of the person, on white, as large as it fits: [H, W, 3] uint8. Nothing is restored."""
    shown = on_white(one.person[None] / 255, one.mask[None].float())[0][mask_box(one.mask)]
    height, width, _ = one.flat.shape
    inner = fitted(shown, round(FILLED * width), round(FILLED * height))
    canvas = torch.ones(height, width, 3)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return (canvas * 255).round().to(torch.uint8)


@torch.no_grad()
def restored(
    restorer: Restorer,
    samples: Sequence[Worn],
    seed: int,
    guidance: float = GUIDANCE,
    progress: Progress | None = None,
    kept: Kept | None = None,
) -> list[Tensor]:
    """Return what a network makes of each sample [H, W, 3] uint8: DDIM, decoded, and put on pure white.

    kept: where it looks for what it drew before, with the same weights
    """
    vae, kept = load_vae().to(restorer.text.device), kept or Kept()
    kind = fast_dtype(restorer.text.device)
    name = f"{_known(restorer, vae)}_{kind}_{guidance}_{STEPS}" if kept.folder else ""
    pictures: list[Tensor] = []
    for start in range(0, len(samples), BATCH):
        some = samples[start : start + BATCH]
        crops = torch.stack([close_up(one.person, one.mask) for one in some])
        categories = torch.tensor([CATEGORIES.index(one.category) for one in some])
        near, masks = closer(torch.stack([one.person for one in some]) / 255, torch.stack([one.mask.float() for one in some]))
        persons = (near * 255).round().to(torch.uint8)
        size = (LATENT_CHANNELS, *(length // FACTOR for length in persons.shape[1:3]))
        noise = torch.randn(len(some), *size, generator=torch.Generator().manual_seed(seed + start))
        told = {"persons": persons, "masks": masks, "crops": crops, "categories": categories, "noise": noise}
        pictures += kept.made(name, told, partial(_drawn, restorer, vae, told, guidance))
        if progress:
            progress(len(pictures), len(samples))
    return pictures


def _known(restorer: Restorer, vae: nn.Module) -> str:
    """Return what all that draws is known by: the restorer, the prompts' states, which are not in its own, and the autoencoder."""
    return fingerprint({"text": restorer.text, **restorer.state_dict()}, fingerprint(vae.state_dict()))


def _drawn(restorer: Restorer, vae: nn.Module, told: dict[str, Tensor], guidance: float) -> Tensor:
    """Return the pictures [B, H, W, 3] uint8 that a network draws of what it is told."""
    device = restorer.text.device
    persons, masks, crops, categories, noise = (tensor.to(device) for tensor in told.values())
    with fast_autocast(device):
        seen = restorer.see(as_latents(vae, persons), masks, crops, categories)
        drawn = ddim(guided(restorer, seen, len(noise), guidance), noise, STEPS)
    made = vae.decode(drawn / LATENT_SCALE).sample.cpu() / 2 + 0.5
    return (finished(made.movedim(1, -1).clamp(0, 1))[0] * 255).round().to(torch.uint8)
