"""The tiny base's autoencoder: learns to give wardrobe pictures back after squeezing them into latents."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.utils.data import Dataset

from ....models.base import VAE_CONFIG, build_vae, load_vae
from ....models.base.architecture import LATENT_CHANNELS, LATENT_SCALE
from ....models.base.files import COLORS, save_vae
from ....wardrobe.samples import SHOTS, person_sample
from ...seeds import BASE_SHEET_SEED
from ..pictures import CaptionedPictures, to_signed
from ..sheets import contact_sheet

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from PIL.Image import Image


class Roundtrip(nn.Module):
    """What is trained: `vae`, from pictures to latents and back."""

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pictures given back [B, 3, H, W], and their latents [B, C, h, w]."""
        latents = self.vae.encode(pictures).latent_dist.mean
        return self.vae.decode(latents).sample, latents


LOG_VARIANCE = -12.0
COLOR_SPREAD = 1.6  # standard deviation of the three channels that hold colours, times LATENT_SCALE
DETAIL_SPREAD = ((LATENT_CHANNELS - 3 * COLOR_SPREAD**2) / (LATENT_CHANNELS - 3)) ** 0.5  # so that the mean variance is 1
SHOWN = 3  # people on a sheet
MEASURED = 48  # people whose latents, and those of their clothes, are brought to a standard spread
COLOR_RANGE = 2.0  # of the latents that are told to be colours: from minus this to this


@dataclass(frozen=True)
class Task:
    """L1 of pictures given back from their latents and of their mean colours, and structure (SSIM).

    Nothing pulls the latents towards a normal distribution: their spread is set at the end, by layers that undo each other. The
    variance that the layout has room for is a constant close to zero.

    In the first steps three of the latent's channels are told to be the colours of its 8x8 pixels. Left alone, an autoencoder
    finds structure first and then for long makes do with the colours between blue and orange.

    crop:      height and width in pixels of what is seen at a time; multiples of 8, at least 16
    structure: weight of 1 - SSIM
    told:      steps over which colours are told, less and less
    start:     weights to start from; "" starts afresh
    """

    crop: tuple[int, int] = (64, 64)
    structure: float = 0.2
    told: int = 600
    start: str = ""
    kind: ClassVar[str] = "modiste-base-vae"
    architecture: ClassVar[str] = (
        f"AutoencoderKL (LDM names), channels {VAE_CONFIG['block_out_channels']}, {LATENT_CHANNELS} latent ones, factor 8"
    )

    def __post_init__(self) -> None:
        if any(side < 16 or side % 8 for side in self.crop):
            raise ValueError("'crop' should be multiples of 8, at least 16.")

    def build(self) -> nn.Module:
        if self.start:
            return Roundtrip(load_vae(Path(self.start)).requires_grad_(True))
        return Roundtrip(gentle(build_vae()))

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        return CaptionedPictures(data, seed)

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        pictures = augmented(to_signed(batch["picture"]), self.crop, generator)
        given_back, latents = model(pictures)
        error = given_back.float() - pictures
        likeness = ssim(given_back.float() / 2 + 0.5, pictures / 2 + 0.5)
        psnr = -10 * (error / 2).square().mean((1, 2, 3)).clamp_min(1e-8).log10().mean()
        colors = (latents[:, :3].float() - COLOR_RANGE * avg_pool2d(pictures, 8)).square().mean()
        telling = max(0.0, 1 - step / self.told) if self.told else 0.0
        loss = error.abs().mean() + avg_pool2d(error, 4).abs().mean() + self.structure * (1 - likeness) + telling * colors
        return loss, {"psnr": psnr, "ssim": likeness, "spread": latents.float().std()}

    def sample_sheet(self, model: nn.Module, generator: torch.Generator) -> Image:
        del generator
        device = next(model.parameters()).device
        originals = people_and_flats(SHOWN)
        latents = model.vae.encode(to_signed(originals).to(device)).latent_dist.mode()
        back = model.vae.decode(latents).sample.float() / 2 + 0.5
        return contact_sheet([*originals, *back.movedim(1, -1)], None, len(originals))

    def export(self, model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
        """Write the weights with latents brought to the spread that a denoiser expects."""
        vae = copy.deepcopy(model.vae).cpu().float()
        pictures = people_and_flats(MEASURED)
        colors = avg_pool2d(to_signed(pictures), 8)
        spread_latents(vae, encoded(vae, pictures), colors)
        colors = color_map(spots(encoded(vae, pictures)) * LATENT_SCALE, spots(colors))
        told = {"factors": colors[:-1].tolist(), "offset": colors[-1].tolist()}
        save_vae(vae, path, metadata | {COLORS: json.dumps(told)})


def people_and_flats(people: int) -> Tensor:
    """Return pictures [B, H, W, 3] uint8 of people in clothes of their own, then of those of the clothes that fit a portrait."""
    samples = [person_sample(BASE_SHEET_SEED, index * SHOTS) for index in range(people)]
    flats = [garment.flat for sample in samples for garment in sample.garments]
    return torch.stack([*(sample.image for sample in samples), *(flat for flat in flats if flat.shape == samples[0].image.shape)])


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the most likely latents [B, C, h, w] of pictures [B, H, W, 3] uint8."""
    return torch.cat([vae.encode(to_signed(batch)).latent_dist.mode() for batch in pictures.split(8)])


def spots(maps: Tensor) -> Tensor:
    """Return [B, C, h, w] as a list of places [B * h * w, C]."""
    return maps.movedim(1, -1).flatten(0, 2)


def color_map(latents: Tensor, colors: Tensor) -> Tensor:
    """Return the matrix [C + 1, 3] that makes the best colours [N, 3] of latents [N, C]; its last row is an offset."""
    return torch.linalg.lstsq(torch.cat([latents, torch.ones_like(latents[:, :1])], 1), colors).solution


@torch.no_grad()
def gentle(vae: AutoencoderKL) -> AutoencoderKL:
    """Start a fresh autoencoder close to a plain one: residual branches say little, and latents are the encoder's output itself.

    Without this, brightness takes most channels before colour is learned.
    """
    for name, module in vae.named_modules():
        if name.endswith((".conv2", ".to_out.0")):
            module.weight *= 0.1
            module.bias.zero_()
    into, out = vae.quant_conv, vae.post_quant_conv
    for layer in (into, out):
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[:LATENT_CHANNELS, :LATENT_CHANNELS, 0, 0] = torch.eye(LATENT_CHANNELS)
    into.bias[LATENT_CHANNELS:] = LOG_VARIANCE
    return vae


@torch.no_grad()
def spread_latents(vae: AutoencoderKL, latents: Tensor, colors: Tensor) -> None:
    """Change the layers next to the latents so that these, times LATENT_SCALE, suit a denoiser.

    They get mean 0, no correlation between channels and a mean variance of 1. The first three channels hold the colours and vary
    the most: then noise hides details first and colours last, and a denoiser's loss is as much about the one as about the other.
    What the autoencoder gives back stays the same: the decoder's first layer undoes what the encoder's last does.

    Args:
        latents: [B, C, h, w] of some pictures
        colors:  [B, 3, h, w], the mean ones behind each latent, in -1..1
    """
    found = spots(latents).double()
    mean = found.mean(0)
    sizes, axes = torch.linalg.eigh(torch.cov(found.T))
    white = axes @ torch.diag(1 / sizes.sqrt()) @ axes.T
    toward = color_map((found - mean) @ white, spots(colors).double())[:-1]
    turned = torch.linalg.qr(toward, mode="complete").Q
    spreads = torch.full((LATENT_CHANNELS,), DETAIL_SPREAD, dtype=torch.float64)
    spreads[:3] = COLOR_SPREAD
    there = torch.diag(spreads / LATENT_SCALE) @ turned.T @ white
    into, out = vae.quant_conv, vae.post_quant_conv
    means, weight = slice(LATENT_CHANNELS), out.weight[:, :, 0, 0].double()
    into.weight[means] = torch.einsum("ab,bc...->ac...", there, into.weight[means].double()).float()
    into.bias[means] = (there @ (into.bias[means].double() - mean)).float()
    out.bias += (weight @ mean).float()
    out.weight[:, :, 0, 0] = (weight @ torch.linalg.inv(there)).float()


def augmented(pictures: Tensor, crop: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return a crop of the pictures [B, 3, H, W], or of them at half size, mirrored or not."""

    def draw(count: int) -> int:
        return int(torch.randint(count, (), generator=generator, device=pictures.device))

    if draw(4) == 0:
        pictures = avg_pool2d(pictures, 2)
    height, width = (min(wanted, size) for wanted, size in zip(crop, pictures.shape[2:], strict=True))
    top, left = draw(pictures.shape[2] - height + 1), draw(pictures.shape[3] - width + 1)
    pictures = pictures[:, :, top : top + height, left : left + width]
    return pictures.flip(3) if draw(2) else pictures


def ssim(first: Tensor, second: Tensor, window: int = 7) -> Tensor:
    """Return the mean structural similarity (Wang et al. 2004) of pictures [B, C, H, W] in 0..1, over square windows."""
    mean_first, mean_second = avg_pool2d(first, window, 1), avg_pool2d(second, window, 1)
    spread_first = avg_pool2d(first.square(), window, 1) - mean_first.square()
    spread_second = avg_pool2d(second.square(), window, 1) - mean_second.square()
    shared = avg_pool2d(first * second, window, 1) - mean_first * mean_second
    light = (2 * mean_first * mean_second + 0.01**2) / (mean_first.square() + mean_second.square() + 0.01**2)
    return (light * (2 * shared + 0.03**2) / (spread_first + spread_second + 0.03**2)).mean()
