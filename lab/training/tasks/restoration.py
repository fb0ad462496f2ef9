"""IGR on the tiny base: GarmNet, the garment image prompt and low-rank changes of the denoiser, trained together (section 3.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss
from torch.utils.data import Dataset

from ....models.base.architecture import LATENT_SCALE, LEVEL_CHANNELS
from ....models.base.files import VAE_FILE
from ....models.restoration.categories import CATEGORIES, SLOT_CATEGORY
from ....models.restoration.image_encoder import SIZE, WIDTHS
from ....models.restoration.ip_adapter import read_image_prompt
from ....models.restoration.photos import closer
from ....models.restoration.projections import Projection
from ....models.weights.tensors import read_metadata
from ....wardrobe.samples import SHOTS, person_sample
from ...seeds import BASE_SHEET_SEED
from ..bases import CLIP_SIZE, ClipEyes, as_latents, load_training_base
from ..diffusion import ddim, noised
from ..folder_pairs import FolderPairs
from ..garment_pairs import GarmentPairs, close_up
from ..latents import LatentEncoder
from ..restorer import METHODS, RANK, Restorer, guided, load_restorer, net_file, new_restorer, save_restorer
from ..shards import shard_seeds
from ..sheets import contact_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

ENCODED = ("person", "garment")  # of a batch, by the autoencoder
SHEET_PEOPLE = 8
SHEET_GUIDANCE = 1.5  # the paper's


@dataclass(frozen=True)
class Task:
    """Mean squared error of the prediction; some garments are told nothing, so that there is guidance.

    method:  one of METHODS: IGR itself, or a baseline of its table
    halve:   of shards: whether pictures are made half as large, which is four times as fast: a first stage
    curated: the fine stage: whether to learn only from people seen whole and from the front
    start:   start of the names of the files to start from, without `_net.safetensors`; "" starts from the base
    rank:    of the denoiser's changes
    draws:   how often each person's garment is noised in a step, since GarmNet looks but once
    shift:   of timesteps towards noise, see `noised`: what little noise hides is seen in the noisy garment itself
    begun:   share of draws that begin from noise alone, see `noised`; of use where v is predicted
    dropped: share of garments that are told nothing
    size:    width and height of the pictures of a data set's folder; shards have their own
    base:    an SD1.5 checkpoint; "" is the tiny base
    ip_adapter, image_encoder: with a checkpoint, the IP-Adapter to start from, and the folder of its CLIP image encoder
    """

    method: str = "ours"
    halve: bool = False
    curated: bool = False
    start: str = ""
    rank: int = RANK
    draws: int = 2
    shift: float = 1.0
    begun: float = 0.0
    dropped: float = 0.1
    size: tuple[int, int] = (192, 256)
    base: str = ""
    ip_adapter: str = ""
    image_encoder: str = ""
    kind: ClassVar[str] = "modiste-restoration"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"There is no method '{self.method}' to train: choose {', '.join(METHODS)}.")
        if bool(self.base) != bool(self.ip_adapter) or bool(self.base) != bool(self.image_encoder):
            raise ValueError("'base', 'ip_adapter' and 'image_encoder' go together: give all three, or none for the tiny base.")

    @property
    def architecture(self) -> str:
        base = "SD1.5's sizes" if self.base else f"channels {LEVEL_CHANNELS}"
        eyes = "IP-Adapter" if self.base else f"CNN {WIDTHS}, resampler"
        return f"GarmNet: SD1.5 layout (LDM names), {base}, a channel more for the mask; image prompt: {eyes}"

    def build(self) -> Restorer:
        prompt = read_image_prompt(Path(self.ip_adapter)).requires_grad_(True) if self.ip_adapter else None
        restorer = new_restorer(self.method, self.rank, load_training_base(self._checkpoint), prompt)
        if self.start:
            load_restorer(restorer, Path(self.start))
        return restorer

    def dataset(self, data: Path | None, seed: int) -> Dataset:
        del seed
        if data is None or shard_seeds(data):
            if self.base:
                raise ValueError("Shards are small pictures for the tiny base: name the folder of a data set with --data.")
            return GarmentPairs(data, LatentEncoder(VAE_FILE, self.halve), self.curated)
        return FolderPairs(data, self.size, CLIP_SIZE if self.base else SIZE, self.curated)

    def prepared(self, batch: Any) -> Any:
        """Return a batch with its pictures as latents."""
        return batch | {name: self._latents(batch[name]) for name in ENCODED}

    def loss(self, model: Restorer, batch: Any, generator: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        del step
        batch = self.prepared(batch)
        person, garment = batch["person"], batch["garment"]
        seen = model.see(person, batch["mask"], self._seen(batch["crop"]), batch["category"])
        noisy, timestep, wanted = noised(garment.repeat(self.draws, 1, 1, 1), generator, model.prediction, self.shift, self.begun)
        keep = torch.rand(len(noisy), generator=generator, device=noisy.device) >= self.dropped
        return mse_loss(model.denoise(noisy, timestep, keep, seen).float(), wanted), {}

    def sample_sheet(self, model: Restorer, generator: torch.Generator) -> Image:
        pictures, masks, categories, flats = _shown(self.size)
        device = generator.device
        size = CLIP_SIZE if self.base else SIZE
        crops = torch.stack([close_up(picture, mask, size) for picture, mask in zip(pictures, masks, strict=True)])
        shrink = 2 if self.halve else 1
        near, masks = closer(pictures / 255, masks.float(), tuple(length // shrink for length in masks.shape[1:]))
        latents = self._latents((near * 255).round().to(device, torch.uint8))
        seen = model.see(latents, masks.to(device), self._seen(crops.to(device)), categories.to(device))
        noise = torch.randn(latents.shape, generator=generator, device=device)
        latents = ddim(guided(model, seen, len(noise), SHEET_GUIDANCE), noise)
        restored = self._frozen_vae(device).decode(latents.float() / LATENT_SCALE).sample.float() / 2 + 0.5
        if self.halve:
            restored = interpolate(restored, scale_factor=2)
        rows = zip(pictures, crops, restored.movedim(1, -1).cpu(), flats, strict=True)
        return contact_sheet([picture for row in rows for picture in row], None, 8)

    def export(self, model: Restorer, path: Path, metadata: dict[str, str]) -> None:
        """Write `NAME_net.safetensors`, and but for "concat" `NAME_prompt.safetensors`, for the name NAME.safetensors.

        What they started from is told in `started_from`, as JSON; the settings name files without their folders.
        """
        for given in filter(None, (self.start, self.base, self.ip_adapter, self.image_encoder)):
            metadata = {name: text.replace(given, Path(given).name) for name, text in metadata.items()}
        if self.start:
            metadata = metadata | {"started_from": json.dumps(read_metadata(net_file(Path(self.start))))}
        save_restorer(model, path.with_suffix(""), metadata)

    @property
    def _checkpoint(self) -> Path | None:
        return Path(self.base) if self.base else None

    def _latents(self, pictures: Tensor) -> Tensor:
        """Return pictures [B, H, W, 3] uint8 as latents; what is encoded already stays."""
        return as_latents(self._frozen_vae(pictures.device), pictures) if pictures.dtype == torch.uint8 else pictures

    def _seen(self, crops: Tensor) -> Tensor:
        """Return what the image prompt takes of crops: themselves, or what CLIP sees in them."""
        return _clip_eyes(Path(self.image_encoder), Path(self.ip_adapter), crops.device)(crops) if self.image_encoder else crops

    def _frozen_vae(self, device: torch.device) -> nn.Module:
        return _frozen_vae(self._checkpoint, device)


@cache
def _frozen_vae(checkpoint: Path | None, device: torch.device) -> nn.Module:
    return load_training_base(checkpoint).vae.to(device)


@cache
def _clip_eyes(folder: Path, ip_adapter: Path, device: torch.device) -> ClipEyes:
    plain = isinstance(read_image_prompt(ip_adapter).image_proj, Projection)
    return ClipEyes(folder, plain).to(device)


@cache
def _shown(size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the sheet's people [N, H, W, 3] uint8, the masks of a garment of each, its categories [N], and the garments alone."""
    found = []
    for index in range(SHEET_PEOPLE):
        sample = person_sample(BASE_SHEET_SEED, index * SHOTS, *size)
        worn = [garment for garment in sample.garments if garment.slot in SLOT_CATEGORY and garment.mask.any()]
        garment = worn[index % len(worn)]
        found.append((sample.image, garment.mask, torch.tensor(CATEGORIES.index(SLOT_CATEGORY[garment.slot])), garment.flat))
    pictures, masks, categories, flats = (torch.stack(many) for many in zip(*found, strict=True))
    return pictures, masks, categories, flats
